//! The batch-norm layer: scales, shifts and running statistics.

use candle_core::{Result, Tensor, Var};
use candle_nn::{Init, VarBuilder};

use super::activation::Activation;
use super::norm::{batch_norm_act, scale_shift_act};

/// Batch normalisation with running statistics. Tensors: `weight`, `bias`, `running_mean`, `running_var`.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    gamma: Tensor,
    beta: Tensor,
    mean: Var,
    variance: Var,
    config: BatchNormConfig,
}

/// Constants of a [`BatchNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormConfig {
    /// Added to variances.
    pub eps: f64,
    /// Weight of a batch's statistics in the running ones.
    pub momentum: f64,
}

impl BatchNorm {
    /// Loads, or starts as the identity with statistics 0 and 1.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    #[expect(clippy::needless_pass_by_value, reason = "candle's convention for `load`")]
    pub fn load(channels: usize, config: BatchNormConfig, vb: VarBuilder) -> Result<Self> {
        let get = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
        Ok(Self {
            gamma: get("weight", 1.0)?,
            beta: get("bias", 0.0)?,
            mean: Var::from_tensor(&get("running_mean", 0.0)?)?,
            variance: Var::from_tensor(&get("running_var", 1.0)?)?,
            config,
        })
    }

    /// Normalises (N, C, H, W), then the activation. `train`: with the statistics of the batch, which the running ones move
    /// towards (the variance as its unbiased estimate); otherwise with the running ones.
    ///
    /// # Errors
    /// When shapes do not fit or candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool, activation: Activation) -> Result<Tensor> {
        let BatchNormConfig { eps, momentum } = self.config;
        if !train {
            let scale = (&self.gamma / (self.variance.as_detached_tensor() + eps)?.sqrt()?)?;
            let shift = (&self.beta - (self.mean.as_detached_tensor() * &scale)?)?;
            return scale_shift_act(x, &scale, &shift, activation);
        }
        let (y, mean, variance) = batch_norm_act(x, &self.gamma, &self.beta, eps, activation)?;
        let count = (x.elem_count() / self.gamma.elem_count()) as f64;
        // One value has no spread: its variance counts as zero rather than as 0 / 0.
        let unbiased = (variance * (count / (count - 1.0).max(1.0)))?;
        let towards = |running: &Var, value: Tensor| {
            running.set(&((running.as_detached_tensor() * (1.0 - momentum))? + (value * momentum)?)?)
        };
        towards(&self.mean, mean)?;
        towards(&self.variance, unbiased)?;
        Ok(y)
    }
}
