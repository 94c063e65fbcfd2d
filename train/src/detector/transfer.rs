//! Where training starts from: weights of another network, as far as they fit.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use candle_core::{DType, Device};
use candle_nn::{VarBuilder, VarMap};
use engine::backbones::recognize;
use engine::{Backbone, EngineError, Weights};

use detector::model::architecture::BACKBONE_PREFIX;
use detector::model::{Architecture, DetectorNetwork};

/// What of some weights a network can start from. Nothing is taken that has not the very shape that is wanted.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The tensors taken, under the network's names.
    pub weights: Weights,
    /// Tensors of the network that were not there: they start from their initial values.
    pub missing: Vec<String>,
    /// Tensors of the same name but another shape.
    pub reshaped: Vec<Reshaped>,
    /// Tensors that the network has no use for.
    pub unused: Vec<String>,
    /// Convolutions of the source whose batch norms were folded in: their scale is lost, so the network has to learn it
    /// anew. Weights that were not folded are the better start.
    pub folded: usize,
}

/// A tensor that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshaped {
    /// Name in the network.
    pub name: String,
    /// Shape in the source.
    pub found: Vec<usize>,
    /// Shape in the network.
    pub wanted: Vec<usize>,
}

/// Name and shape of every tensor of a network that is trained, running statistics included.
///
/// # Errors
/// When candle fails.
pub fn parameters(architecture: Architecture) -> candle_core::Result<BTreeMap<String, Vec<usize>>> {
    let map = VarMap::new();
    DetectorNetwork::load(VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu), architecture)?;
    let tensors = map.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(tensors.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect())
}

impl Transfer {
    /// Matches the weights at `path` (safetensors, ONNX, PyTorch) with the tensors of `architecture`: a detector by its own
    /// names; a backbone, under its native names or others that it knows, becomes that of a detector that stands on it.
    ///
    /// # Errors
    /// When the file cannot be read or holds numbers that are not finite.
    pub fn open(path: &Path, architecture: Architecture) -> Result<Self, EngineError> {
        let source = Weights::open(path)?;
        let wanted = parameters(architecture)
            .map_err(|error| EngineError::Load { path: path.to_owned(), reason: error.to_string() })?;
        Self::plan(&source, architecture, &wanted)
    }

    /// The same from weights in memory and the network's names and shapes.
    ///
    /// # Errors
    /// When numbers that would be taken are not finite.
    pub fn plan(
        source: &Weights,
        architecture: Architecture,
        wanted: &BTreeMap<String, Vec<usize>>,
    ) -> Result<Self, EngineError> {
        let source = renamed(source, architecture.backbone)?;
        let mut weights = Weights::new(source.path());
        let (mut missing, mut reshaped) = (Vec::new(), Vec::new());
        for (name, shape) in wanted {
            match source.shape(name) {
                Some(found) if found == shape => {
                    let values = source.take(name, shape)?.to_vec();
                    weights.insert(name.as_str(), shape, values)?;
                }
                Some(found) => {
                    reshaped.push(Reshaped { name: name.clone(), found: found.to_vec(), wanted: shape.clone() });
                }
                None => missing.push(name.clone()),
            }
        }
        let unused: Vec<String> = source.unused().into_iter().map(str::to_owned).collect();
        let unused: Vec<String> = unused.into_iter().filter(|name| !reshaped.iter().any(|r| r.name == *name)).collect();
        let folded = unused.iter().filter(|name| {
            let conv = name.strip_suffix(".bias").map(|conv| format!("{conv}.weight"));
            conv.is_some_and(|conv| weights.contains(&conv))
        });
        let folded = folded.count();
        Ok(Self { weights, missing, reshaped, unused, folded })
    }
}

/// A backbone's tensors get the names they have under a detector.
fn renamed(source: &Weights, backbone: Option<&dyn Backbone>) -> Result<Weights, EngineError> {
    let shapes: Vec<(&str, &[usize])> = source.iter().map(|(name, shape, _)| (name, shape)).collect();
    // A copy of its own, which remembers by itself what is used.
    let copy = || source.renamed(|name| Some(name.to_owned()));
    let Some(backbone) = backbone else { return copy() };
    if !recognize(shapes.into_iter()).is_some_and(|found| found.is_twin_of(backbone)) {
        return copy();
    }
    source.renamed(|name| backbone.native_name(name).map(|name| format!("{BACKBONE_PREFIX}.{name}")))
}

/// A report for the log: what was taken, what not, by name as far as there is room.
impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 6;
        let taken = self.weights.len();
        let all = taken + self.missing.len() + self.reshaped.len();
        write!(f, "{taken} of {all} tensors start from {}", self.weights.path().display())?;
        let some = |names: &mut dyn Iterator<Item = String>, count: usize| {
            let named: Vec<String> = names.take(NAMED).collect();
            format!("{}{}", named.join(", "), if count > NAMED { ", ..." } else { "" })
        };
        if !self.reshaped.is_empty() {
            let shapes =
                &mut self.reshaped.iter().map(|r| format!("{} {:?} instead of {:?}", r.name, r.found, r.wanted));
            write!(f, "; {} have another shape: {}", self.reshaped.len(), some(shapes, self.reshaped.len()))?;
        }
        if !self.missing.is_empty() {
            let names = some(&mut self.missing.iter().cloned(), self.missing.len());
            write!(f, "; {} are not there: {names}", self.missing.len())?;
        }
        if !self.unused.is_empty() {
            let names = some(&mut self.unused.iter().cloned(), self.unused.len());
            write!(f, "; {} of the source have no use: {names}", self.unused.len())?;
        }
        if self.folded > 0 {
            write!(f, "; the batch norms of {} convolutions were folded in, their scale is lost", self.folded)?;
        }
        Ok(())
    }
}
