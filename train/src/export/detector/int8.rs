//! The network in int8: which of its nodes keep their precision, and what they are calibrated on.

use std::path::Path;

use engine::onnx::{Calibration, QuantizeError};
use engine::tflite::Graph;
use ndarray::{Array4, Axis};
use vision::preprocess::Region;
use vision::{DecodeLimits, Letterbox, PreprocessPlan, RgbImage, decode};

use super::{OUTPUT, Size};
use crate::export::tflite::{self, TfliteExportError};
use detector::anchors::MAX_STRIDE;
use detector::model::Design;
use detector::model::architecture::BACKBONE_PREFIX;

/// The detector in `file`, written by [`super::onnx`] of this design, in int8. `images` are canvases (1, 3, H, W) as it is served with;
/// several dozen that show what it will see. The file must run in ONNX Runtime.
///
/// # Errors
/// When it cannot be run, or there is no image.
pub fn quantize(
    file: &[u8],
    design: Design,
    images: impl Iterator<Item = Array4<f32>>,
    calibration: Calibration,
) -> Result<Vec<u8>, QuantizeError> {
    engine::onnx::quantize(file, &|node| keeps_precision(design, node), images, calibration)
}

/// The same for the network as TFLite: what keeps its precision stays floats, boxes and scores among it.
///
/// # Errors
/// When there is no image, or something is not finite.
pub fn quantize_tflite(
    graph: &Graph,
    design: Design,
    images: impl Iterator<Item = Array4<f32>>,
) -> Result<Graph, TfliteExportError> {
    let keeps = |name: &str| keeps_precision(design, name) || name.starts_with(OUTPUT);
    tflite::quantize(graph, images, &keeps)
}

/// What backbone and head say, and suppression in full.
fn keeps_precision(design: Design, node: &str) -> bool {
    let below = node.strip_prefix(BACKBONE_PREFIX).and_then(|node| node.strip_prefix('.'));
    match (design.backbone, below) {
        (Some(backbone), Some(node)) => backbone.keeps_precision(node),
        _ => design.head.keeps_precision(node) || node.split(['.', '/']).next() == Some("nms"),
    }
}

/// An image as the network is served it.
#[must_use]
pub fn canvas(image: &RgbImage, plan: &PreprocessPlan, size: Size) -> Array4<f32> {
    let mut plan = plan.clone();
    (plan.width, plan.height) = match size {
        Size::Fixed { height, width } => (width as u32, height as u32),
        Size::Any => {
            let max = (plan.width, plan.height);
            Letterbox::rectangular_canvas(image.dimensions(), max, MAX_STRIDE as u32)
        }
    };
    let mut canvas = Array4::zeros((1, 3, plan.height as usize, plan.width as usize));
    plan.apply(image, Region::whole(image), canvas.index_axis_mut(Axis(0), 0));
    canvas
}

/// The image in a file; none where there is none that can be read.
#[must_use]
pub fn read_image(path: &Path) -> Option<RgbImage> {
    decode(&std::fs::read(path).ok()?, &DecodeLimits::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_head_keeps_its_precision() {
        let design = "efficientnet_b0-yolov8n".parse().unwrap();
        for (node, kept) in [
            ("model.0.conv/Conv", false),
            ("model.4.m.0/Add", false),
            ("model.22.cv2.0.0.conv/Conv", false),
            ("model.22.cv3.2.1/Mul", false),
            ("model.22.cv2.0.2/Conv", true),
            ("model.22.cv3.1/Reshape", true),
            ("model.22.dfl/Softmax", true),
            ("model.22.scores/Sigmoid", true),
            ("model.22/Concat", true),
            ("nms.rows/Concat", true),
            ("model.trunk.blocks.1.0.se.conv_reduce/Conv", true),
            ("model.trunk.blocks.1.0.se/Sigmoid", true),
            ("model.trunk.blocks.1.0.se/Mul", false),
            ("model.trunk.blocks.1.0.conv_dw/Clip", false),
        ] {
            assert_eq!(keeps_precision(design, node), kept, "{node}");
        }
    }
}
