//! The network in bytes: which of its nodes keep their precision, and what they are calibrated on.

use std::path::Path;

use engine::onnx::{Calibration, QuantizeError, Quantizer};
use engine::{EngineError, OrtOptions, OrtSession, PoolPlan, Session};
use ndarray::{Array4, Axis};
use thiserror::Error;
use vision::preprocess::Region;
use vision::{DecodeLimits, Letterbox, PreprocessPlan, RgbImage, decode};

use super::Size;
use crate::anchors::MAX_STRIDE;

/// Why there is no network in bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BytesError {
    /// The network.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// Running it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It lost too much.
    #[error(
        "mAP50 falls from {} to {} in bytes, by more than the {most} that --max-drop allows: it was not written. Give more \
         pictures to calibrate on, or ship the network in full or half precision", figure(*.before), figure(*.after)
    )]
    Worse {
        /// mAP50 of the file in full precision.
        before: Option<f64>,
        /// mAP50 in bytes.
        after: Option<f64>,
        /// Largest fall.
        most: f64,
    },
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "nothing that could be measured".to_owned(), |value| format!("{value:.4}"))
}

/// Whether mAP50 may fall like this. What could not be measured may not.
///
/// # Errors
/// [`BytesError::Worse`].
pub fn accept(before: Option<f64>, after: Option<f64>, most: f64) -> Result<(), BytesError> {
    match (before, after) {
        (Some(full), Some(bytes)) if full - bytes <= most => Ok(()),
        _ => Err(BytesError::Worse { before, after, most }),
    }
}

/// The detector in `file`, written by [`super::onnx`], in bytes. `pictures` are canvases (1, 3, H, W) as it is served with;
/// several dozen that show what it will see. The file must run in ONNX Runtime.
///
/// # Errors
/// When it cannot be run, or there is no picture.
pub fn quantize(
    file: &[u8],
    pictures: impl Iterator<Item = Array4<f32>>,
    calibration: Calibration,
) -> Result<Vec<u8>, BytesError> {
    let mut quantizer = Quantizer::new(file, &keeps_precision)?;
    let options = OrtOptions { pool: PoolPlan::LOW_LATENCY, ..OrtOptions::default() };
    let session = OrtSession::from_bytes(&quantizer.observed(), &options)?;
    let batch = session.info().input.batch.unwrap_or(1);
    for picture in pictures {
        // A network of fixed batch sees the picture as often as it insists.
        let views = vec![picture.view(); batch];
        let input = ndarray::concatenate(Axis(0), &views).unwrap_or_else(|_| picture.clone());
        quantizer.observe(&session.run(input.view())?);
    }
    Ok(quantizer.finish(calibration)?)
}

/// What decides on boxes and scores is computed in full: the last convolution of every branch of the head and all behind it.
/// A box would jump by whole pixels, and scores near zero would be one. The gates of squeeze-and-excite are next to nothing
/// to compute, and errors in them are errors in whole channels.
fn keeps_precision(node: &str) -> bool {
    let (layer, op) = node.rsplit_once('/').unwrap_or((node, ""));
    let parts: Vec<&str> = layer.split('.').collect();
    match parts.as_slice() {
        ["model", "22", _, _, "0" | "1", ..] => false,
        ["model", "22", ..] | ["nms", ..] => true,
        _ => parts.contains(&"se") && op != "Mul",
    }
}

/// A picture as the network is served it.
#[must_use]
pub fn canvas(image: &RgbImage, plan: &PreprocessPlan, size: Size) -> Array4<f32> {
    let mut plan = plan.clone();
    (plan.width, plan.height) = match size {
        Size::Fixed { height, width } => (width as u32, height as u32),
        Size::Any => {
            let most = (plan.width, plan.height);
            Letterbox::rectangular_canvas(image.dimensions(), most, MAX_STRIDE as u32)
        }
    };
    let mut canvas = Array4::zeros((1, 3, plan.height as usize, plan.width as usize));
    plan.apply(image, Region::whole(image), canvas.index_axis_mut(Axis(0), 0));
    canvas
}

/// The picture in a file; none where there is none that can be read.
#[must_use]
pub fn picture(path: &Path) -> Option<RgbImage> {
    decode(&std::fs::read(path).ok()?, &DecodeLimits::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_head_keeps_its_precision() {
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
            assert_eq!(keeps_precision(node), kept, "{node}");
        }
    }

    #[test]
    fn what_loses_too_much_or_cannot_be_measured_is_refused() {
        let check = |before, after, accepted: bool| {
            assert_eq!(accept(before, after, 0.01).is_ok(), accepted, "{before:?} {after:?}");
        };
        check(Some(0.8), Some(0.8), true);
        check(Some(0.8), Some(0.9), true);
        check(Some(0.8), Some(0.7901), true);
        check(Some(0.8), Some(0.78), false);
        check(Some(0.8), Some(f64::NAN), false);
        check(Some(f64::NAN), Some(0.8), false);
        check(Some(0.8), None, false);
        check(None, None, false);
        let text = accept(Some(0.8), None, 0.01).unwrap_err().to_string();
        assert!(text.contains("0.8000 to nothing") && text.contains("--max-drop"), "{text}");
    }
}
