//! Networks of images as TFLite: from their ONNX files, which say all that is needed, and in int8 from those.

use std::path::Path;

use engine::EngineError;
use engine::onnx::Model;
use engine::tflite::{
    ConvertError, Graph, QuantizeOptions, TfliteError, TfliteSession, from_onnx, pixels, quantize_except,
};
use ndarray::{Array4, Axis};
use thiserror::Error;

/// Why there is no such file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TfliteExportError {
    /// The ONNX file cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An operator has no counterpart.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// It cannot be made int8.
    #[error(transparent)]
    Network(#[from] TfliteError),
}

/// The network in the bytes of an ONNX file, for one image of this height and width: input (1, H, W, 3), outputs as there.
///
/// # Errors
/// When an operator has no counterpart; the error names it.
pub fn graph(onnx: &[u8], size: (usize, usize)) -> Result<Graph, TfliteExportError> {
    let model = Model::decode(Path::new("the network"), onnx.to_vec().into())?;
    Ok(from_onnx(&model, size)?)
}

/// The network in int8, with ranges of `images` (N, 3, H, W), prepared as it is served with. Operators whose results `keeps`
/// says yes to stay floats.
///
/// # Errors
/// When there is no image, or something is not finite.
pub fn quantize(
    graph: &Graph,
    images: impl Iterator<Item = Array4<f32>>,
    keeps: &dyn Fn(&str) -> bool,
) -> Result<Graph, TfliteExportError> {
    let samples =
        images.flat_map(|batch| batch.axis_iter(Axis(0)).map(|image| vec![pixels(&image)]).collect::<Vec<_>>());
    Ok(quantize_except(graph, samples, QuantizeOptions::default(), keeps)?)
}

/// What runs a network without its file.
///
/// # Errors
/// When it takes no image.
pub fn session(graph: Graph) -> Result<TfliteSession, EngineError> {
    TfliteSession::of(graph).map_err(|reason| EngineError::Load { path: "the network".into(), reason })
}
