//! COCO's ground truth and results files.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use vision::Confidences;

use super::error::{Fault, FormatError, Location};
use super::facings::{Facing, Shelf, Shelves};
use super::json::{Kind, parse, read_bounded, sniff};
use crate::identification::Stated;
use crate::sample::{DetectionSet, ImageInfo, Prediction, Rect, Truth};

/// A ground truth file, with the ids its results speak of.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoTruth {
    /// By ascending image id, as pycocotools goes through them.
    pub images: Vec<ImageInfo>,
    /// By ascending category id.
    pub classes: Vec<String>,
    /// In file order.
    pub truths: Vec<Truth>,
    image_index: HashMap<i64, u32>,
    class_index: HashMap<i64, u32>,
}

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    #[serde(default)]
    file_name: Option<String>,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    id: Option<i64>,
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    #[serde(default)]
    area: Option<f64>,
    #[serde(default)]
    iscrowd: u8,
    /// What annotation programs say beside a box.
    #[serde(default)]
    attributes: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Found {
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    score: f64,
}

/// Reads a ground truth file.
///
/// # Errors
/// When it cannot be read, is not of that form, is empty, repeats an id, names an unknown image or category, or holds a box
/// that no image can have or of another convention.
pub fn read_truth(path: &Path) -> Result<CocoTruth, FormatError> {
    parse_truth(&read_bounded(path)?, path)
}

/// As [`read_truth`], from bytes.
///
/// # Errors
/// As [`read_truth`].
pub fn parse_truth(bytes: &[u8], path: &Path) -> Result<CocoTruth, FormatError> {
    let File { mut images, annotations, mut categories } = parse_as(bytes, path, Kind::CocoTruth)?;
    if images.is_empty() {
        return Err(FormatError::whole(path, Fault::Empty("images")));
    }
    if annotations.is_empty() {
        return Err(FormatError::whole(path, Fault::Empty("annotations")));
    }
    let image_index = unique(path, "images", "image id", images.iter().map(|i| i.id))?;
    let class_index = unique(path, "categories", "category id", categories.iter().map(|c| c.id))?;
    unique(path, "annotations", "annotation id", annotations.iter().filter_map(|a| a.id))?;
    images.sort_by_key(|i| i.id);
    categories.sort_by_key(|c| c.id);
    let image = |image: &Image| ImageInfo {
        name: image.file_name.clone().unwrap_or_else(|| image.id.to_string()),
        size: image.width.zip(image.height),
    };
    let mut truth = CocoTruth {
        images: images.iter().map(image).collect(),
        classes: categories.iter().map(|c| c.name.clone()).collect(),
        truths: Vec::with_capacity(annotations.len()),
        image_index,
        class_index,
    };
    for (index, annotation) in annotations.iter().enumerate() {
        let place = |key| Location::Entry { list: "annotations", index, key };
        let (image, class) = truth.indices(path, place, annotation.image_id, annotation.category_id)?;
        if annotation.attributes.as_ref().is_some_and(is_turned) {
            return Err(FormatError::new(path, place("attributes.rotation"), Fault::Turned));
        }
        let rect = rect(annotation.bbox).map_err(|fault| FormatError::new(path, place("bbox"), fault))?;
        let area = annotation.area.unwrap_or_else(|| rect.area());
        truth.truths.push(Truth { image, class, rect, area, crowd: annotation.iscrowd != 0 });
    }
    refuse_other_conventions(path, &truth.images, || truth.truths.iter().map(|t| (t.image, t.rect)))?;
    Ok(truth)
}

/// Whether a box is turned, in degrees but for the crumbs that turning back by hand leaves: its upright numbers are another box.
fn is_turned(attributes: &serde_json::Value) -> bool {
    const CRUMBS: f64 = 0.01;
    let rotation = &attributes["rotation"];
    let degrees = rotation.as_f64().or_else(|| rotation.as_str()?.trim().parse().ok());
    degrees
        .map(|degrees: f64| degrees.rem_euclid(360.0))
        .is_some_and(|rest| rest.is_nan() || (CRUMBS..=360.0 - CRUMBS).contains(&rest))
}

impl CocoTruth {
    /// Reads results over this ground truth.
    ///
    /// # Errors
    /// As [`read_truth`]; also when there is no result at all, which is an export gone wrong rather than a detector.
    pub fn read_results(&self, path: &Path) -> Result<Vec<Prediction>, FormatError> {
        self.parse_results(&read_bounded(path)?, path)
    }

    /// As [`CocoTruth::read_results`], from bytes.
    ///
    /// # Errors
    /// As [`CocoTruth::read_results`].
    pub fn parse_results(&self, bytes: &[u8], path: &Path) -> Result<Vec<Prediction>, FormatError> {
        let found: Vec<Found> = parse_as(bytes, path, Kind::CocoResults)?;
        if found.is_empty() {
            return Err(FormatError::whole(path, Fault::Empty("results")));
        }
        let mut predictions = Vec::with_capacity(found.len());
        for (index, found) in found.iter().enumerate() {
            let place = |key| Location::Entry { list: "", index, key };
            let (image, class) = self.indices(path, place, found.image_id, found.category_id)?;
            let rect = rect(found.bbox).map_err(|fault| FormatError::new(path, place("bbox"), fault))?;
            predictions.push(Prediction { image, class, rect, score: found.score });
        }
        refuse_other_conventions(path, &self.images, || predictions.iter().map(|p| (p.image, p.rect)))?;
        Ok(predictions)
    }

    /// Truth and predictions together.
    ///
    /// # Errors
    /// When predictions are not over this truth.
    pub fn with(&self, predictions: Vec<Prediction>, path: &Path) -> Result<DetectionSet, FormatError> {
        DetectionSet::new(self.images.clone(), self.classes.clone(), self.truths.clone(), predictions)
            .map_err(|fault| FormatError::whole(path, fault))
    }

    /// True shelves: a category is both class and SKU.
    #[must_use]
    pub fn shelves(&self) -> Shelves {
        let facings = self.truths.iter().map(|t| {
            let class = self.classes[t.class as usize].clone();
            (t.image, facing(t.rect, class, 1.0, t.crowd))
        });
        self.as_shelves(facings)
    }

    /// Predicted shelves: results with at least the confidence of their category.
    #[must_use]
    pub fn predicted_shelves(&self, predictions: &[Prediction], confidence: &Confidences<f64>) -> Shelves {
        let min_confidence = confidence.by_number(&self.classes);
        let kept = predictions.iter().filter(|p| p.score >= min_confidence[p.class as usize]);
        self.as_shelves(kept.map(|p| {
            let class = self.classes[p.class as usize].clone();
            (p.image, facing(p.rect, class, p.score, false))
        }))
    }

    fn as_shelves(&self, facings: impl Iterator<Item = (u32, Facing)>) -> Shelves {
        let mut grouped = vec![Vec::new(); self.images.len()];
        facings.for_each(|(image, facing)| grouped[image as usize].push(facing));
        let shelf = |(image, facings): (&ImageInfo, Vec<Facing>)| Shelf {
            name: image.name.clone(),
            sha256: None,
            size: image.size,
            counts: Shelf::count(&facings),
            facings: Some(facings),
        };
        let images = self.images.iter().zip(grouped).map(shelf).collect();
        Shelves { images, enrolled: Some(self.classes.clone()) }
    }

    fn indices(
        &self,
        path: &Path,
        place: impl Fn(&'static str) -> Location,
        image_id: i64,
        category_id: i64,
    ) -> Result<(u32, u32), FormatError> {
        let unknown = |what, key, id: i64| {
            move || FormatError::new(path, place(key), Fault::Unknown { what, id: id.to_string() })
        };
        let image = self.image_index.get(&image_id).copied();
        let class = self.class_index.get(&category_id).copied();
        match (image, class) {
            (None, _) => Err(unknown("image", "image_id", image_id)()),
            (_, None) => Err(unknown("category", "category_id", category_id)()),
            (Some(image), Some(class)) => Ok((image, class)),
        }
    }
}

fn facing(rect: Rect, class: String, confidence: f64, crowd: bool) -> Facing {
    let candidates = vec![(class.clone(), confidence)];
    Facing { rect, sku: Some(class.clone()), class, crowd, confidence, candidates, stated: Stated::default() }
}

/// Parses; a file of another known kind is told as such instead of by the first key that is missing.
fn parse_as<T: DeserializeOwned>(bytes: &[u8], path: &Path, expected: Kind) -> Result<T, FormatError> {
    parse(bytes, path).map_err(|error| match sniff(bytes, path) {
        Ok(found) if found != expected && found != Kind::EmptyList => {
            let (found, expected) = (found.describe(), expected.describe());
            FormatError::whole(path, Fault::WrongKind { found, expected })
        }
        _ => error,
    })
}

/// Rank of each id, in ascending order.
fn unique(
    path: &Path,
    list: &'static str,
    what: &'static str,
    ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, u32>, FormatError> {
    let mut sorted: Vec<(i64, usize)> = ids.enumerate().map(|(index, id)| (id, index)).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|w| w[0].0 == w[1].0) {
        let place = Location::Entry { list, index: pair[1].1, key: "id" };
        return Err(FormatError::new(path, place, Fault::Duplicate { what, id: pair[1].0.to_string() }));
    }
    Ok(sorted.into_iter().zip(0..).map(|((id, _), rank)| (id, rank)).collect())
}

fn rect([x, y, width, height]: [f64; 4]) -> Result<Rect, Fault> {
    Ok(Rect::new(x, y, width, height).check()?)
}

/// Published shelf scores have been wrong by a factor of two because corners were read as sizes. Sure signs are refused.
fn refuse_other_conventions<I: Iterator<Item = (u32, Rect)>>(
    path: &Path,
    images: &[ImageInfo],
    boxes: impl Fn() -> I,
) -> Result<(), FormatError> {
    // A pixel of slack: tools round.
    let (mut all, mut outside, mut fit_as_corners, mut fractions) = (0, 0, 0, 0);
    for (image, r) in boxes() {
        let Some((width, height)) = images[image as usize].size else { continue };
        let (width, height) = (f64::from(width) + 1.0, f64::from(height) + 1.0);
        all += 1;
        outside += usize::from(r.x + r.width > width || r.y + r.height > height);
        fit_as_corners += usize::from(r.width >= r.x && r.height >= r.y && r.width <= width && r.height <= height);
        let positive = r.width > 0.0 && r.height > 0.0;
        fractions +=
            usize::from(positive && r.x + r.width <= 1.0 && r.y + r.height <= 1.0 && width > 3.0 && height > 3.0);
    }
    if all > 0 && fractions == all {
        Err(FormatError::whole(path, Fault::Normalised))
    } else if outside * 2 > all && fit_as_corners == all {
        Err(FormatError::whole(path, Fault::CornersNotSizes))
    } else {
        Ok(())
    }
}
