//! How far a metric would move with other images: percentile bootstrap over images (Efron 1979).
//!
//! Boxes of one image stand or fall together, so whole images are sampled, never boxes. A resample is a multiplicity
//! per image; metrics take it as weights, so nothing is matched or sorted twice.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of resamples; 0 turns intervals off.
    pub resamples: u32,
    /// Decides every draw.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, seed: 42 }
    }
}

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// 2.5 % of resamples lie below.
    pub low: f64,
    /// 2.5 % of resamples lie above.
    pub high: f64,
}

impl Interval {
    /// Widened to hold the metric of the data itself, which the percentile method does not promise for skewed metrics.
    #[must_use]
    pub fn around(self, point: f64) -> Self {
        Self { low: self.low.min(point), high: self.high.max(point) }
    }
}

/// Minimum fraction of resamples in which a metric must be defined for its interval to be given.
const MIN_DEFINED: f64 = 0.5;

impl Bootstrap {
    /// Intervals of `N` metrics at once. `metrics` gets the multiplicity of each of `units` images.
    /// A metric that is undefined in more than half of the resamples has none.
    pub fn intervals<const N: usize>(
        &self,
        units: usize,
        metrics: impl Fn(&[u32]) -> [Option<f64>; N] + Sync,
    ) -> [Option<Interval>; N] {
        let rows = self.replicates(units, |weights| metrics(weights).to_vec());
        std::array::from_fn(|i| interval(rows.iter().filter_map(|row| row[i]).collect(), self.resamples))
    }

    /// As [`Bootstrap::intervals`], for a number of metrics known at run time.
    pub fn interval_list(
        &self,
        units: usize,
        count: usize,
        metrics: impl Fn(&[u32]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let rows = self.replicates(units, metrics);
        let column = |i: usize| rows.iter().filter_map(|row| row.get(i).copied().flatten()).collect();
        (0..count).map(|i| interval(column(i), self.resamples)).collect()
    }

    fn replicates(&self, units: usize, metrics: impl Fn(&[u32]) -> Vec<Option<f64>> + Sync) -> Vec<Vec<Option<f64>>> {
        if units == 0 {
            return Vec::new();
        }
        let replicate = |weights: &mut Vec<u32>, index: u32| {
            // A stream per resample: the result does not depend on the number of threads.
            let mut random = Random::stream(self.seed, u64::from(index));
            weights.clear();
            weights.resize(units, 0);
            for _ in 0..units {
                weights[random.below(units)] += 1;
            }
            metrics(weights)
        };
        (0..self.resamples).into_par_iter().map_init(Vec::new, replicate).collect()
    }
}

fn interval(mut values: Vec<f64>, resamples: u32) -> Option<Interval> {
    values.retain(|v| v.is_finite());
    if values.is_empty() || (values.len() as f64) < MIN_DEFINED * f64::from(resamples) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}

/// Linear interpolation between order statistics (Hyndman and Fan 1996, type 7). `sorted` is not empty.
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let at = fraction * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}
