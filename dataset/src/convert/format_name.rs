//! The formats by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A way of keeping labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A folder with `images` and `labels`.
    Yolo,
    /// One JSON file.
    Coco,
    /// A folder of XML files.
    Voc,
    /// One XML file; read only.
    Cvat,
    /// One JSON file; read only.
    LabelStudio,
    /// One CSV file; read only.
    Facings,
}

/// Text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("format {0:?} is not known: use yolo, coco, voc, cvat, label-studio or facings")]
pub struct ParseFormatError(String);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yolo => "yolo",
            Self::Coco => "coco",
            Self::Voc => "voc",
            Self::Cvat => "cvat",
            Self::LabelStudio => "label-studio",
            Self::Facings => "facings",
        })
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Yolo, Self::Coco, Self::Voc, Self::Cvat, Self::LabelStudio, Self::Facings];
        let named = all.into_iter().find(|format| format.to_string() == text.to_ascii_lowercase());
        named.ok_or_else(|| ParseFormatError(text.chars().take(40).collect()))
    }
}
