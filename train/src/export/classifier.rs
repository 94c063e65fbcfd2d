//! From an embedder's weights to an ONNX file that other tools run, and whether it says what the network says.

use std::collections::BTreeMap;

use engine::backbone::GraphPart;
use engine::onnx::{Attribute, Axis, Calibration, GraphBuilder, QuantizeError};
use engine::{Backbone, EngineError, Session, Weights};
use ndarray::{Array4, Axis as Dimension};

use super::parity::{ParityError, answers, opened};
use classifier::model::Heads;

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// Height and width of the input.
    pub size: (usize, usize),
    /// Name of the network, for people.
    pub description: String,
    /// Licence of the weights, for people.
    pub license: String,
}

/// Name of the output: unit vectors (B, D).
pub const OUTPUT: &str = "embedding";
/// Keeps the division finite where all features are zero.
const MIN_LENGTH: f32 = 1e-12;

/// The bytes of an ONNX file with one input `images` (B, 3, H, W), normalised as the card says, any B, and one output
/// `embedding` (B, D) of unit length. `weights` have native names; batch norms may be there or folded in.
///
/// # Errors
/// When a weight is missing or not finite.
pub fn onnx(weights: &Weights, backbone: &dyn Backbone, options: &ExportOptions) -> Result<Vec<u8>, EngineError> {
    let folded = weights.fold_norms(backbone.norms(), backbone.norm_epsilon())?;
    let (height, width) = options.size;
    let mut graph = GraphBuilder::new(backbone.name());
    let axes = [Axis::Any("batch"), Axis::Fixed(3), Axis::Fixed(height), Axis::Fixed(width)];
    let images = graph.input("images", &axes);
    let part = GraphPart { graph: &mut graph, weights: &folded, prefix: "" };
    let features = backbone.write_features(part, &images, options.size)?;
    let mut writer = GraphPart { graph: &mut graph, weights: &folded, prefix: "" };
    let pooled = writer.graph.node("GlobalAveragePool", "pool", &[&features], &[]);
    let mut vector = writer.graph.node("Flatten", "pool", &[&pooled], &[Attribute::Int("axis", 1)]);
    let heads = Heads::of(&folded);
    if heads.embedding.is_some() {
        let weight = writer.weight("embedding.weight")?;
        let mut inputs = vec![vector.clone(), weight];
        if folded.contains("embedding.bias") {
            inputs.push(writer.weight("embedding.bias")?);
        }
        vector =
            writer.graph.node("Gemm", "embedding", &inputs.iter().collect::<Vec<_>>(), &[Attribute::Int("transB", 1)]);
    }
    let axes = [Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 1)];
    let length = writer.graph.node("ReduceL2", "unit", &[&vector], &axes);
    let min_length = writer.graph.floats("unit/least", &[], &[MIN_LENGTH]);
    let length = writer.graph.node("Max", "unit", &[&length, &min_length], &[]);
    let unit = writer.graph.node("Div", "unit", &[&vector, &length], &[]);
    let dimension = heads.embedding.unwrap_or(backbone.features());
    writer.graph.output(&unit, OUTPUT, &[Axis::Any("batch"), Axis::Fixed(dimension)]);
    let metadata = [
        ("description", options.description.clone()),
        ("author", "Shelfsight".to_owned()),
        ("license", options.license.clone()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("task", "embed".to_owned()),
        ("imgsz", format!("[{height}, {width}]")),
    ];
    let metadata: BTreeMap<String, String> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    Ok(graph.encode(&metadata))
}

/// The embedder in `file`, written by [`onnx`] of this backbone, in int8. `crops` are images (1, 3, H, W) as it is served with, several dozen.
///
/// # Errors
/// When it cannot be run, or there is no image.
pub fn quantize(
    file: &[u8],
    backbone: &dyn Backbone,
    crops: impl Iterator<Item = Array4<f32>>,
    calibration: Calibration,
) -> Result<Vec<u8>, QuantizeError> {
    engine::onnx::quantize(file, &|node| keeps_precision(backbone, node), crops, calibration)
}

/// What comes behind the last convolution is the answer itself.
fn keeps_precision(backbone: &dyn Backbone, node: &str) -> bool {
    let layer = node.rsplit_once('/').map_or(node, |(layer, _)| layer);
    backbone.keeps_precision(node) || ["pool", "embedding", "unit"].contains(&layer)
}

/// Minimum cosine between what a file and its network say of an image.
pub const MIN_COSINE: f64 = 0.99999;

/// The minimum cosine between what the bytes of an ONNX file and `network` say of `images` (B, 3, H, W).
///
/// # Errors
/// When it is below [`MIN_COSINE`], or one of the two cannot be run.
pub fn parity(file: &[u8], network: &dyn Session, images: &Array4<f32>) -> Result<f64, ParityError> {
    parity_of(&opened(file)?, network, images)
}

/// The same for a file that is opened.
///
/// # Errors
/// As [`parity`].
pub fn parity_of(file: &dyn Session, network: &dyn Session, images: &Array4<f32>) -> Result<f64, ParityError> {
    let (a, b) = answers(file, network, images)?;
    if a.ndim() != 2 {
        return Err(ParityError::Shape { file: a.shape().to_vec(), network: b.shape().to_vec() });
    }
    let cosine = |at: usize| {
        let (a, b) = (a.index_axis(Dimension(0), at), b.index_axis(Dimension(0), at));
        let dot = |a: &ndarray::ArrayViewD<'_, f32>, b: &ndarray::ArrayViewD<'_, f32>| {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    // NaN must not get lost in a minimum.
    let found =
        (0..a.shape()[0]).map(cosine).fold(1.0, |smallest, cosine| if cosine >= smallest { smallest } else { cosine });
    if found >= MIN_COSINE { Ok(found) } else { Err(ParityError::Embeddings { found }) }
}

#[cfg(test)]
mod tests {
    use super::keeps_precision;

    #[test]
    fn gates_and_the_answer_keep_their_precision() {
        let backbone = "efficientnet_b0".parse().unwrap();
        for (node, kept) in [
            ("blocks.1.0.se/Sigmoid", true),
            ("blocks.1.0.se/Mul", false),
            ("conv_head/Conv", false),
            ("pool/GlobalAveragePool", true),
            ("embedding/Gemm", true),
            ("unit/Div", true),
        ] {
            assert_eq!(keeps_precision(backbone, node), kept, "{node}");
        }
    }
}
