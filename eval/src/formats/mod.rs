//! Saved ground truth and predictions, strictly read.
//!
//! Every mistake is an error that names the file and the place in it. Nothing is guessed, skipped or repaired: a metric over
//! half-read data would be a wrong metric. (YOLO label folders are read by the `dataset` crate, which owns them.)

pub mod answers;
pub mod coco;
pub mod error;
pub mod facings;
pub mod identifications;
pub mod json;
pub mod pairing;
pub mod shelf_counts;

use std::path::Path;

use vision::Confidences;

pub use coco::CocoTruth;
pub use error::{Fault, FormatError, Location};
pub use facings::{Facing, Shelf, Shelves};
pub use json::{Kind, read_bounded, sniff};
pub use pairing::{ShelfComparison, compare, with_true_identities};
pub use shelf_counts::Side;

/// Reads true shelves of any format that can say them.
///
/// # Errors
/// When the file cannot be read or is of another kind.
pub fn read_true_shelves(path: &Path) -> Result<Shelves, FormatError> {
    let bytes = read_bounded(path)?;
    match sniff(&bytes, path)? {
        Kind::ShelfCounts => shelf_counts::parse_full(&bytes, path, Side::Truth),
        Kind::CountsByImage => shelf_counts::parse_short(&bytes, path),
        Kind::CocoTruth => Ok(coco::parse_truth(&bytes, path)?.shelves()),
        Kind::EmptyList => Err(FormatError::whole(path, Fault::Empty("images"))),
        other => {
            let expected = "shelf counts, counts by image, or COCO ground truth";
            Err(FormatError::whole(path, Fault::WrongKind { found: other.describe(), expected }))
        }
    }
}

/// Reads predicted shelves of any format, over the given truth (read from `truth_path`). COCO results below the confidence of
/// their category are not counted; other formats carry their own counts.
///
/// # Errors
/// When the file cannot be read, is of another kind, or does not go with the truth.
pub fn read_predicted_shelves(
    path: &Path,
    truth: &Shelves,
    truth_path: &Path,
    confidence: &Confidences<f64>,
) -> Result<Shelves, FormatError> {
    let bytes = read_bounded(path)?;
    match sniff(&bytes, path)? {
        Kind::ShelfCounts => shelf_counts::parse_full(&bytes, path, Side::Predictions),
        Kind::CountsByImage => shelf_counts::parse_short(&bytes, path),
        Kind::Answers => answers::parse_answers(&bytes, path, truth),
        Kind::CocoResults => {
            let truth_bytes = read_bounded(truth_path)?;
            if sniff(&truth_bytes, truth_path)? != Kind::CocoTruth {
                let remedy = "their image and category ids mean something in a COCO ground truth alone";
                let mixed = Fault::Mixed { truth: "this ground truth", predictions: "COCO results", remedy };
                return Err(FormatError::whole(path, mixed));
            }
            let truth = coco::parse_truth(&truth_bytes, truth_path)?;
            let predictions = truth.parse_results(&bytes, path)?;
            Ok(truth.predicted_shelves(&predictions, confidence))
        }
        Kind::EmptyList => Err(FormatError::whole(path, Fault::Empty("predictions"))),
        other => {
            let expected = "shelf counts, counts by image, COCO results, or answers of the server";
            Err(FormatError::whole(path, Fault::WrongKind { found: other.describe(), expected }))
        }
    }
}
