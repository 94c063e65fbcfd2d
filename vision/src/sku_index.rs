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
}

/// Nearest-neighbour search over enrolled exemplars.
pub trait SkuIndex: Send + Sync {
    /// The `k` nearest exemplars of each query, nearest first; fewer when fewer are enrolled.
    /// Equal similarities are ordered by exemplar id, so answers are reproducible.
    ///
    /// # Errors
    /// When a query has another dimension than the index.
    fn search(&self, queries: &[Embedding], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError>;

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

    /// Name and content of the gallery: `cola-aisle@1f2e3d4c (8 SKUs, 85 exemplars, FAISS flat)`.
    fn describe(&self) -> String;
}
