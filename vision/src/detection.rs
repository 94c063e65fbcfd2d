//! What a detector finds.

use crate::{BBox, DetectionTrace};

/// Index into [`crate::Detector::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u16);

impl ClassId {
    /// As an index into the class names.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One object found in a photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// In pixels of the upright photo, clipped to it.
    pub bbox: BBox,
    /// Index into the detector's class names.
    pub class: ClassId,
    /// In `0..=1`.
    pub confidence: f32,
}

/// What was found on one photo, and how well several passes at it agreed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detections {
    /// Most confident first.
    pub detections: Vec<Detection>,
    /// By position: whether passes that show the same part of the photo did not agree on it.
    pub disagreement: Vec<bool>,
    /// What was looked at, and how far the answer may be trusted.
    pub trace: DetectionTrace,
}

impl Detections {
    /// Found by one pass, which agrees with itself.
    #[must_use]
    pub fn of_one_pass(detections: Vec<Detection>) -> Self {
        Self { disagreement: vec![false; detections.len()], detections, trace: DetectionTrace::default() }
    }
}
