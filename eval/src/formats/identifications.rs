//! Saved look-ups of crops, so that identification can be evaluated and thresholds calibrated without a model.
//!
//! ```json
//! {"format": "shelf-identifications", "version": 1, "enrolled": ["cola_can", "cola_pet"],
//!  "queries": [{"image": "crops/1.jpg", "truth": "cola_can",
//!               "candidates": [{"sku": "cola_can", "similarity": 0.83}, {"sku": "cola_pet", "similarity": 0.61}]},
//!              {"image": "crops/2.jpg", "truth": null, "candidates": []}]}
//! ```
//! `truth` is `null` for a crop of no enrolled SKU. Crops with the same `image` are resampled together.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Fault, FormatError, Location};
use super::json::parse;
use crate::identification::{QuerySet, Ranked, Stated};

/// The file, as read and written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifications {
    /// Always `shelf-identifications`.
    pub format: String,
    /// Always 1.
    pub version: u32,
    /// Codes of the enrolled SKUs.
    pub enrolled: Vec<String>,
    /// Crops that were looked up.
    pub queries: Vec<IdentifiedCrop>,
}

/// One crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentifiedCrop {
    /// The image it comes from.
    pub image: String,
    /// What it truly is; `None` for no enrolled SKU. The key must be there: leaving it out is a mistake, not an unknown.
    #[serde(deserialize_with = "Option::deserialize")]
    pub truth: Option<String>,
    /// Best first.
    pub candidates: Vec<SkuSimilarity>,
    /// Chance that the best is right, `0..=1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Similarity of the best beyond the threshold that its SKU is served with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<f64>,
}

/// A SKU and its similarity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkuSimilarity {
    /// Code.
    pub sku: String,
    /// Cosine similarity.
    pub similarity: f64,
}

/// Parses saved look-ups.
///
/// # Errors
/// When the text is not of that form or version, is empty, repeats a SKU, names one that is not enrolled, or candidates are
/// not ranked.
pub fn parse_identifications(bytes: &[u8], path: &Path) -> Result<QuerySet, FormatError> {
    let file: Identifications = parse(bytes, path)?;
    if file.format != "shelf-identifications" || file.version != 1 {
        let expected = "shelf-identifications version 1";
        return Err(FormatError::whole(path, Fault::WrongKind { found: "another format or version", expected }));
    }
    query_set(&file, path)
}

/// Numbers the names of a file; `path` names it in errors.
///
/// # Errors
/// As [`parse_identifications`].
pub fn query_set(file: &Identifications, path: &Path) -> Result<QuerySet, FormatError> {
    if file.queries.is_empty() {
        return Err(FormatError::whole(path, Fault::Empty("queries")));
    }
    let mut skus: HashMap<&str, u32> = HashMap::new();
    for (index, sku) in file.enrolled.iter().enumerate() {
        if skus.insert(sku, index as u32).is_some() {
            let place = Location::Entry { list: "enrolled", index, key: "" };
            return Err(FormatError::new(path, place, Fault::Duplicate { what: "SKU", id: sku.clone() }));
        }
    }
    let mut images: Vec<String> = Vec::new();
    let mut image_index: HashMap<&str, u32> = HashMap::new();
    let mut numbered = Vec::with_capacity(file.queries.len());
    for (index, query) in file.queries.iter().enumerate() {
        let number = |sku: &String, key| {
            let place = Location::Entry { list: "queries", index, key };
            let unknown = || FormatError::new(path, place, Fault::NotEnrolled { sku: sku.clone() });
            skus.get(sku.as_str()).copied().ok_or_else(unknown)
        };
        let truth = query.truth.as_ref().map(|sku| number(sku, "truth")).transpose()?;
        let mut candidates = Vec::with_capacity(query.candidates.len());
        for candidate in &query.candidates {
            candidates.push(Ranked { sku: number(&candidate.sku, "candidates")?, similarity: candidate.similarity });
        }
        let image = *image_index.entry(&query.image).or_insert_with(|| {
            images.push(query.image.clone());
            images.len() as u32 - 1
        });
        if let Some(value) = query.probability.filter(|p| !(0.0..=1.0).contains(p)) {
            let place = Location::Entry { list: "queries", index, key: "probability" };
            return Err(FormatError::new(path, place, Fault::Fraction { value }));
        }
        let stated = Stated { probability: query.probability, excess: query.excess };
        numbered.push((truth, image, candidates, stated));
    }
    drop(image_index);
    let mut set = QuerySet::new(file.enrolled.clone(), images);
    for (index, (truth, image, candidates, stated)) in numbered.into_iter().enumerate() {
        let place = Location::Entry { list: "queries", index, key: "candidates" };
        set.push_stated(truth, image, &candidates, stated).map_err(|fault| FormatError::new(path, place, fault))?;
    }
    Ok(set)
}
