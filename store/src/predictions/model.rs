//! An answer as it is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use vision::{Sha256, SkuId};

use crate::error::StoreError;
use crate::model::{Timestamp, spelled};

/// Bins of a histogram, a tenth each; what lies below 0 is in the first, 1 in the last.
pub const BINS: usize = 10;

/// Stands for no SKU where signals are by SKU.
pub const NO_SKU: i64 = -1;

/// Values counted in [`BINS`] bins of `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram(pub [u64; BINS]);

impl Histogram {
    /// Counts a value; one that is no number counts nowhere.
    pub fn add(&mut self, value: f32) {
        if value.is_nan() {
            return;
        }
        // Saturates: below 0 is the first bin.
        let bin = (value * BINS as f32) as usize;
        self.0[bin.min(BINS - 1)] += 1;
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(*more);
        }
    }

    /// Values counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, count| total.saturating_add(*count))
    }
}

spelled! {
    /// What tells how sure an answer was.
    Signal ("signal") {
        /// Cosine similarity of a facing to its best exemplar.
        Similarity => "similarity",
        /// Of the detector.
        Confidence => "confidence",
    }
}

/// An answer, to be written down.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPrediction {
    /// Id of the organisation whose photo it was.
    pub organisation: String,
    /// When it was answered.
    pub at: Timestamp,
    /// Names the request.
    pub request_id: String,
    /// Name and version of what answered.
    pub release: String,
    /// Of which test, and which side of it, when one runs.
    pub arm: Option<String>,
    /// Where the photo was taken, when the client says so.
    pub store: Option<String>,
    /// Of what.
    pub shelf: Option<String>,
    /// When.
    pub taken_at: Option<Timestamp>,
    /// Of the file as it was sent.
    pub photo: Sha256,
    /// From the last byte of the photo to its answer.
    pub latency_ms: f64,
    /// All facings.
    pub facings: u32,
    /// Those of no SKU.
    pub unknown: u32,
    /// Facings by SKU.
    pub counts: BTreeMap<SkuId, u32>,
    /// SKU (or [`NO_SKU`]), similarity and confidence of each facing: counted by day, not kept.
    pub signals: Vec<(i64, f32, f32)>,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// When it was answered.
    pub at: Timestamp,
    /// Tells answers of one millisecond apart.
    pub id: i64,
    /// Names the request.
    pub request_id: String,
    /// Name and version of what answered.
    pub release: String,
    /// Of which test, and which side of it.
    pub arm: Option<String>,
    /// Where the photo was taken.
    pub store: Option<String>,
    /// Of what.
    pub shelf: Option<String>,
    /// When.
    pub taken_at: Option<Timestamp>,
    /// Of the file as it was sent.
    pub photo: Sha256,
    /// From the last byte of the photo to its answer.
    pub latency_ms: f64,
    /// All facings.
    pub facings: u32,
    /// Those of no SKU.
    pub unknown: u32,
    /// Facings by SKU.
    pub counts: BTreeMap<SkuId, u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_bins() {
        let check = |values: &[f32], expected: [u64; BINS]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.add(*value));
            assert_eq!(histogram.0, expected, "{values:?}");
        };
        check(&[], [0; BINS]);
        check(&[0.0, 0.05, 0.099], [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        check(&[-1.0, f32::NEG_INFINITY], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        check(&[0.95, 1.0, 1.5, f32::INFINITY], [0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
        check(&[0.55, f32::NAN], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    }
}
