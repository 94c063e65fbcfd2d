//! Prototypes: the mean direction of each SKU's exemplars.

use std::collections::HashMap;
use std::sync::Arc;

use vision::SkuId;

use super::data::GalleryData;
use super::edit::Edit;
use super::flat::clamp_similarity;
use super::kernel::dots;

/// A sum shorter than this has no direction.
const SHORTEST: f32 = 1e-6;

/// A prototype for every SKU that has exemplars, but for what is no container: that is many things, and their mean none of them.
/// Copies share what is the same.
#[derive(Debug, Clone, Default)]
pub struct Prototypes(HashMap<SkuId, Arc<Sum>>);

/// The sum of a SKU's exemplars, in their order: the same whatever way the gallery came to hold them.
#[derive(Debug)]
struct Sum {
    values: Vec<f32>,
    /// Squared length.
    square: f32,
}

impl Prototypes {
    /// Those of exemplars: SKU and embedding of length one, all of one dimension.
    #[must_use]
    pub fn of<'a>(exemplars: impl IntoIterator<Item = (SkuId, &'a [f32])>) -> Self {
        let mut sums: HashMap<SkuId, Vec<f32>> = HashMap::new();
        for (sku, embedding) in exemplars {
            if sku == SkuId::NOT_A_CONTAINER {
                continue;
            }
            let sum = sums.entry(sku).or_insert_with(|| vec![0.0; embedding.len()]);
            sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value);
        }
        let sum = |values: Vec<f32>| Arc::new(Sum { square: values.iter().map(|v| v * v).sum(), values });
        Self(sums.into_iter().map(|(sku, values)| (sku, sum(values))).collect())
    }

    pub(super) fn of_gallery(data: &GalleryData) -> Self {
        Self::of(rows(data))
    }

    /// Those of a gallery after an edit: what was edited is worked out anew.
    pub(super) fn follow(&self, edit: &Edit, after: &GalleryData) -> Self {
        if edit.anew {
            return Self::of_gallery(after);
        }
        let mut next = self.clone();
        next.0.retain(|sku, _| !edit.skus.contains(sku));
        next.0.extend(Self::of(rows(after).filter(|(sku, _)| edit.skus.contains(sku))).0);
        next
    }

    /// Cosine similarity of `query` (length one) to the prototype of `sku`, `-1..=1`; `None` where that has none.
    #[must_use]
    pub fn similarity(&self, sku: SkuId, query: &[f32]) -> Option<f32> {
        let sum = self.0.get(&sku)?;
        let along = dots(query, [&*sum.values])[0];
        direction(along, sum.square)
    }

    /// As [`Prototypes::similarity`], were `exemplar`, which is one of `sku`, not enrolled.
    #[must_use]
    pub fn similarity_without(&self, sku: SkuId, query: &[f32], exemplar: &[f32]) -> Option<f32> {
        let sum = self.0.get(&sku)?;
        let [along, own] = two(query, &sum.values, exemplar);
        let [shared, square] = two(exemplar, &sum.values, exemplar);
        direction(along - own, sum.square - 2.0 * shared + square)
    }
}

fn rows(data: &GalleryData) -> impl Iterator<Item = (SkuId, &[f32])> {
    data.exemplars().iter().enumerate().map(|(row, exemplar)| (exemplar.sku, data.embeddings().row(row)))
}

fn two(query: &[f32], first: &[f32], second: &[f32]) -> [f32; 2] {
    let products = dots(query, [first, second]);
    [products[0], products[1]]
}

fn direction(along: f32, square: f32) -> Option<f32> {
    // Written so that NaN fails.
    (square.sqrt() > SHORTEST).then(|| clamp_similarity(along / square.sqrt()))
}
