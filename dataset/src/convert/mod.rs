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
//! Boxes only: polygons, masks, key points and turned boxes are counted and left out, never silently ([`LeftOut`]). So is a
//! row that is not understood: it does not take the others with it, unless [`ReadOptions::strict`] says so.
//! What a round trip keeps is said in [`model`].

mod categories;
mod coco;
mod cvat;
mod error;
mod facings;
mod finder;
mod format;
mod format_name;
mod label_studio;
mod left_out;
mod loose;
mod marks;
pub mod model;
mod options;
mod settle;
mod voc;
mod xml;
mod yolo;

pub use cvat::{ImageTags, tags as cvat_tags};
pub use error::{ConvertError, Fault, Location};
pub use facings::{FACINGS_FOLDER, table_of};
pub use finder::ImageFinder;
pub use format::{check_images, detect, read, read_bytes, write};
pub use format_name::{Format, ParseFormatError};
pub use label_studio::{TaskChoice, choices as label_studio_choices};
pub use left_out::{LeftOut, NOT_UNDERSTOOD};
pub use model::{Annotations, Category, ImageRecord, Object, Rect};
pub use options::{ReadOptions, WriteOptions};
pub use voc::VocConvention;
pub use yolo::CROWDS;

/// What was read, and what was left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// Images, categories and boxes.
    pub annotations: Annotations,
    /// What is no box, and what is not understood.
    pub left_out: LeftOut,
    /// Hidden files passed over, in formats that are folders.
    pub hidden: usize,
}

impl Loaded {
    fn new(strict: bool) -> Self {
        Self { left_out: LeftOut::new(strict), ..Self::default() }
    }
}
