//! Non-maximum suppression: one object, one box.

use crate::Detection;

/// How duplicates are recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NmsOptions {
    /// A box that overlaps a more confident one by more than this IoU is dropped.
    pub iou: f32,
    /// Compare boxes of different classes too.
    pub class_agnostic: bool,
    /// Keep at most so many.
    pub max_detections: usize,
}

/// Greedy suppression, most confident first. Equal confidences keep the order they came in, so the result is
/// reproducible; a box whose confidence is NaN sorts last. A box without area (or with a corner that is NaN) overlaps
/// nothing, so it stays. The result is sorted and keeps at most `max_detections`.
///
/// Takes `O(n log n + n * kept)`: with the usual 300 kept, ten thousands of boxes cost milliseconds.
#[must_use]
pub fn nms(mut detections: Vec<Detection>, options: &NmsOptions) -> Vec<Detection> {
    let key = |d: &Detection| if d.confidence.is_nan() { f32::NEG_INFINITY } else { d.confidence };
    detections.sort_by(|a, b| key(b).total_cmp(&key(a)));
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in detections {
        if kept.len() == options.max_detections {
            break;
        }
        let duplicate = kept.iter().any(|k| {
            (options.class_agnostic || k.class == candidate.class) && k.bbox.iou(&candidate.bbox) > options.iou
        });
        if !duplicate {
            kept.push(candidate);
        }
    }
    kept
}
