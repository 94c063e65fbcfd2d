//! What a check can object to.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::split::{Disagreement, Part};
use crate::yolo::LineError;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Training or measuring with it goes wrong.
    Error,
    /// Probably a mistake.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// An objection, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// File it is about, relative to the data set; empty when it is about the whole.
    pub file: String,
    /// Line in that file, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub issue: Issue,
}

/// What is wrong. Texts end in what to do about it where that is not plain.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Issue {
    /// An image that cannot be decoded.
    #[error("cannot be read: {reason}")]
    UnreadableImage {
        /// What the decoder says.
        reason: String,
    },
    /// An image of another kind than is read.
    #[error(
        "images of this kind are not read: save it as JPEG, PNG or WebP (phones: switch HEIC or high efficiency off)"
    )]
    UnsupportedImage,
    /// All of one colour.
    #[error("is blank: all pixels are of about one brightness")]
    BlankImage,
    /// EXIF turns it.
    #[error("is turned or mirrored by its EXIF orientation: its labels must be of the upright image")]
    TurnedImage,
    /// Its orientation is written so that other programs do not read it.
    #[error("{0}")]
    UnusualOrientation(vision::decode::UnusualForm),
    /// No label file.
    #[error("has no label file {expected}: label it, or add an empty file when nothing is to be found on it")]
    ImageWithoutLabel {
        /// Where it would be.
        expected: String,
    },
    /// No image.
    #[error("no image belongs to this label file")]
    LabelWithoutImage,
    /// One label file, several images.
    #[error("is the label file of several images: {}", images.join(", "))]
    SharedLabel {
        /// Paths of the images.
        images: Vec<String>,
    },
    /// No boxes.
    #[error("holds no box: right only when nothing is to be found on the image")]
    EmptyLabel,
    /// The label file cannot be read.
    #[error("cannot be read: {reason}")]
    UnreadableLabel {
        /// Cause, in words.
        reason: String,
    },
    /// Not a label.
    #[error(transparent)]
    BadLine(#[from] LineError),
    /// A class that has no name.
    #[error("class {class} does not exist: there are {known} classes, 0 to {}", known.saturating_sub(1))]
    UnknownClass {
        /// As written.
        class: u32,
        /// Number of classes.
        known: usize,
    },
    /// Beyond the image.
    #[error("the box lies outside the image")]
    BoxOutside,
    /// Partly beyond the image.
    #[error("the box reaches {pixels:.1} pixels beyond the image (--fix clips it)")]
    BoxPokesOut {
        /// How far.
        pixels: f64,
    },
    /// No area.
    #[error("the box has no area (--fix drops it)")]
    ZeroBox,
    /// Hardly any area.
    #[error("the box is only {width:.1} x {height:.1} pixels")]
    TinyBox {
        /// In pixels.
        width: f64,
        /// In pixels.
        height: f64,
    },
    /// Nearly the whole image.
    #[error("the box covers {:.0} % of the image", fraction * 100.0)]
    HugeBox {
        /// Fraction of the image's area.
        fraction: f64,
    },
    /// Written twice.
    #[error("the same box as line {first} (--fix drops it)")]
    RepeatedLine {
        /// The earlier line.
        first: u32,
    },
    /// One object boxed twice.
    #[error("nearly the same box as line {first} (IoU {iou:.2})")]
    DoubleBox {
        /// The earlier line.
        first: u32,
        /// Overlap.
        iou: f32,
    },
    /// One object, two classes.
    #[error("nearly the same box as line {first} (IoU {iou:.2}), but of another class")]
    TwoClasses {
        /// The earlier line.
        first: u32,
        /// Overlap.
        iou: f32,
    },
    /// Same bytes, other part.
    #[error("has the same bytes as {other} ({other_part}) but is in {part}: results on {part} are too good")]
    CopyAcrossParts {
        /// Part of this image.
        part: Part,
        /// The other image.
        other: String,
        /// Its part.
        other_part: Part,
    },
    /// Same bytes.
    #[error("has the same bytes as {other}")]
    Copy {
        /// The other image.
        other: String,
    },
    /// Same bytes, other SKU.
    #[error("has the same bytes as {other}, which is of another SKU: one of them is wrong")]
    CopyOfOtherSku {
        /// The other image.
        other: String,
    },
    /// The same photo saved anew, other part.
    #[error(
        "is {}{other} ({other_part}) saved anew, or the next frame of its film, but is in {part}: results on {part} are too good",
        mirror_of(*mirrored)
    )]
    SamePhotoAcrossParts {
        /// Part of this image.
        part: Part,
        /// The other image.
        other: String,
        /// Its part.
        other_part: Part,
        /// Whether it is the other's mirror image.
        mirrored: bool,
    },
    /// Looks alike, other part.
    #[error(
        "looks like {}{other} ({other_part}) but is in {part} ({distance} of 64 bits differ, correlation {correlation:.3}): \
         if it is the same photo, put both into one group", mirror_of(*mirrored)
    )]
    NearCopyAcrossParts {
        /// Part of this image.
        part: Part,
        /// The other image.
        other: String,
        /// Its part.
        other_part: Part,
        /// Whether it is the other's mirror image.
        mirrored: bool,
        /// Bits of the perceptual hash that differ.
        distance: u32,
        /// Correlation of the brightness.
        correlation: f32,
    },
    /// Looks alike.
    #[error(
        "looks like {}{other} ({distance} of 64 bits differ, correlation {correlation:.3})", mirror_of(*mirrored)
    )]
    NearCopy {
        /// The other image.
        other: String,
        /// Whether it is the other's mirror image.
        mirrored: bool,
        /// Bits of the perceptual hash that differ.
        distance: u32,
        /// Correlation of the brightness.
        correlation: f32,
    },
    /// More pairs than are listed.
    #[error("more than {limit} pairs of images look alike; the rest is not listed")]
    TooManyNearCopies {
        /// How many are looked at.
        limit: usize,
    },
    /// A class without boxes.
    #[error("class {name:?} has no box")]
    ClassMissing {
        /// The name in question.
        name: String,
    },
    /// A class or SKU that one part lacks.
    #[error("{name:?} has {total} {unit} but none in {part}: nothing can be said about it there")]
    MissingInPart {
        /// Class or SKU.
        name: String,
        /// How many in all.
        total: usize,
        /// Boxes or images.
        unit: Unit,
        /// The part that lacks it.
        part: Part,
    },
    /// Much more of one class than of another.
    #[error("{largest:?} has {max_count} boxes, {smallest:?} only {min_count}: more than 100 to 1")]
    Imbalance {
        /// The most frequent class.
        largest: String,
        /// Its boxes.
        max_count: usize,
        /// The rarest class that has any.
        smallest: String,
        /// Its boxes.
        min_count: usize,
    },
    /// Too few images of a SKU.
    #[error("{sku:?} has {count} image{}, fewer than {wanted}", if *.count == 1 { "" } else { "s" })]
    FewImages {
        /// Which SKU.
        sku: String,
        /// How many there are.
        count: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// An image in no SKU's folder.
    #[error("lies in no SKU's folder")]
    NoSku,
    /// The class names are not known.
    #[error(
        "no class names are known (data.yaml or classes.txt in the data set, or --classes), so class numbers were not checked; \
         the highest is {highest}"
    )]
    NoClassNames {
        /// Highest class number seen.
        highest: u32,
    },
    /// A polygon where a box is expected.
    #[error("is a polygon: its box is taken")]
    Polygon,
    /// Hidden files are no data.
    #[error("{count} hidden files and files that systems leave behind are passed over")]
    Hidden {
        /// How many.
        count: usize,
    },
    /// Names that are no text.
    #[error("{count} files or folders have names that are not UTF-8 and are passed over: rename them")]
    Unnamed {
        /// How many.
        count: usize,
    },
    /// Links are not followed.
    #[error("{count} symbolic links are not followed: what they lead to was not checked")]
    Links {
        /// How many.
        count: usize,
    },
    /// The frozen split is of another folder.
    #[error("{0}")]
    Split(Disagreement),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Labelled boxes.
    Boxes,
    /// Images.
    Images,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boxes => "boxes",
            Self::Images => "images",
        })
    }
}

fn mirror_of(mirrored: bool) -> &'static str {
    if mirrored { "the mirror image of " } else { "" }
}

impl Issue {
    /// Stable name and severity.
    #[must_use]
    pub fn class(&self) -> (&'static str, Severity) {
        use Severity::{Error, Note, Warning};
        match self {
            Self::UnreadableImage { .. } => ("unreadable-picture", Error),
            Self::UnsupportedImage => ("unsupported-picture", Warning),
            Self::BlankImage => ("blank-picture", Warning),
            Self::TurnedImage => ("turned-picture", Note),
            Self::UnusualOrientation(_) => ("unusual-orientation", Warning),
            Self::ImageWithoutLabel { .. } => ("picture-without-label", Warning),
            Self::LabelWithoutImage => ("label-without-picture", Error),
            Self::SharedLabel { .. } => ("shared-label", Warning),
            Self::EmptyLabel => ("empty-label", Note),
            Self::UnreadableLabel { .. } => ("unreadable-label", Error),
            Self::BadLine(_) => ("bad-line", Error),
            Self::UnknownClass { .. } => ("unknown-class", Error),
            Self::BoxOutside => ("box-outside", Error),
            Self::BoxPokesOut { .. } => ("box-pokes-out", Warning),
            Self::ZeroBox => ("zero-box", Error),
            Self::TinyBox { .. } => ("tiny-box", Warning),
            Self::HugeBox { .. } => ("huge-box", Warning),
            Self::RepeatedLine { .. } => ("repeated-line", Warning),
            Self::DoubleBox { .. } => ("double-box", Warning),
            Self::TwoClasses { .. } => ("two-classes", Warning),
            Self::CopyAcrossParts { .. } => ("copy-across-parts", Error),
            Self::Copy { .. } => ("copy", Warning),
            Self::CopyOfOtherSku { .. } => ("copy-of-other-sku", Error),
            Self::SamePhotoAcrossParts { .. } => ("same-photo-across-parts", Error),
            Self::NearCopyAcrossParts { .. } => ("near-copy-across-parts", Warning),
            Self::NearCopy { .. } => ("near-copy", Note),
            Self::TooManyNearCopies { .. } => ("too-many-near-copies", Warning),
            Self::ClassMissing { .. } => ("class-missing", Warning),
            Self::MissingInPart { .. } => ("missing-in-part", Warning),
            Self::Imbalance { .. } => ("imbalance", Note),
            Self::FewImages { .. } => ("few-pictures", Warning),
            Self::NoSku => ("no-sku", Warning),
            Self::NoClassNames { .. } => ("no-class-names", Note),
            Self::Polygon => ("polygon", Note),
            Self::Hidden { .. } => ("hidden", Note),
            Self::Unnamed { .. } => ("unnamed", Warning),
            Self::Links { .. } => ("links", Warning),
            Self::Split(_) => ("split", Error),
        }
    }
}

impl Finding {
    /// About a file.
    #[must_use]
    pub fn of(file: &str, issue: Issue) -> Self {
        Self { file: file.to_owned(), line: None, issue }
    }

    /// About a line of a file.
    #[must_use]
    pub fn at(file: &str, line: u32, issue: Issue) -> Self {
        Self { file: file.to_owned(), line: Some(line), issue }
    }

    /// Stable name of what is wrong: `bad-line`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.issue.class().0
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.issue.class().1
    }
}

impl fmt::Display for Finding {
    /// `error labels/a.txt:3: the box has no area [zero-box]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.severity())?;
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, None) => write!(f, " {file}")?,
            (file, Some(line)) => write!(f, " {file}:{line}")?,
        }
        write!(f, ": {} [{}]", self.issue, self.code())
    }
}
