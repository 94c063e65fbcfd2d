//! SKUs taken for others, with the places on the photos where that happened.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vision::Confidences;

use crate::DetectionSet;
use crate::formats::pairing::{in_order, matched};
use crate::formats::{FormatError, Shelves};

/// A facing on a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacingBox {
    /// Name of the image.
    pub image: String,
    /// Left, top, width, height in pixels.
    pub rect: [f64; 4],
}

/// A SKU taken for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusedFacings {
    /// What it is.
    pub truth: String,
    /// What it was taken for; `None` when it was called unknown.
    pub predicted: Option<String>,
    /// How often.
    pub count: usize,
    /// Some of the facings.
    pub facings: Vec<FacingBox>,
    /// Some true facings of what they were taken for, to compare with.
    pub like: Vec<FacingBox>,
}

/// Places named of each pair, and to compare with.
const SHOWN: usize = 8;

/// The `max` most frequent pairs among the found facings that lie on a true one whose SKU is named.
///
/// # Errors
/// As [`crate::formats::compare`].
pub fn confused_facings(
    (truth, predictions): (&Shelves, &Shelves),
    boxes: &DetectionSet,
    (confidence, path): (&Confidences<f64>, &Path),
    max: usize,
) -> Result<Vec<ConfusedFacings>, FormatError> {
    let (true_facings, found) = in_order(truth, predictions, path)?;
    let place = |at: usize| {
        let box_of = &boxes.truths()[at];
        let rounded = |v: f64| (v * 10.0).round() / 10.0;
        let r = box_of.rect;
        FacingBox {
            image: boxes.images()[box_of.image as usize].name.clone(),
            rect: [r.x, r.y, r.width, r.height].map(rounded),
        }
    };
    let mut pairs: BTreeMap<(&String, Option<&String>), Vec<usize>> = BTreeMap::new();
    for (at, truth_at) in matched(boxes, &found, confidence, path)? {
        let Some(sku) = &true_facings[truth_at].sku else { continue };
        if found[at].sku.as_ref() != Some(sku) {
            pairs.entry((sku, found[at].sku.as_ref())).or_default().push(truth_at);
        }
    }
    let of_sku = |sku: &String| {
        let all: Vec<usize> =
            (0..true_facings.len()).filter(|&at| true_facings[at].sku.as_ref() == Some(sku)).collect();
        evenly(&all).map(&place).collect()
    };
    let mut confused: Vec<ConfusedFacings> = pairs
        .into_iter()
        .map(|((truth, predicted), places)| ConfusedFacings {
            truth: truth.clone(),
            predicted: predicted.cloned(),
            count: places.len(),
            facings: evenly(&places).map(&place).collect(),
            like: predicted.map(of_sku).unwrap_or_default(),
        })
        .collect();
    confused
        .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.truth, &a.predicted).cmp(&(&b.truth, &b.predicted))));
    confused.truncate(max);
    Ok(confused)
}

/// As many as are shown, from all of them.
fn evenly(all: &[usize]) -> impl Iterator<Item = usize> {
    let count = all.len().min(SHOWN);
    (0..count).map(move |at| all[at * all.len() / count])
}
