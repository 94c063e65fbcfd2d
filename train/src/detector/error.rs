//! Why data cannot be trained on.

use std::path::PathBuf;

use crate::core::photometric::JpegError;
use crate::core::{TooManyUnreadable, WorkerPanicked};
use ::dataset::Part;
use ::dataset::files::FileError;
use ::dataset::layout::LayoutError;
use ::dataset::names::NamesError;
use ::dataset::split::FrozenError;
use ::dataset::yolo::LabelError;
use thiserror::Error;

/// Why data cannot be trained on, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// No folder is named.
    #[error("no data: list at least one folder under `data`")]
    NoSources,
    /// A folder cannot be listed or holds no image.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The names of its classes cannot be read.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// Its frozen split cannot be read.
    #[error(transparent)]
    Split(#[from] FrozenError),
    /// A label file cannot be read.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line of a label file names a class that does not exist.
    #[error(
        "{path}:{line}: class {class} does not exist: there are {classes}, numbered from 0; correct the label or `names`"
    )]
    Class {
        /// The label file.
        path: PathBuf,
        /// Which line, from 1.
        line: u32,
        /// Number of the class, as in the file.
        class: u32,
        /// How many there are.
        classes: usize,
    },
    /// A data set has a class that is not trained.
    #[error("{location} names a class {name:?}, which is none of {known:?}: add it to `names`, or rename it")]
    UnknownName {
        /// The file or key that names it.
        location: String,
        /// Name of the class.
        name: String,
        /// The classes that are trained.
        known: Vec<String>,
    },
    /// Nothing names the classes.
    #[error("nothing names the classes: give `names`, or a data.yaml in the first folder")]
    NoNames,
    /// Nothing is left to learn from.
    #[error("{root} has no image in part {part}{}", split.as_ref().map_or_else(String::new, |path| format!(" of {}", path.display())))]
    EmptyPart {
        /// Which folder.
        root: PathBuf,
        /// Which part.
        part: Part,
        /// The split asked.
        split: Option<PathBuf>,
    },
    /// Only background.
    #[error(
        "none of the {images} images has a labelled object: there is nothing to learn; check `data` and the label files"
    )]
    OnlyBackground {
        /// How many images.
        images: usize,
    },
    /// An image of the split is gone.
    #[error("{split} lists {image}, which is not there: restore it, or freeze the split anew")]
    Missing {
        /// File of the split.
        split: PathBuf,
        /// The image that is missing.
        image: PathBuf,
    },
    /// Too many images cannot be read.
    #[error(transparent)]
    TooManyUnreadable(#[from] TooManyUnreadable),
    /// No image at all can be read.
    #[error("none of {tried} images in a row can be read; the last: {last}")]
    NothingReadable {
        /// How many were tried.
        tried: usize,
        /// What is wrong with the last of them.
        last: String,
    },
    /// Shelves cannot be rendered.
    #[error(transparent)]
    Synthetic(#[from] synth::SynthError),
    /// Cutting from images that are reserved.
    #[error(
        "instances are to be cut out of {folder}, of which a split reserves images for validation: what is validated with would be learned; name a folder of training images only"
    )]
    PasteLeak {
        /// Which folder.
        folder: PathBuf,
    },
    /// An image does not go through JPEG.
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    /// A worker thread died.
    #[error(transparent)]
    Panicked(#[from] WorkerPanicked),
}
