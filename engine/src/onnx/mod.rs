//! The ONNX file format (<https://onnx.ai/onnx/repo-docs/IR.html>): what networks are stored in and moved between tools.

mod float16;
pub mod graph;
mod layers;
mod model;
pub mod proto;
pub mod quantize;
mod scan;
mod tensor;

pub use self::float16::{Float16, to_float16};
pub use graph::{Attribute, Axis, GraphBuilder, GraphTensor, OPSET};
pub use layers::Window;
#[cfg_attr(not(feature = "ort"), expect(unused_imports, reason = "only ONNX Runtime reads files itself"))]
pub(crate) use model::check;
pub use model::{Model, Value};
pub use quantize::{Calibration, QuantizeError, Quantizer, quantize};
pub use tensor::{DataType, TensorError};
