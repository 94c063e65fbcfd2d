//! Scalers: features to one scale. Learned from training rows alone.

use serde::{Deserialize, Serialize};

use crate::matrix::Matrix;
use crate::stats::{ascending, mean, quantile, variance};

/// How features are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingMethod {
    /// To mean 0 and standard deviation 1 (of the population).
    #[default]
    Standard,
    /// To the range 0 to 1.
    Minmax,
    /// To median 0 and interquartile range 1.
    Robust,
    /// As they are.
    None,
}

/// `(x - shift) / scale`, feature by feature. A feature without spread is only shifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaler {
    shift: Vec<f64>,
    scale: Vec<f64>,
}

impl Scaler {
    /// Learns from these rows.
    #[must_use]
    pub fn learn(x: &Matrix, method: ScalingMethod) -> Self {
        let (shift, scale) = (0..x.columns())
            .map(|column| {
                let values = x.column(column);
                let (shift, scale) = match method {
                    ScalingMethod::None => (0.0, 1.0),
                    ScalingMethod::Standard => (mean(&values), variance(&values, 0).sqrt()),
                    ScalingMethod::Minmax => {
                        let sorted = ascending(values);
                        let (low, high) = (sorted.first().copied(), sorted.last().copied());
                        (low.unwrap_or(0.0), high.unwrap_or(1.0) - low.unwrap_or(0.0))
                    }
                    ScalingMethod::Robust => {
                        let sorted = ascending(values);
                        (quantile(&sorted, 0.5), quantile(&sorted, 0.75) - quantile(&sorted, 0.25))
                    }
                };
                // Ten roundings of the mean are no spread.
                let spread = scale.is_finite() && scale > 10.0 * f64::EPSILON * shift.abs().max(f64::MIN_POSITIVE);
                (if shift.is_finite() { shift } else { 0.0 }, if spread { scale } else { 1.0 })
            })
            .unzip();
        Self { shift, scale }
    }

    /// Scales rows in place.
    ///
    /// # Panics
    /// When they have another number of features than those learned from.
    pub fn apply(&self, x: &mut Matrix) {
        assert_eq!(x.columns(), self.shift.len(), "features of the scaler");
        for row in 0..x.rows() {
            for ((value, shift), scale) in x.row_mut(row).iter_mut().zip(&self.shift).zip(&self.scale) {
                *value = (*value - shift) / scale;
            }
        }
    }

    /// What is taken off each feature: means, when standard.
    #[must_use]
    pub fn shift(&self) -> &[f64] {
        &self.shift
    }

    /// What each feature is divided by: standard deviations, when standard; 1 where there is no spread.
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Whether it scales so many features by finite numbers, for scalers out of files.
    pub(crate) fn is_sound(&self, features: usize) -> bool {
        let good = |values: &[f64]| values.len() == features && values.iter().all(|value| value.is_finite());
        good(&self.shift) && good(&self.scale) && self.scale.iter().all(|scale| *scale != 0.0)
    }
}
