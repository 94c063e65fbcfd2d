//! Rows that an index found, as the neighbours that vote.

use std::collections::HashMap;

use vision::{Neighbor, SkuId};

use super::data::GalleryData;
use super::flat::Hit;
use super::prototypes::Prototypes;

/// What was found for `query` (length one), in the same order; as if the exemplar in row `without` were not enrolled.
pub(super) fn neighbors(
    (data, prototypes): (&GalleryData, &Prototypes),
    query: &[f32],
    hits: impl IntoIterator<Item = Hit>,
    without: Option<usize>,
) -> Vec<Neighbor> {
    let struck = without.map(|row| (data.exemplars()[row].sku, data.embeddings().row(row)));
    let prototype = |sku: SkuId| match struck {
        Some((own, embedding)) if own == sku => prototypes.similarity_without(sku, query, embedding),
        _ => prototypes.similarity(sku, query),
    };
    // Lists are long and of few SKUs.
    let mut known: HashMap<SkuId, Option<f32>> = HashMap::new();
    let found = hits.into_iter().filter(|hit| Some(hit.row) != without);
    let neighbor = |hit: Hit| {
        let exemplar = &data.exemplars()[hit.row];
        let prototype = *known.entry(exemplar.sku).or_insert_with(|| prototype(exemplar.sku));
        Neighbor { exemplar: exemplar.id, sku: exemplar.sku, similarity: hit.similarity, prototype }
    };
    found.map(neighbor).collect()
}
