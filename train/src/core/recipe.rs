//! How weights are moved, as configurations say it.

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};
use vision::config::{Check, ConfigError};

use super::{Decay, OptimizerKind, Schedule};

/// Which rule moves weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserName {
    /// Stochastic gradient descent with Nesterov's momentum.
    #[default]
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// How weights are moved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// `sgd` or `adamw`.
    pub name: OptimiserName,
    /// Learning rate after warm-up.
    pub lr0: f64,
    /// Learning rate at the end, as a fraction of `lr0`.
    pub lrf: f64,
    /// Along a cosine instead of a line.
    pub cosine: bool,
    /// Momentum of SGD, first moment of AdamW.
    pub momentum: f64,
    /// Weight decay, of weights of two axes and more.
    pub weight_decay: f64,
    /// Epochs of warm-up.
    pub warmup_epochs: f64,
    /// Momentum at the start of warm-up.
    pub warmup_momentum: f64,
    /// Learning rate of biases at the start of warm-up.
    pub warmup_bias_lr: f64,
    /// Norm that gradients are cut to.
    pub clip_norm: f64,
    /// Images whose gradients make a step; batches are accumulated up to it.
    pub nominal_batch: usize,
    /// Decay of the averaged weights.
    pub ema_decay: f64,
    /// Steps after which the average has settled.
    pub ema_steps: f64,
    /// Learning rate of a backbone that starts from weights, as a fraction of the others'.
    pub backbone_lr: f64,
    /// Activations and gradients in bf16 on CUDA; weights, their sums and statistics stay f32.
    pub mixed_precision: bool,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            name: OptimiserName::Sgd,
            lr0: 0.01,
            lrf: 0.01,
            cosine: false,
            momentum: 0.937,
            weight_decay: 5e-4,
            warmup_epochs: 3.0,
            warmup_momentum: 0.8,
            warmup_bias_lr: 0.1,
            clip_norm: 10.0,
            nominal_batch: 64,
            ema_decay: 0.9999,
            ema_steps: 2000.0,
            backbone_lr: 1.0,
            mixed_precision: false,
        }
    }
}

impl Optimiser {
    /// The same, when every number makes sense.
    ///
    /// # Errors
    /// Naming the key `optimizer.X` otherwise.
    pub fn checked(self, check: &Check<'_>) -> Result<Self, ConfigError> {
        for (key, value, low, high) in [
            ("lr0", self.lr0, 1e-8, 10.0),
            ("lrf", self.lrf, 0.0, 1.0),
            ("momentum", self.momentum, 0.0, 0.9999),
            ("weight_decay", self.weight_decay, 0.0, 1.0),
            ("warmup_epochs", self.warmup_epochs, 0.0, 1000.0),
            ("warmup_momentum", self.warmup_momentum, 0.0, 0.9999),
            ("warmup_bias_lr", self.warmup_bias_lr, 0.0, 10.0),
            ("clip_norm", self.clip_norm, 1e-6, 1e9),
            ("ema_decay", self.ema_decay, 0.0, 0.999_999),
            ("ema_steps", self.ema_steps, 1.0, 1e9),
            ("backbone_lr", self.backbone_lr, 0.0, 10.0),
        ] {
            check.within(&format!("optimizer.{key}"), value, low, high)?;
        }
        check.within("optimizer.nominal_batch", self.nominal_batch, 1, 1 << 20)?;
        Ok(self)
    }

    /// What a network is given images as: it computes in the type of its input.
    #[must_use]
    pub fn input_dtype(&self, device: &Device) -> DType {
        if self.mixed_precision && device.is_cuda() { DType::BF16 } else { DType::F32 }
    }

    /// The rule.
    #[must_use]
    pub fn kind(&self) -> OptimizerKind {
        match self.name {
            OptimiserName::Sgd => OptimizerKind::Sgd,
            OptimiserName::AdamW => OptimizerKind::AdamW { beta2: 0.999, epsilon: 1e-8 },
        }
    }

    /// The rates over a run of so many epochs of `steps` steps.
    #[must_use]
    pub fn schedule(&self, steps: u64, epochs: u32) -> Schedule {
        Schedule {
            base: self.lr0,
            last: self.lrf,
            decay: if self.cosine { Decay::Cosine } else { Decay::Linear },
            steps: steps * u64::from(epochs),
            warmup: (self.warmup_epochs * steps as f64).round() as u64,
            warmup_bias: self.warmup_bias_lr,
            momentum: self.momentum,
            warmup_momentum: self.warmup_momentum,
            weight_decay: self.weight_decay,
        }
    }
}
