//! What is wrong with a file, and where in it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::identification::QueryError;
use crate::sample::{RectFault, SetError};
use crate::slices::SliceError;

/// A file that cannot be evaluated.
#[derive(Debug, Error)]
#[error("{}{place}: {fault}", path.display())]
pub struct FormatError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Where in it.
    pub place: Box<Location>,
    /// What is wrong; its words are part of this error's own.
    pub fault: Box<Fault>,
}

impl FormatError {
    pub(crate) fn new(path: &Path, place: Location, fault: impl Into<Fault>) -> Self {
        Self { path: path.to_owned(), place: Box::new(place), fault: Box::new(fault.into()) }
    }

    pub(crate) fn whole(path: &Path, fault: impl Into<Fault>) -> Self {
        Self::new(path, Location::Whole, fault)
    }
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// All of it.
    Whole,
    /// A line, from 1.
    Line(u64),
    /// A line and column, from 1.
    Column(u64, u64),
    /// An entry of a JSON list, from 0: `annotations[17].bbox`.
    Entry {
        /// Name of the list.
        list: &'static str,
        /// Position.
        index: usize,
        /// Name of the key inside, or nothing.
        key: &'static str,
    },
    /// An entry of an image, from 0: `images["a.jpg"].facings[3].box`.
    Image {
        /// Name of the image.
        name: String,
        /// The list inside and the position in it.
        entry: Option<(&'static str, usize)>,
        /// Name of the key inside, or nothing.
        key: &'static str,
    },
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = |f: &mut fmt::Formatter<'_>, key: &str| match key {
            "" => Ok(()),
            key => write!(f, ".{key}"),
        };
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(f, ":{line}"),
            Self::Column(line, column) => write!(f, ":{line}:{column}"),
            Self::Entry { list, index, key } => {
                write!(f, ": {list}[{index}]")?;
                dotted(f, key)
            }
            Self::Image { name, entry, key } => {
                write!(f, ": images[{name:?}]")?;
                if let Some((list, index)) = entry {
                    write!(f, ".{list}[{index}]")?;
                }
                dotted(f, key)
            }
        }
    }
}

/// What is wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is larger than any real file of its kind.
    #[error("larger than the {limit} bytes that are read")]
    TooLarge {
        /// Limit in bytes.
        limit: u64,
    },
    /// Not JSON, or not of the expected form.
    #[error("{0}")]
    Json(String),
    /// JSON of another kind.
    #[error("this looks like {found}, expected {expected}")]
    WrongKind {
        /// What it seems to be.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Nothing in it.
    #[error("there are no {0}: an empty set cannot be evaluated")]
    Empty(&'static str),
    /// Something is there twice.
    #[error("{what} {id} occurs twice")]
    Duplicate {
        /// Of what.
        what: &'static str,
        /// The id in question.
        id: String,
    },
    /// Something is named that is not there.
    #[error("{what} {id} is not in the ground truth")]
    Unknown {
        /// Of what.
        what: &'static str,
        /// The id in question.
        id: String,
    },
    /// A SKU is answered or asked for that is not among the enrolled ones.
    #[error("SKU {sku} is not among the enrolled ones")]
    NotEnrolled {
        /// Its code.
        sku: String,
    },
    /// A box no image can have.
    #[error(transparent)]
    Rect(#[from] RectFault),
    /// A box that is not upright.
    #[error("a turned box: it does not stand where its upright numbers say")]
    Turned,
    /// Corners in the wrong order.
    #[error("x2 < x1 or y2 < y1: are these x, y, width, height? Boxes are [x1, y1, x2, y2] here")]
    SwappedCorners,
    /// Fractions where pixels are expected.
    #[error("all boxes lie within 0..1: they seem to be normalised, but pixels are expected")]
    Normalised,
    /// Corners where sizes are expected.
    #[error("most boxes reach outside their images, but would fit as x1, y1, x2, y2; COCO's are x, y, width, height")]
    CornersNotSizes,
    /// A fraction outside `0..=1`.
    #[error("{value} is not within 0..1")]
    Fraction {
        /// The number.
        value: f64,
    },
    /// Two statements about one count.
    #[error("the counts say {counts} of {sku}, but {facings} facings are listed")]
    CountMismatch {
        /// Which SKU.
        sku: String,
        /// By the counts.
        counts: u64,
        /// By the facings.
        facings: u64,
    },
    /// Neither counts nor facings.
    #[error("neither counts nor facings are given")]
    NothingSaid,
    /// A crop that cannot be taken in.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Boxes that are no set.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A table of slices that cannot be used.
    #[error(transparent)]
    Slices(#[from] SliceError),
    /// Answers that cannot be told apart.
    #[error(
        "nothing says which image this answer is of: give a `file` key, answers by name, or the images' sha256 in the ground truth"
    )]
    Nameless,
    /// Two sides that cannot be compared.
    #[error("{predictions} cannot be compared with {truth}: {remedy}")]
    Mixed {
        /// Kind of the ground truth.
        truth: &'static str,
        /// Kind of the predictions.
        predictions: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
}
