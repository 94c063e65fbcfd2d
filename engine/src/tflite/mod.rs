//! The TFLite file format: networks for microcontrollers, phones and single-board computers.
//!
//! | file | what |
//! |---|---|
//! | [`graph`] | operators, tensors, weights: the form between networks, files, quantiser and interpreter |
//! | `shape` | what comes out of an operator, and what it takes |
//! | `encode`, `decode`, `schema`, `flat` | the file (<https://ai.google.dev/edge/litert>), written by hand from the public schema |
//! | `convert` | a network as ONNX, as the exports write it, in this form |
//! | [`mod@quantize`] | a network of floats to one of int8, by representative samples |
//! | `run` | the reference interpreter: floats, and int8 as the reference kernels round |
//! | `session` | the interpreter as a [`Session`](crate::Session): such files where ONNX files go |
//! | [`mod@cost`] | multiply-adds, and the arena a microcontroller needs |
//! | [`mod@c_array`] | the file as C source |
//!
//! Images are NHWC. A batch is fixed, mostly one.

pub mod c_array;
mod convert;
pub mod cost;
mod decode;
mod encode;
mod error;
mod flat;
pub mod graph;
pub mod quantize;
mod run;
mod schema;
mod session;
mod shape;

pub use c_array::{CArray, c_array};
pub use convert::{ConvertError, from_onnx};
pub use cost::{Cost, cost};
pub use decode::{Limits, decode, is_tflite};
pub use encode::encode;
pub use error::{Misfit, TfliteError};
pub use graph::{Activation, Element, Graph, Node, Op, Padding, Quantization, Tensor, TensorId, Values, Window};
pub use quantize::{Dense, QuantizeOptions, quantize, quantize_except};
pub use run::{dequantized, quantized, run, run_floats};
pub use session::{TfliteSession, pixels};
