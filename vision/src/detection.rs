//! What a detector finds.

use crate::BBox;

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
