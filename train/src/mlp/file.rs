//! The network, and everything a run needs to go on, as safetensors.

use std::path::Path;

use engine::{EngineError, Precision, Weights};
use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::network::{Dense, Mlp};
use crate::core::learner::Standing;

const KEY: &str = "shelf.mlp";

/// Where a run stands, beside its tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Of what is learned, and how: another run cannot go on from here.
    pub(super) identity: String,
    pub(super) epochs: u64,
    pub(super) best: Option<(u64, f64)>,
    pub(super) seconds: f64,
    pub(super) steps: u64,
}

impl State {
    pub(super) fn standing(&self) -> Standing {
        Standing { epochs: self.epochs, best: self.best, seconds: self.seconds }
    }
}

/// Writes network, optimiser and state, whole or not at all.
pub(super) fn save(path: &Path, network: &Mlp, adam: &Adam, state: &State) -> Result<(), EngineError> {
    let mut all = weights(network, path)?;
    for (at, [first, second]) in adam.moments.iter().enumerate() {
        all.insert(format!("moments.{at}.first"), &[first.len()], first.clone())?;
        all.insert(format!("moments.{at}.second"), &[second.len()], second.clone())?;
    }
    let text = serde_json::to_string(state).map_err(|error| broken(path, &error))?;
    all.metadata_mut().insert(KEY.to_owned(), text);
    all.save(path, Precision::F32)
}

/// What [`save`] wrote.
pub(super) fn open(path: &Path) -> Result<(Mlp, Adam, State), EngineError> {
    let file = Weights::open(path)?;
    let text = file.metadata().get(KEY).ok_or_else(|| broken(path, &"it holds weights only"))?;
    let state: State = serde_json::from_str(text).map_err(|error| broken(path, &error))?;
    let network = network(&file, path)?;
    let slice = |at: usize, which: &str| {
        file.iter().find(|(name, ..)| *name == format!("moments.{at}.{which}")).map(|(_, _, values)| values.to_vec())
    };
    let mut adam = Adam { moments: Vec::new(), steps: state.steps };
    while let (Some(first), Some(second)) = (slice(adam.moments.len(), "first"), slice(adam.moments.len(), "second")) {
        adam.moments.push([first, second]);
    }
    Ok((network, adam, state))
}

/// Layers as PyTorch has them: `layers.0.weight` (outputs, inputs) and `layers.0.bias`.
pub(super) fn weights(network: &Mlp, path: &Path) -> Result<Weights, EngineError> {
    let mut weights = Weights::new(path);
    for (at, layer) in network.layers().iter().enumerate() {
        let turned = turned(&layer.weights, layer.inputs, layer.outputs);
        weights.insert(format!("layers.{at}.weight"), &[layer.outputs, layer.inputs], turned)?;
        weights.insert(format!("layers.{at}.bias"), &[layer.outputs], layer.bias.clone())?;
    }
    Ok(weights)
}

/// The network in a file of [`weights`].
pub(super) fn network(file: &Weights, path: &Path) -> Result<Mlp, EngineError> {
    let mut layers = Vec::new();
    loop {
        let name = format!("layers.{}.weight", layers.len());
        let Some(shape) = file.shape(&name).map(<[usize]>::to_vec) else { break };
        let [outputs, inputs] = shape[..] else { return Err(broken(path, &"a layer's weights are no matrix")) };
        let weights = turned(file.take(&name, &shape)?, outputs, inputs);
        let bias = file.take(&format!("layers.{}.bias", layers.len()), &[outputs])?.to_vec();
        layers.push(Dense { inputs, outputs, weights, bias });
    }
    Mlp::of_layers(layers).ok_or_else(|| broken(path, &"its layers do not fit each other"))
}

/// A matrix (rows, columns) turned over.
pub(super) fn turned(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| matrix[row * columns + column])).collect()
}

fn broken(path: &Path, reason: &dyn std::fmt::Display) -> EngineError {
    EngineError::Load { path: path.to_owned(), reason: format!("it is no checkpoint of such a network: {reason}") }
}
