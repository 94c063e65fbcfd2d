//! The ability to find the enrolled exemplars nearest to an embedding.

use std::sync::Arc;

use crate::{Embedding, ModelError, Sku, SkuId};

/// Stable number of an enrolled exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExemplarId(pub u64);

/// An exemplar near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Which exemplar.
    pub exemplar: ExemplarId,
    /// The SKU it shows.
    pub sku: SkuId,
    /// Cosine similarity in `-1..=1`.
    pub similarity: f32,
    /// Cosine similarity to the mean direction of all exemplars of that SKU, in `-1..=1`; `None` where the index has none.
    pub prototype: Option<f32>,
}

/// Largest list that a wide search asks for.
const WIDEST: usize = 4096;
/// How much longer each list of a wide search is than the one before.
const WIDEN: usize = 8;

fn distinct_skus(neighbors: &[Neighbor]) -> usize {
    let mut seen: Vec<SkuId> = Vec::new();
    for neighbor in neighbors {
        if neighbor.sku != SkuId::NOT_A_CONTAINER && !seen.contains(&neighbor.sku) {
            seen.push(neighbor.sku);
        }
    }
    seen.len()
}

/// Nearest-neighbour search over enrolled exemplars.
pub trait SkuIndex: Send + Sync {
    /// The `k` nearest exemplars of each query, nearest first; fewer when fewer are enrolled.
    /// Equal similarities are ordered by exemplar id, so answers are reproducible.
    ///
    /// # Errors
    /// When a query has another dimension than the index.
    fn search(&self, queries: &[Embedding], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError>;

    /// As [`SkuIndex::search`], for each query as if the exemplar named beside it were not enrolled.
    ///
    /// # Errors
    /// As [`SkuIndex::search`].
    fn search_without(&self, queries: &[(Embedding, ExemplarId)], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let embeddings: Vec<Embedding> = queries.iter().map(|(embedding, _)| embedding.clone()).collect();
        let mut found = self.search(&embeddings, k + 1)?;
        for (neighbors, (_, own)) in found.iter_mut().zip(queries) {
            neighbors.retain(|neighbor| neighbor.exemplar != *own);
            neighbors.truncate(k);
        }
        Ok(found)
    }

    /// As [`SkuIndex::search`], and beyond the `k` nearest as many more as it takes to name `skus` different SKUs: one SKU
    /// of many exemplars would fill the list otherwise. Gives up after some thousand exemplars.
    ///
    /// # Errors
    /// As [`SkuIndex::search`].
    fn search_wide(&self, queries: &[Embedding], k: usize, skus: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let mut found = self.search(queries, k)?;
        let max = self.len().min(WIDEST);
        let mut reach = k;
        while reach < max {
            let names_few = |neighbors: &Vec<Neighbor>| distinct_skus(neighbors) < skus;
            let short: Vec<usize> = (0..found.len()).filter(|&at| names_few(&found[at])).collect();
            if short.is_empty() {
                break;
            }
            reach = (reach * WIDEN).min(max);
            let again: Vec<Embedding> = short.iter().map(|&at| queries[at].clone()).collect();
            for (at, neighbors) in short.into_iter().zip(self.search(&again, reach)?) {
                found[at] = neighbors;
            }
        }
        Ok(found)
    }

    /// Similarity from which a facing is of `sku`, by all that is enrolled; `None` when that is not known.
    fn threshold(&self, _sku: SkuId) -> Option<f32> {
        None
    }

    /// Chance, `0..=1`, that a facing is of `sku`, which won the vote with this similarity and margin over the runner-up; `None`
    /// when that is not known.
    fn probability(&self, _sku: SkuId, _similarity: f32, _margin: f32) -> Option<f32> {
        None
    }

    /// How many times likelier a facing of this similarity to `sku`, which won the vote by `margin`, is of an enrolled SKU than of a
    /// foreign product, before anything is known of how many are foreign; `None` when that is not known.
    fn enrolled_odds(&self, _sku: SkuId, _similarity: f32, _margin: f32) -> Option<f32> {
        None
    }

    /// Looks a SKU up.
    fn sku(&self, id: SkuId) -> Option<Arc<Sku>>;

    /// All SKUs, by id.
    fn skus(&self) -> Vec<Arc<Sku>>;

    /// Number of enrolled exemplars.
    fn len(&self) -> usize;

    /// Whether nothing is enrolled.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name and content of the gallery: `cola-aisle@1f2e3d4c (8 SKUs, 85 exemplars, flat)`.
    fn describe(&self) -> String;
}
