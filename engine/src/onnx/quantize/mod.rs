//! Networks in int8: activations in unsigned, weights in signed bytes with a scale per channel (QDQ form).
//!
//! A written network runs over images and tells what values its tensors take ([`Quantizer::observed`],
//! [`Quantizer::observe`]); then every tensor between two nodes that can work on bytes is rounded to them
//! ([`Quantizer::finish`]). The file says it with pairs of `QuantizeLinear` and `DequantizeLinear`, which runtimes fuse
//! into kernels on bytes. Method: Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference; the choice of ranges by squared error: Banner et al. 2019.
//!
//! | file | what |
//! |---|---|
//! | `plan` | which nodes and tensors |
//! | [`range`] | which values eight bits tell apart |
//! | `write` | the nodes of the file |

mod plan;
mod range;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array4, Axis};
use prost::Message as _;
use thiserror::Error;

use super::Model;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorTypeProto, TypeProto, ValueInfoProto};
use crate::{EngineError, OrtOptions, OrtSession, Output, PoolPlan, Session as _};

pub use range::Calibration;

use plan::Plan;
use range::Histogram;

/// First version of ONNX's operators in which every channel may have its own scale.
const MIN_OPSET: i64 = 13;

/// Why a network is not written in int8.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The file is no model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its operators are too old.
    #[error(
        "the network is written in version {found} of ONNX's operators; {MIN_OPSET} or later is needed: export it anew"
    )]
    Opset {
        /// Of the file.
        found: i64,
    },
    /// There is nothing to do.
    #[error("the network has no convolution that could work on bytes")]
    Nothing,
    /// No image went through.
    #[error("nothing is known about the values of {tensor}: give at least one image to calibrate on")]
    Unseen {
        /// The tensor.
        tensor: String,
    },
    /// The network computes what is no number.
    #[error("{tensor} is not finite on the images to calibrate on: the weights are broken")]
    NotFinite {
        /// The tensor.
        tensor: String,
    },
}

/// The network in `file` in int8, its ranges those of `inputs` (1, C, H, W) run by ONNX Runtime: several dozen that show what
/// it will see. Nodes for whose names `keep` answers `true` stay as they are.
///
/// # Errors
/// When it is no network that can be written in int8, cannot be run, or there is no input.
pub fn quantize(
    file: &[u8],
    keep: &dyn Fn(&str) -> bool,
    inputs: impl Iterator<Item = Array4<f32>>,
    calibration: Calibration,
) -> Result<Vec<u8>, QuantizeError> {
    let mut quantizer = Quantizer::new(file, keep)?;
    let options = OrtOptions { pool: PoolPlan::LOW_LATENCY, ..OrtOptions::default() };
    let session = OrtSession::from_bytes(&quantizer.observed(), &options)?;
    let batch = session.info().input.batch.unwrap_or(1);
    for input in inputs {
        // A network of fixed batch sees the image as often as it insists.
        let views = vec![input.view(); batch];
        let input = ndarray::concatenate(Axis(0), &views).unwrap_or_else(|_| input.clone());
        quantizer.observe(&session.run(input.view())?);
    }
    quantizer.finish(calibration)
}

/// A network on its way into bytes.
#[derive(Debug, Clone)]
pub struct Quantizer {
    model: ModelProto,
    plan: Plan,
    seen: BTreeMap<String, Histogram>,
}

/// What an output of the observed network is called that passes an input on.
const SEEN: &str = "/seen";

impl Quantizer {
    /// The network in `file`. Nodes for whose names `keep` answers `true` stay as they are.
    ///
    /// # Errors
    /// When the file is no network that can be written in int8.
    pub fn new(file: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<Self, QuantizeError> {
        let model = Model::decode(Path::new("the network"), file.to_vec().into())?;
        if model.opset() < MIN_OPSET {
            return Err(QuantizeError::Opset { found: model.opset() });
        }
        let model = model.proto().clone();
        let plan = Plan::of(graph(&model), keep);
        let convolutions =
            graph(&model).node.iter().zip(&plan.nodes).filter(|(n, chosen)| **chosen && n.op_type == "Conv");
        if convolutions.count() == 0 {
            return Err(QuantizeError::Nothing);
        }
        Ok(Self { model, plan, seen: BTreeMap::new() })
    }

    /// The same network that also answers the values that have to be known.
    #[must_use]
    pub fn observed(&self) -> Vec<u8> {
        let mut model = self.model.clone();
        let graph = model.graph.get_or_insert_default();
        for name in self.plan.observed() {
            // What goes in cannot come out under its own name.
            let is_input = graph.input.iter().any(|input| input.name == name);
            let shown = if is_input { format!("{name}{SEEN}") } else { name.to_owned() };
            if is_input {
                graph.node.push(NodeProto {
                    input: vec![name.to_owned()],
                    output: vec![shown.clone()],
                    name: format!("{shown}/Identity"),
                    op_type: "Identity".to_owned(),
                    ..NodeProto::default()
                });
            }
            let tensor_type = TensorTypeProto { elem_type: super::DataType::Float.into(), shape: None };
            graph.output.push(ValueInfoProto {
                name: shown,
                r#type: Some(TypeProto { tensor_type: Some(tensor_type), denotation: String::new() }),
                ..ValueInfoProto::default()
            });
        }
        model.encode_to_vec()
    }

    /// Takes down what the observed network answered.
    pub fn observe(&mut self, outputs: &[Output]) {
        let wanted = self.plan.observed();
        for output in outputs {
            let name = output.name.strip_suffix(SEEN).unwrap_or(&output.name);
            if wanted.contains(name) {
                self.seen.entry(name.to_owned()).or_default().add(output.array.iter().copied());
            }
        }
    }

    /// The network in int8.
    ///
    /// # Errors
    /// When nothing was observed, values are not finite, or a weight cannot be read.
    pub fn finish(mut self, calibration: Calibration) -> Result<Vec<u8>, QuantizeError> {
        let mut ranges = BTreeMap::new();
        for name in self.plan.observed() {
            let tensor = || name.to_owned();
            let seen = self.seen.get(name).ok_or_else(|| QuantizeError::Unseen { tensor: tensor() })?;
            if !seen.is_finite() {
                return Err(QuantizeError::NotFinite { tensor: tensor() });
            }
            ranges.insert(tensor(), seen.parameters(calibration));
        }
        let graph = write::rewrite(graph(&self.model), &self.plan, &ranges)?;
        self.model.graph = Some(graph);
        Ok(self.model.encode_to_vec())
    }
}

/// Decoding refuses models without one.
fn graph(model: &ModelProto) -> &GraphProto {
    static NONE: std::sync::LazyLock<GraphProto> = std::sync::LazyLock::new(GraphProto::default);
    model.graph.as_ref().unwrap_or(&NONE)
}
