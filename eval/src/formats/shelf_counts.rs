//! The project's own format of true or predicted shelves, documented in docs/metrics.md.
//!
//! ```json
//! {"format": "shelf-counts", "version": 1,
//!  "enrolled": ["cola_can", "cola_pet"],
//!  "images": [
//!    {"image": "a.jpg", "width": 1280, "height": 960, "counts": {"cola_can": 3},
//!     "facings": [{"box": [10, 20, 60, 180], "class": "can", "sku": "cola_can",
//!                  "confidence": 0.91, "candidates": [{"sku": "cola_can", "similarity": 0.83}]}]}]}
//! ```
//! `counts` or `facings` may be left out, not both. The short form `{"a.jpg": {"cola_can": 3}}` holds counts alone.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::error::{Fault, FormatError, Location};
use super::facings::{Facing, Shelf, Shelves};
use super::json::{UniqueMap, parse};
use crate::identification::Stated;
use crate::sample::Rect;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: String,
    version: u32,
    #[serde(default)]
    enrolled: Option<Vec<String>>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    image: String,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    counts: Option<UniqueMap<u64>>,
    #[serde(default)]
    facings: Option<Vec<FacingEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FacingEntry {
    #[serde(rename = "box")]
    bbox: [f64; 4],
    #[serde(default)]
    class: String,
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    crowd: bool,
    #[serde(default)]
    confidence: Option<f64>,
    #[serde(default)]
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    sku: String,
    similarity: f64,
}

/// Which side of the comparison a file is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is truly there.
    Truth,
    /// What was found.
    Predictions,
}

/// Parses the full form.
///
/// # Errors
/// When the text is not of that form or version, is empty, names an image twice, says neither counts nor facings of one, or
/// holds a box of another convention or counts that contradict its facings.
pub fn parse_full(bytes: &[u8], path: &Path, side: Side) -> Result<Shelves, FormatError> {
    let file: File = parse(bytes, path)?;
    if file.version != 1 {
        let expected = "shelf-counts version 1";
        return Err(FormatError::whole(path, Fault::WrongKind { found: "another version of shelf-counts", expected }));
    }
    let mut shelves = Shelves { images: Vec::new(), enrolled: file.enrolled };
    for image in file.images {
        shelves.images.push(shelf(image, path, side)?);
    }
    checked(shelves, path)
}

/// Parses the short form: counts by image.
///
/// # Errors
/// When the text is not of that form, or empty.
pub fn parse_short(bytes: &[u8], path: &Path) -> Result<Shelves, FormatError> {
    let UniqueMap(file) = parse::<UniqueMap<UniqueMap<u64>>>(bytes, path)?;
    let shelf = |(name, UniqueMap(counts))| Shelf { name, counts, ..Shelf::default() };
    checked(Shelves { images: file.into_iter().map(shelf).collect(), enrolled: None }, path)
}

/// Parses counts of a single image: `{"cola_can": 3}`.
///
/// # Errors
/// When the text is not of that form.
pub fn parse_single(bytes: &[u8], path: &Path, name: &str) -> Result<Shelf, FormatError> {
    let UniqueMap(counts) = parse(bytes, path)?;
    Ok(Shelf { name: name.to_owned(), counts, ..Shelf::default() })
}

fn shelf(image: Image, path: &Path, side: Side) -> Result<Shelf, FormatError> {
    let name = image.image;
    let wrong =
        |entry, key, fault: Fault| FormatError::new(path, Location::Image { name: name.clone(), entry, key }, fault);
    let facings = match image.facings {
        None => None,
        Some(entries) => {
            let mut facings = Vec::with_capacity(entries.len());
            for (index, entry) in entries.into_iter().enumerate() {
                let place = Some(("facings", index));
                facings.push(facing(entry, side).map_err(|(key, fault)| wrong(place, key, fault))?);
            }
            Some(facings)
        }
    };
    let counts = match (image.counts, &facings) {
        (None, None) => return Err(wrong(None, "", Fault::NothingSaid)),
        (None, Some(facings)) => Shelf::count(facings),
        (Some(UniqueMap(counts)), None) => counts,
        (Some(UniqueMap(counts)), Some(facings)) => {
            let counted = Shelf::count(facings);
            let skus = counts.keys().chain(counted.keys());
            let of = |map: &std::collections::BTreeMap<String, u64>, sku| map.get(sku).copied().unwrap_or(0);
            if let Some(sku) = skus.into_iter().find(|sku| of(&counts, *sku) != of(&counted, *sku)) {
                let (counts, facings) = (of(&counts, sku), of(&counted, sku));
                return Err(wrong(None, "counts", Fault::CountMismatch { sku: sku.clone(), counts, facings }));
            }
            counts
        }
    };
    Ok(Shelf { sha256: image.sha256, size: image.width.zip(image.height), counts, facings, name })
}

fn facing(entry: FacingEntry, side: Side) -> Result<Facing, (&'static str, Fault)> {
    let rect = corners(entry.bbox).map_err(|fault| ("box", fault))?;
    let confidence = match (entry.confidence, side) {
        (Some(c), _) if (0.0..=1.0).contains(&c) => c,
        (Some(value), _) => return Err(("confidence", Fault::Fraction { value })),
        // Hand-made predictions may leave it out; truth has none.
        (None, _) => 1.0,
    };
    let candidates = entry.candidates.into_iter().map(|c| (c.sku, c.similarity)).collect();
    Ok(Facing {
        rect,
        class: entry.class,
        sku: entry.sku,
        crowd: entry.crowd,
        confidence,
        candidates,
        stated: Stated::default(),
    })
}

/// A box from its corners.
pub(super) fn corners([x1, y1, x2, y2]: [f64; 4]) -> Result<Rect, Fault> {
    if x2 < x1 || y2 < y1 {
        return Err(Fault::SwappedCorners);
    }
    Ok(Rect::from_corners(x1, y1, x2, y2).check()?)
}

/// Checks that need all images.
pub(super) fn checked(shelves: Shelves, path: &Path) -> Result<Shelves, FormatError> {
    if shelves.images.is_empty() {
        return Err(FormatError::whole(path, Fault::Empty("images")));
    }
    let mut names = HashSet::new();
    if let Some(twice) = shelves.images.iter().find(|p| !names.insert(p.name.as_str())) {
        let place = Location::Image { name: twice.name.clone(), entry: None, key: "" };
        return Err(FormatError::new(path, place, Fault::Duplicate { what: "image", id: twice.name.clone() }));
    }
    let mut enrolled = HashSet::new();
    if let Some(twice) = shelves.enrolled.iter().flatten().find(|sku| !enrolled.insert(sku.as_str())) {
        let fault = Fault::Duplicate { what: "enrolled SKU", id: twice.clone() };
        return Err(FormatError::whole(path, fault));
    }
    let mut boxes = shelves.images.iter().flat_map(|p| p.facings.iter().flatten()).map(|f| f.rect).peekable();
    if boxes.peek().is_some() && boxes.all(|r| r.x + r.width <= 1.0 && r.y + r.height <= 1.0) {
        return Err(FormatError::whole(path, Fault::Normalised));
    }
    Ok(shelves)
}
