//! Metrics of numbers.

use serde::Serialize;

use crate::stats::{mean, variance};

/// What is known of predicted numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Regression {
    /// Coefficient of determination: 1 is perfect, 0 is as good as the mean. Of a constant truth: 1 if told exactly, else 0.
    pub r2: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean of absolute errors relative to the truth, as a fraction. A truth of 0 counts as a rounding error.
    pub mape: f64,
    /// As R2, with a constant error forgiven.
    pub explained_variance: f64,
}

/// Judges predicted numbers.
///
/// # Panics
/// When lengths differ.
#[must_use]
pub fn regression(truth: &[f64], told: &[f64]) -> Regression {
    assert_eq!(truth.len(), told.len(), "one answer a row");
    let errors: Vec<f64> = truth.iter().zip(told).map(|(truth, told)| truth - told).collect();
    let squared = mean(&errors.iter().map(|error| error * error).collect::<Vec<_>>());
    let spread = variance(truth, 0);
    let explained = |left: f64| match (left == 0.0, spread == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - left / spread,
    };
    let relative = truth.iter().zip(&errors).map(|(truth, error)| error.abs() / truth.abs().max(f64::EPSILON));
    Regression {
        r2: explained(squared),
        rmse: squared.sqrt(),
        mae: mean(&errors.iter().map(|error| error.abs()).collect::<Vec<_>>()),
        mape: mean(&relative.collect::<Vec<_>>()),
        explained_variance: explained(variance(&errors, 0)),
    }
}
