//! The exponential moving average of a network's parameters (Polyak and Juditsky 1992): it is steadier than the network of
//! any step, so it is what is validated and shipped.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Result, Tensor, Var};

use engine::{EngineError, Weights};

/// Averages of parameters and running statistics by name.
#[derive(Debug)]
pub struct Ema {
    average: BTreeMap<String, Tensor>,
    decay: f64,
    ramp: f64,
    updates: u64,
}

impl Ema {
    /// Starts at `parameters`. After n updates the average keeps `decay * (1 - e^(-n / ramp))` of itself: it follows
    /// quickly at first.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(parameters: &BTreeMap<String, Var>, decay: f64, ramp: f64) -> Result<Self> {
        let copy = |(name, var): (&String, &Var)| Ok((name.clone(), var.as_detached_tensor().copy()?));
        Ok(Self { average: parameters.iter().map(copy).collect::<Result<_>>()?, decay, ramp, updates: 0 })
    }

    /// Takes in the parameters after a step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update(&mut self, parameters: &BTreeMap<String, Var>) -> Result<()> {
        self.updates += 1;
        let keep = self.decay * (1.0 - (-(self.updates as f64) / self.ramp).exp());
        for (name, average) in &mut self.average {
            let Some(var) = parameters.get(name) else { continue };
            *average = ((&*average * keep)? + (var.as_detached_tensor() * (1.0 - keep))?)?.detach();
        }
        Ok(())
    }

    /// The averages and how many updates they took in.
    #[must_use]
    pub fn state(&self) -> (&BTreeMap<String, Tensor>, u64) {
        (&self.average, self.updates)
    }

    /// Goes on from what [`Ema::state`] said.
    pub fn restore(&mut self, average: BTreeMap<String, Tensor>, updates: u64) {
        self.average = average;
        self.updates = updates;
    }

    /// The averages as weights; errors and the card speak of `path`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn weights(&self, path: &Path) -> std::result::Result<Weights, EngineError> {
        weights_of(&self.average, path)
    }
}

/// Tensors as weights.
pub(super) fn weights_of(tensors: &BTreeMap<String, Tensor>, path: &Path) -> std::result::Result<Weights, EngineError> {
    let mut weights = Weights::new(path);
    for (name, tensor) in tensors {
        let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
        let values = values.map_err(|error| EngineError::Load {
            path: path.to_owned(),
            reason: format!("tensor {name} cannot be copied: {error}"),
        })?;
        weights.insert(name.clone(), tensor.dims(), values)?;
    }
    Ok(weights)
}
