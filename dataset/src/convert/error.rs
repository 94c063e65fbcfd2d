//! What can be wrong with labels from outside, with file and place.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{FileError, UnsafePath};
use crate::image_file::ImageFileError;
use crate::layout::LayoutError;
use crate::names::NamesError;
use crate::yolo::LabelError;

/// Where in a file something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The file as a whole.
    Whole,
    /// A line, from 1.
    Line(u32),
    /// An entry of a list: `annotations[17].bbox`.
    Item(&'static str, usize, &'static str),
    /// An image by its file name.
    Image(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(f, ":{line}"),
            Self::Image(file) => write!(f, ": {file}"),
            Self::Item(list, at, "") => write!(f, ": {list}[{at}]"),
            Self::Item(list, at, member) => write!(f, ": {list}[{at}].{member}"),
        }
    }
}

/// What is wrong there.
#[derive(Debug, Error)]
pub enum Fault {
    /// An id is used twice.
    #[error("{kind} id {id} is given twice")]
    DuplicateId {
        /// Image, annotation or category.
        kind: &'static str,
        /// Which id.
        id: String,
    },
    /// A name is used twice.
    #[error("{kind} {name:?} is given twice")]
    DuplicateName {
        /// Image or category.
        kind: &'static str,
        /// Which name.
        name: String,
    },
    /// A reference leads nowhere.
    #[error("there is no {kind} with the id {id}")]
    UnknownId {
        /// Image or category.
        kind: &'static str,
        /// Which id.
        id: String,
    },
    /// Something that strict reading does not leave out.
    #[error("would be left out, as all {0} are; without --strict it is counted")]
    LeftOut(&'static str),
    /// A row that lacks something or holds something else.
    #[error("{0}")]
    Row(serde_json::Error),
    /// A box is four numbers.
    #[error("a box has 4 numbers, this one {0}")]
    BoxLength(usize),
    /// Label Studio's short export.
    #[error("is Label Studio's JSON-MIN, which does not say which annotation counts: export as JSON")]
    JsonMin,
    /// An image inside the file.
    #[error(
        "the image is in the export itself (a data: address), so it has no file name: import it into Label Studio by address"
    )]
    DataUrl,
    /// A task that does not say which thing it is about.
    #[error("the task's data has no text under the key {0}")]
    NoKey(String),
    /// One item cannot be two things.
    #[error("{0} choices, but an item is one thing")]
    SeveralChoices(usize),

    /// A category that is not listed.
    #[error("category {0:?} is not in the list of categories")]
    UnknownCategory(String),
    /// Two images would have the same label file.
    #[error("{0:?} and another image of that name (with another extension) would share one label file")]
    SharedLabel(String),
    /// A name is empty or holds control characters.
    #[error("the {kind} name {name:?} is empty or holds control characters")]
    BadName {
        /// Category or attribute.
        kind: &'static str,
        /// As written.
        name: String,
    },
    /// A file name leads out.
    #[error(transparent)]
    Path(#[from] UnsafePath),
    /// The size of an image is absurd.
    #[error("an image of {width} x {height} pixels cannot be: sides of 1 to {MAX_SIDE} are expected")]
    ImageSize {
        /// As written.
        width: u64,
        /// As written.
        height: u64,
    },
    /// The size is not that of the image.
    #[error(
        "the labels say {}x{}, but the upright image has {}x{} pixels{}", said.0, said.1, found.0, found.1,
        if said.0 == found.1 && said.1 == found.0 { ": they were drawn on the image without its EXIF rotation" } else { "" }
    )]
    OtherSize {
        /// Width and height by the labels.
        said: (u32, u32),
        /// Width and height of the image.
        found: (u32, u32),
    },
    /// One file name, two sizes.
    #[error("is listed twice, with {}x{} and with {}x{} pixels", found.0, found.1, said.0, said.1)]
    TwoSizes {
        /// Width and height of this entry.
        said: (u32, u32),
        /// Width and height of the first.
        found: (u32, u32),
    },
    /// NaN or infinite.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// A size below zero.
    #[error("the box has a negative size ({w} x {h}): are these x, y, width, height?")]
    NegativeSize {
        /// Width.
        w: f64,
        /// Height.
        h: f64,
    },
    /// Edges in the wrong order.
    #[error("the right or lower edge lies before the left or upper one ({x1}, {y1})-({x2}, {y2}): are these corners?")]
    Inverted {
        /// Left.
        x1: f64,
        /// Upper.
        y1: f64,
        /// Right.
        x2: f64,
        /// Lower.
        y2: f64,
    },
    /// Fractions where pixels are expected.
    #[error("all {boxes} boxes lie within 0..1: these are fractions of the image's size where pixels are expected")]
    Normalised {
        /// Number of boxes.
        boxes: usize,
    },
    /// Corners where sizes are expected.
    #[error(
        "{outside} of {boxes} boxes reach beyond their images, but none would if they were x1, y1, x2, y2: \
         x, y, width, height are expected"
    )]
    Corners {
        /// Boxes beyond their images.
        outside: usize,
        /// All boxes.
        boxes: usize,
    },
    /// A percentage outside 0..100.
    #[error("{0} is outside 0..100: percentages are expected")]
    NotPercent(f64),
    /// Centre outside the image: YOLO cannot say it.
    #[error(
        "the centre of the box lies outside its image, or it is larger: YOLO labels cannot say that; mend it first"
    )]
    CentreOutside,
    /// Not a number.
    #[error("<{element}> is {text:?}, not a number")]
    Number {
        /// Element or attribute or column.
        element: &'static str,
        /// As written.
        text: String,
    },
    /// Something is missing.
    #[error("<{0}> is missing")]
    Missing(&'static str),
    /// XML that can make a parser fetch files or grow without bound.
    #[error("holds a DOCTYPE: label files need none, and entities it may define are not expanded")]
    Doctype,
    /// An entity that is not one of XML's five.
    #[error("&{0}; is not one of the five entities of XML")]
    Entity(String),
    /// Elements in elements in elements.
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// The end of the file is missing.
    #[error("ends in the middle of an element: the end of the file is missing")]
    Unfinished,
    /// Not XML.
    #[error("is not well-formed XML: {0}")]
    Xml(quick_xml::Error),
    /// CVAT's other format.
    #[error(
        "holds tracks, so it is \"CVAT for video\": export the task as \"CVAT for images 1.1\", which has a box for each frame"
    )]
    Tracks,
    /// Not JSON of this kind.
    #[error("is not {expected}: {source}")]
    Json {
        /// What is expected.
        expected: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Not CSV.
    #[error(transparent)]
    Csv(csv::Error),
    /// Another document.
    #[error("begins with <{found}> where <{expected}> is expected")]
    Root {
        /// Name of the root element.
        found: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A label file whose image is not there.
    #[error("no image belongs to this label file, so its size in pixels is not known")]
    NoImage,
    /// YOLO numbers need names.
    #[error("class {0} has no name: keep data.yaml or classes.txt in the folder, or give --classes")]
    NoClassName(u32),
    /// One image is expected beside the table.
    #[error("has no column `file`, and {0} images lie beside it where one is expected")]
    WhichImage(usize),
}

/// Longest side of an image in labels.
pub(super) const MAX_SIDE: u64 = 100_000;

/// Why labels cannot be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// Something in a label file is wrong.
    #[error("{file}{place}: {fault}")]
    At {
        /// Path of the file.
        file: PathBuf,
        /// Where in it.
        place: Location,
        /// What.
        fault: Box<Fault>,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A YOLO label file is wrong.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The YOLO folder cannot be listed.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The class names cannot be read.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFileError),
    /// No format fits.
    #[error(
        "{path} is not recognised as labels: name its format with --from (yolo, coco, voc, cvat, label-studio, facings)"
    )]
    Unrecognised {
        /// What was named.
        path: PathBuf,
    },
    /// Nothing that could be used.
    #[error("{path} holds no labelled image{why}")]
    Nothing {
        /// What was named.
        path: PathBuf,
        /// What was left out.
        why: String,
    },
    /// A format that is only read.
    #[error("{0} labels are read, not written: use yolo, coco or voc")]
    ReadOnly(super::format_name::Format),
}

impl ConvertError {
    pub(crate) fn other_size(image: &Path, said: (u32, u32), found: (u32, u32)) -> Self {
        Self::at(image, Location::Whole, Fault::OtherSize { said, found })
    }

    pub(super) fn at(file: &Path, place: Location, fault: impl Into<Fault>) -> Self {
        Self::At { file: file.to_owned(), place, fault: Box::new(fault.into()) }
    }
}
