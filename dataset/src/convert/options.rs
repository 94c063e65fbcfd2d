//! What reading and writing need to know.

use std::path::PathBuf;

use super::voc::VocConvention;
use crate::names::ClassNames;

/// What reading needs to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// Names for YOLO's class numbers, when the folder does not say them.
    pub classes: Option<ClassNames>,
    /// What Pascal VOC's numbers mean.
    pub voc: VocConvention,
    /// Whether the first thing that would be left out is an error.
    pub strict: bool,
}

/// What writing needs to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// Whether YOLO files carry ids and attributes in comments.
    pub keep_ids: bool,
    /// What Pascal VOC's numbers mean.
    pub voc: VocConvention,
    /// Where the images are, to be copied along. COCO is one file: it gets none.
    pub copy_images: Option<PathBuf>,
}
