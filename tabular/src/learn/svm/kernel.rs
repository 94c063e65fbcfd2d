//! Kernels: how alike two rows are.

use serde::{Deserialize, Serialize};

use crate::learn::lbfgs::dot;
use crate::learn::{LearnError, require};
use crate::matrix::Matrix;
use crate::stats::variance;

/// Which kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelName {
    /// The scalar product.
    Linear,
    /// `exp(-gamma |a - b|^2)`.
    #[default]
    Rbf,
    /// `(gamma a.b + coef0)^degree`.
    Poly,
}

/// Width of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Gamma {
    /// By a rule.
    Rule(GammaRule),
    /// So wide.
    Value(f64),
}

/// A width that follows from the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GammaRule {
    /// 1 / (features * variance of all values).
    Scale,
    /// 1 / features.
    Auto,
}

impl Gamma {
    pub(super) fn of(self, x: &Matrix) -> Result<f64, LearnError> {
        let features = x.columns() as f64;
        match self {
            Self::Rule(GammaRule::Auto) => Ok(1.0 / features),
            Self::Rule(GammaRule::Scale) => {
                let variance = variance(x.values(), 0);
                Ok(if variance > 0.0 { 1.0 / (features * variance) } else { 1.0 })
            }
            Self::Value(value) => {
                require(value > 0.0 && value.is_finite(), "gamma", value, "scale, auto or a positive number")?;
                Ok(value)
            }
        }
    }
}

/// A kernel with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    pub(super) name: KernelName,
    pub(super) gamma: f64,
    pub(super) degree: u32,
    pub(super) coef0: f64,
}

impl Kernel {
    /// How alike two rows are.
    #[must_use]
    pub fn of(&self, a: &[f64], b: &[f64]) -> f64 {
        match self.name {
            KernelName::Linear => dot(a, b),
            KernelName::Rbf => (-self.gamma * a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()).exp(),
            KernelName::Poly => (self.gamma * dot(a, b) + self.coef0).powi(self.degree as i32),
        }
    }

    /// Which kernel, its width, degree and constant.
    #[must_use]
    pub fn parts(&self) -> (KernelName, f64, u32, f64) {
        (self.name, self.gamma, self.degree, self.coef0)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.gamma.is_finite() && self.coef0.is_finite() && self.degree <= 100
    }
}
