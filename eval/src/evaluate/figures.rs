//! Named figures with their intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::Figure;
use crate::{Bootstrap, Interval};

/// Figures by name. A missing value is kept as such: it fails a gate, it is not left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// By the names of [`crate::metric::METRICS`].
    pub metrics: BTreeMap<String, Option<f64>>,
    /// 95 % intervals of those that have one.
    pub intervals: BTreeMap<String, Interval>,
}

impl Figures {
    /// Sets a figure without an interval.
    pub fn set(&mut self, name: &str, value: Option<f64>) {
        self.metrics.insert(name.to_owned(), value.filter(|v| v.is_finite()));
    }

    /// Sets `N` figures and their intervals over `units` images. `figures` takes the weight of each image.
    pub fn measure<const N: usize>(
        &mut self,
        names: [&str; N],
        (units, bootstrap): (usize, Bootstrap),
        figures: impl Fn(Option<&[u32]>) -> [Option<f64>; N] + Sync,
    ) {
        let intervals = match units {
            // A single image resampled is itself: that is no interval.
            0 | 1 => [const { None }; N],
            _ => bootstrap.intervals(units, |weights| figures(Some(weights))),
        };
        for ((name, value), interval) in names.into_iter().zip(figures(None)).zip(intervals) {
            self.set(name, value);
            if let (Some(value), Some(interval)) = (value, interval) {
                self.intervals.insert(name.to_owned(), interval.around(value));
            }
        }
    }

    /// As [`Figures::measure`], for figures known at run time. Of figures beyond the names the intervals are given back.
    pub fn measure_list(
        &mut self,
        names: &[String],
        (units, bootstrap): (usize, Bootstrap),
        figures: impl Fn(Option<&[u32]>) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let values = figures(None);
        let mut intervals = match units {
            0 | 1 => vec![None; values.len()],
            _ => bootstrap.interval_list(units, values.len(), |weights| figures(Some(weights))),
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

    /// A figure ready to be judged.
    #[must_use]
    pub fn figure(&self, name: &str, evidence: u64) -> Figure {
        Figure { value: self.get(name), interval: self.intervals.get(name).copied(), evidence }
    }

    /// A figure's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).copied().flatten()
    }

    /// Takes over the figures of another kind of result.
    pub fn extend(&mut self, other: &Self) {
        self.metrics.extend(other.metrics.clone());
        self.intervals.extend(other.intervals.clone());
    }
}

/// Figures of one slice.
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
    /// The few figures that matter.
    #[serde(flatten)]
    pub figures: Figures,
}
