//! From weights to files that other tools run.
//!
//! | file | what |
//! |---|---|
//! | [`network`] | the network of [`detector::model::graph`] as a file |
//! | [`nms`] | suppression of duplicates inside the file |
//! | [`int8`] | the network in int8, calibrated on images |
//! | [`parity`] | whether the file says what the network says |

use std::collections::BTreeMap;

use engine::{EngineError, Weights};

use detector::anchors::MAX_STRIDE;
use detector::model::Architecture;
use detector::model::fold::fold_all;

pub mod int8;
mod network;
mod nms;
pub mod parity;

pub use detector::model::graph::Size;
pub use nms::Suppression;

/// Name of the output.
pub const OUTPUT: &str = "output0";

/// How a file is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportOptions {
    /// Images at once; any number without.
    pub batch: Option<usize>,
    /// Height and width of the input.
    pub size: Size,
    /// Names of the classes, for tools.
    pub names: Vec<String>,
    /// Side that the network was trained for, for tools.
    pub side: u32,
    /// Name of the network, for people.
    pub description: String,
    /// Licence of the weights, for people.
    pub license: String,
    /// Duplicates are suppressed inside the file.
    pub nms: Option<Suppression>,
}

/// An ONNX file with one input `images` (B, 3, H, W) in `0..=1` and one output `output0` (B, 4 + classes, anchors), which is
/// how Ultralytics' exports look: tools that take theirs take this. With [`ExportOptions::nms`] the output is
/// (B, detections, 6): corners, score and class, most confident first, zeros where there are fewer.
///
/// # Errors
/// When a weight is missing, has another shape or is not finite.
pub fn onnx(weights: &Weights, architecture: Architecture, options: &ExportOptions) -> Result<Vec<u8>, EngineError> {
    let folded = fold_all(weights, architecture.backbone)?;
    network::write(&folded, architecture, options, &metadata(options))
}

/// What tools look for in a file.
fn metadata(options: &ExportOptions) -> BTreeMap<String, String> {
    let names: Vec<String> =
        options.names.iter().enumerate().map(|(at, name)| format!("{at}: '{}'", name.replace('\'', "\\'"))).collect();
    let side = options.side;
    let nms = options
        .nms
        .map(|nms| [("nms", "True".to_owned()), ("conf", nms.confidence.to_string()), ("iou", nms.iou.to_string())]);
    [
        ("description", options.description.clone()),
        ("author", "Shelfsight".to_owned()),
        ("license", options.license.clone()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("task", "detect".to_owned()),
        ("stride", MAX_STRIDE.to_string()),
        ("batch", options.batch.unwrap_or(1).to_string()),
        ("imgsz", format!("[{side}, {side}]")),
        ("names", format!("{{{}}}", names.join(", "))),
    ]
    .into_iter()
    .chain(nms.into_iter().flatten())
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
