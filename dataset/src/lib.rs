//! Floor 1: what a team needs to own its data. No network is named here.
//!
//! | module | what |
//! |---|---|
//! | [`layout`], [`names`], [`yolo`] | which images, labels and class names a folder holds |
//! | [`hash`] | one digest for a folder, and what changed since |
//! | [`split`] | a frozen division into train, val and test |
//! | [`check`] | what is wrong with a data set, with file and line |
//! | [`convert`] | YOLO, COCO, Pascal VOC, CVAT, Label Studio by way of one model |
//! | [`crops`] | SKU crops cut out of labelled photos |
//! | [`image`] | opening images, or only their headers |
//! | [`table`] | tables as spreadsheets save them |
//! | [`Verdict`], [`progress`], [`files`] | plumbing: exit codes as data, progress, bounded reading, atomic writing |
//!
//! Everything that comes from a file is bounded before it is believed; every error names the file and the place in it; and
//! what is written appears whole or not at all.

pub mod check;
pub mod convert;
pub mod crops;
mod disjoint;
pub use vision::files;
pub mod hash;
pub mod image_file;
pub mod layout;
pub mod names;
pub mod progress;
pub mod split;
pub mod table;
pub mod yolo;

pub use layout::{DataFolder, ImageFile, LayoutChoice, LayoutKind};
pub use names::ClassNames;
pub use progress::Progress;
pub use split::{FrozenSplit, Part};
pub use vision::Verdict;
