//! Floor 1: running networks. The only shared code that names ONNX Runtime.
//!
//! [`Session`] is the seam: an NCHW `f32` batch goes in, named arrays come out, whatever engine runs below.
//!
//! | module | what |
//! |---|---|
//! | [`EngineChoice`], [`in_parallel`] | which engine runs a file, the threads that bring it work |
//! | [`session`] | the seam, what is known about a network, why one cannot be loaded or run |
//! | [`load`] | a weights file with its card, and why it cannot be loaded |
//! | [`mod@ort`] | ONNX files, run by ONNX Runtime on a CPU, CUDA, TensorRT or OpenVINO |
//! | [`candle`], [`device`] | networks written in Rust, run by candle on a CPU or CUDA |
//! | [`ops`] | convolution, pooling, normalisation with gradients, fast on a CPU |
//! | [`weights`] | named tensors, from safetensors or ONNX files, for those networks |
//! | [`onnx`] | the ONNX file format |
//! | [`tflite`] | the TFLite file format: writer, reader, int8 quantiser, reference interpreter |
//! | [`backbone`], [`backbones`] | what turns images into features, for classifier and detector: the trait, all that have it |
//! | [`efficientnet`] | the family of backbones there is |

pub mod backbone;
pub mod backbones;
#[cfg(feature = "candle")]
pub mod candle;
mod choice;
pub mod device;
pub mod efficientnet;
mod files;
pub mod load;
pub mod onnx;
#[cfg(feature = "candle")]
pub mod ops;
pub mod ort;
mod parallel;
mod pool;
pub mod session;
pub mod tflite;
mod threads;
pub mod weights;

pub use self::ort::{ExecutionProvider, OrtOptions, OrtSession, PoolPlan};
pub use backbone::Backbone;
#[cfg(feature = "candle")]
pub use candle::{CandleSession, Network};
pub use choice::{ChoiceError, EngineChoice, WeightsFormat};
pub use device::Device;
pub use parallel::in_parallel;
pub use session::{EngineError, InputShape, Output, Session, SessionInfo};
pub use threads::on_threads;
pub use vision::model_card::MAX_MODEL_BYTES;
pub use weights::{Precision, Weights};
