//! From facings to counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use vision::{RecognizedItem, SkuCount, SkuId, SkuIndex};

/// Facings per SKU, most first (ties by SKU id), and the number of facings of no enrolled SKU.
///
/// An ambiguous facing counts under its best SKU: something stands there, and the best guess is right more often than
/// none. What is unsure is flagged per facing and goes to review.
#[must_use]
pub fn count(items: &[RecognizedItem], gallery: &dyn SkuIndex) -> (Vec<SkuCount>, u32) {
    let mut per_sku: BTreeMap<SkuId, u32> = BTreeMap::new();
    let mut unknown = 0;
    for item in items {
        match item.decision.sku {
            Some(sku) => *per_sku.entry(sku).or_default() += 1,
            None => unknown += 1,
        }
    }
    let mut counts: Vec<SkuCount> = per_sku
        .into_iter()
        .filter_map(|(id, count)| match gallery.sku(id) {
            Some(sku) => Some(SkuCount { sku: (*sku).clone(), count }),
            // The SKU was removed between search and count: its facings are of no enrolled SKU now.
            None => {
                unknown += count;
                None
            }
        })
        .collect();
    counts.sort_by_key(|c| (Reverse(c.count), c.sku.id));
    (counts, unknown)
}
