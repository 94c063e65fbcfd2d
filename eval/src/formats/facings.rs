//! The common ground of shelf files: what one image holds, from whichever file it came.

use std::collections::BTreeMap;

use crate::identification::Stated;
use crate::sample::Rect;

/// One facing, true or found.
#[derive(Debug, Clone, PartialEq)]
pub struct Facing {
    /// Where, in pixels.
    pub rect: Rect,
    /// Kind of container; empty when the file does not say.
    pub class: String,
    /// What it is; `None` for an unknown product.
    pub sku: Option<String>,
    /// Stands for many.
    pub crowd: bool,
    /// Of the detector; 1 for true facings.
    pub confidence: f64,
    /// Best first: `(SKU, similarity)`.
    pub candidates: Vec<(String, f64)>,
    /// What was said of the answer beside its similarity.
    pub stated: Stated,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shelf {
    /// File name as given.
    pub name: String,
    /// Digest of the file, where known: answers of the server are found by it.
    pub sha256: Option<String>,
    /// Width and height in pixels, where known.
    pub size: Option<(u32, u32)>,
    /// Facings per SKU. Zero is said, not left out, when the file says it.
    pub counts: BTreeMap<String, u64>,
    /// The facings themselves, where the file lists them.
    pub facings: Option<Vec<Facing>>,
}

impl Shelf {
    /// Counts that follow from facings: those with a SKU.
    #[must_use]
    pub fn count(facings: &[Facing]) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for sku in facings.iter().filter(|f| !f.crowd).filter_map(|f| f.sku.as_ref()) {
            *counts.entry(sku.clone()).or_default() += 1;
        }
        counts
    }
}

/// All images of one file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shelves {
    /// In file order.
    pub images: Vec<Shelf>,
    /// SKUs that are enrolled, where the file says; otherwise all that occur are taken to be.
    pub enrolled: Option<Vec<String>>,
}
