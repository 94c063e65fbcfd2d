//! The learning rate over the run.

use super::Rates;

/// How the rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// In a straight line.
    Linear,
    /// Along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
    /// Not at all.
    Constant,
}

/// Rates of every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Rate after the warm-up.
    pub base: f64,
    /// Fraction of `base` that is left at the end.
    pub last: f64,
    /// How it falls.
    pub decay: Decay,
    /// Steps of the whole run.
    pub steps: u64,
    /// Steps of warm-up: weights start at rate 0, biases at `warmup_bias`.
    pub warmup: u64,
    /// Rate of biases at the first step of the warm-up.
    pub warmup_bias: f64,
    /// Momentum after the warm-up.
    pub momentum: f64,
    /// Momentum at its first step.
    pub warmup_momentum: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

impl Schedule {
    /// Rates of step `step`, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> Rates {
        let part = (step as f64 / self.steps.max(1) as f64).min(1.0);
        let left = match self.decay {
            Decay::Linear => 1.0 - part,
            Decay::Cosine => (1.0 + (std::f64::consts::PI * part).cos()) / 2.0,
            Decay::Constant => 1.0,
        };
        let rate = self.base * (self.last + (1.0 - self.last) * left);
        let warm = if self.warmup == 0 { 1.0 } else { (step as f64 / self.warmup as f64).min(1.0) };
        let between = |from: f64, to: f64| from + (to - from) * warm;
        Rates {
            learning_rate: between(0.0, rate),
            bias_learning_rate: between(self.warmup_bias, rate),
            momentum: between(self.warmup_momentum, self.momentum),
            weight_decay: self.weight_decay,
        }
    }
}
