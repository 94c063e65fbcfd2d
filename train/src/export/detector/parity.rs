//! Whether a file says what the network says: both see the same images, and every box and score is compared.

use engine::Session;
use ndarray::{Array4, ArrayD, ArrayView2, Axis, Ix2, Slice};
use vision::{Detection, NmsOptions};

use super::Suppression;
use crate::export::parity::{ParityError, answer, answers, largest, opened};
use detector::ClassMap;
use detector::postprocess::{OutputLayout, Selection, candidates, suppress};

/// Largest differences between a file and its network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Difference {
    /// Of box values, in pixels.
    pub pixels: f32,
    /// Of scores.
    pub score: f32,
}

/// What a written file may differ by.
pub const MAX_DIFFERENCE: Difference = Difference { pixels: 0.05, score: 1e-4 };

/// Compares the bytes of an ONNX file with `network` on `images` (B, 3, H, W).
///
/// # Errors
/// When they differ by more than [`MAX_DIFFERENCE`], or one cannot be run.
pub fn check(file: &[u8], network: &dyn Session, images: &Array4<f32>) -> Result<Difference, ParityError> {
    check_of(&opened(file)?, network, images)
}

/// The same for a file that is opened.
///
/// # Errors
/// As [`check`].
pub fn check_of(file: &dyn Session, network: &dyn Session, images: &Array4<f32>) -> Result<Difference, ParityError> {
    let (a, b) = answers(file, network, images)?;
    let furthest = |rows: Slice| {
        let (a, b) = (a.slice_axis(Axis(1), rows), b.slice_axis(Axis(1), rows));
        largest(a.iter().zip(b).map(|(a, b)| (a - b).abs()))
    };
    let found = Difference { pixels: furthest(Slice::from(..4)), score: furthest(Slice::from(4..)) };
    if found.pixels <= MAX_DIFFERENCE.pixels && found.score <= MAX_DIFFERENCE.score {
        Ok(found)
    } else {
        Err(ParityError::Boxes { found })
    }
}

/// Compares a file that suppresses duplicates itself with one of the same network that does not, whose answers go through
/// our own suppression. Returns how many boxes were left of all images.
///
/// # Errors
/// When a box is left by one and not by the other, or a file cannot be run.
pub fn check_suppression(
    file: &[u8],
    plain: &[u8],
    (nms, classes): (Suppression, &ClassMap),
    images: &Array4<f32>,
) -> Result<usize, ParityError> {
    let (suppressed, raw) = (answer(file, images)?, answer(plain, images)?);
    let options = NmsOptions { iou: nms.iou, class_agnostic: true, max_detections: nms.max_detections };
    let selection = Selection { confidence: nms.confidence, multi_label: false };
    let mut left = 0;
    for (image, (inside, raw)) in suppressed.outer_iter().zip(raw.outer_iter()).enumerate() {
        let shape = |array: &ArrayD<f32>| array.shape().to_vec();
        let error = || ParityError::Shape { file: shape(&suppressed), network: raw.shape().to_vec() };
        let found = |view: ndarray::ArrayViewD<'_, f32>, layout| -> Result<Vec<Detection>, ParityError> {
            let view: ArrayView2<'_, f32> = view.into_dimensionality::<Ix2>().map_err(|_| error())?;
            Ok(candidates(&view, layout, classes, selection))
        };
        let inside = found(inside, OutputLayout::EndToEnd)?;
        let own = suppress(found(raw.view(), OutputLayout::ChannelsFirst)?, &options);
        let common = own.iter().filter(|box_| inside.iter().any(|other| same(box_, other))).count();
        if inside.len() != own.len() || common != own.len() {
            return Err(ParityError::Suppression { image, file: inside.len(), own: own.len(), common });
        }
        left += common;
    }
    Ok(left)
}

fn same(a: &Detection, b: &Detection) -> bool {
    let sides = |d: &Detection| [d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2];
    a.class == b.class
        && (a.confidence - b.confidence).abs() <= MAX_DIFFERENCE.score
        && sides(a).iter().zip(sides(b)).all(|(a, b)| (a - b).abs() <= MAX_DIFFERENCE.pixels)
}
