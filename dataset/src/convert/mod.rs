//! Labels from one format into another, by way of one model in memory.
//!
//! | format | read | written |
//! |---|---|---|
//! | YOLO folder | yes | yes |
//! | COCO JSON | yes | yes |
//! | Pascal VOC folder | yes | yes |
//! | CVAT for images 1.1 XML | yes | |
//! | Label Studio JSON | yes | |
//! | facings.csv | yes | |
//!
//! Boxes only: polygons, masks, key points and turned boxes are counted and left out, never silently.
//! What a round trip keeps is said in [`model`].

mod coco;
mod cvat;
mod error;
mod facings;
mod format;
mod label_studio;
pub mod model;
mod voc;
mod xml;
mod yolo;

pub use cvat::{PictureTags, tags as cvat_tags};
pub use error::{ConvertError, Fault, Place};
pub use facings::{FACINGS_FOLDER, table_of};
pub use format::{Format, ParseFormatError, ReadOptions, WriteOptions, check_pictures, detect, locate, read, write};
pub use model::{Annotations, Category, ImageRecord, Object, Rect};
pub use voc::VocConvention;

/// What was read, and what was left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// Images, categories and boxes.
    pub annotations: Annotations,
    /// Things that are no boxes, by kind ("polygons"), with their number.
    pub left_out: std::collections::BTreeMap<&'static str, usize>,
}

impl Loaded {
    fn leave_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }
}
