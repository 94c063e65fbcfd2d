//! The ONNX file format (<https://onnx.ai/onnx/repo-docs/IR.html>): what networks are stored in and moved between tools.

pub mod graph;
mod half;
mod layers;
mod model;
pub mod proto;
pub mod quantize;
mod scan;
mod tensor;

pub use self::half::{Half, halved};
pub use graph::{Attribute, Axis, GraphBuilder, OPSET, Wire};
pub use layers::Window;
#[cfg_attr(not(feature = "ort"), expect(unused_imports, reason = "only ONNX Runtime reads files itself"))]
pub(crate) use model::check;
pub use model::{Model, Value};
pub use quantize::{Calibration, QuantizeError, Quantizer, quantize};
pub use tensor::{DataType, TensorError};
