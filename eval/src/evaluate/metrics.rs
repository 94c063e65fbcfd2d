//! Named metrics with their intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::Measurement;
use crate::{Bootstrap, Interval};

/// Metrics by name. A missing value is kept as such: it fails a gate, it is not left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// By the names of [`crate::metric::METRICS`].
    #[serde(rename = "metrics")]
    pub values: BTreeMap<String, Option<f64>>,
    /// 95 % intervals of those that have one.
    pub intervals: BTreeMap<String, Interval>,
}

impl Metrics {
    /// Sets a metric without an interval.
    pub fn set(&mut self, name: &str, value: Option<f64>) {
        self.values.insert(name.to_owned(), value.filter(|v| v.is_finite()));
    }

    /// Sets `N` metrics and their intervals over `units` images. `metrics` takes the weight of each image.
    pub fn measure<const N: usize>(
        &mut self,
        names: [&str; N],
        (units, bootstrap): (usize, Bootstrap),
        metrics: impl Fn(Option<&[u32]>) -> [Option<f64>; N] + Sync,
    ) {
        let intervals = match units {
            // A single image resampled is itself: that is no interval.
            0 | 1 => [const { None }; N],
            _ => bootstrap.intervals(units, |weights| metrics(Some(weights))),
        };
        for ((name, value), interval) in names.into_iter().zip(metrics(None)).zip(intervals) {
            self.set(name, value);
            if let (Some(value), Some(interval)) = (value, interval) {
                self.intervals.insert(name.to_owned(), interval.around(value));
            }
        }
    }

    /// As [`Metrics::measure`], for metrics known at run time. Of metrics beyond the names the intervals are given back.
    pub fn measure_list(
        &mut self,
        names: &[String],
        (units, bootstrap): (usize, Bootstrap),
        metrics: impl Fn(Option<&[u32]>) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let values = metrics(None);
        let mut intervals = match units {
            0 | 1 => vec![None; values.len()],
            _ => bootstrap.interval_list(units, values.len(), |weights| metrics(Some(weights))),
        };
        let unnamed = intervals.split_off(names.len().min(intervals.len()));
        for ((name, value), interval) in names.iter().zip(values).zip(intervals) {
            self.set(name, value);
            if let (Some(value), Some(interval)) = (value, interval) {
                self.intervals.insert(name.clone(), interval.around(value));
            }
        }
        unnamed
    }

    /// A metric, ready to be judged.
    #[must_use]
    pub fn measurement(&self, name: &str, evidence: u64) -> Measurement {
        Measurement { value: self.get(name), interval: self.intervals.get(name).copied(), evidence }
    }

    /// A metric's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied().flatten()
    }

    /// Takes over the metrics of another kind of result.
    pub fn extend(&mut self, other: &Self) {
        self.values.extend(other.values.clone());
        self.intervals.extend(other.intervals.clone());
    }
}

/// Metrics of one slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceLine {
    /// What is sliced by.
    pub column: String,
    /// Which part.
    pub value: String,
    /// Images in it.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Boxes, crops or rows in it.
    pub evidence: u64,
    /// The few metrics that matter.
    #[serde(flatten)]
    pub metrics: Metrics,
}
