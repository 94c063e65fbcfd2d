//! How similar the exemplars of a SKU are among themselves.

use std::collections::{BTreeMap, BTreeSet};

use vision::SkuId;

use super::super::data::GalleryData;
use super::super::flat::clamp_similarity;
use super::super::kernel::dots;

/// Exemplars of a SKU that are compared with each other: a SKU of thousands takes no longer than one of these.
const COMPARED: usize = 256;
/// How many exemplars the mean of all SKUs counts for in the level of one.
const SHRINK: f64 = 3.0;
/// The level where no SKU has two exemplars. Thresholds rest on leads over it, so its value does not matter to them.
const UNKNOWN_LEVEL: f64 = 0.8;

/// Levels of all SKUs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Levels {
    /// Sum and number of similarities to the nearest other exemplar, of SKUs that have two or more.
    own: BTreeMap<SkuId, (f64, usize)>,
    /// Mean over all of them.
    common: f64,
}

impl Levels {
    pub(super) fn of(data: &GalleryData) -> Self {
        let mut levels = Self::default();
        levels.renew(data, &data.skus().map(|sku| sku.id).collect());
        levels
    }

    /// Works the levels of `skus` out anew.
    pub(super) fn renew(&mut self, data: &GalleryData, skus: &BTreeSet<SkuId>) {
        let mut rows_of: BTreeMap<SkuId, Vec<usize>> = BTreeMap::new();
        for (row, exemplar) in data.exemplars().iter().enumerate() {
            if exemplar.sku != SkuId::NOT_A_CONTAINER && skus.contains(&exemplar.sku) {
                rows_of.entry(exemplar.sku).or_default().push(row);
            }
        }
        for sku in skus {
            self.own.remove(sku);
        }
        for (sku, rows) in rows_of {
            let count = rows.len().min(COMPARED);
            let rows: Vec<usize> = (0..count).map(|at| rows[at * rows.len() / count]).collect();
            let nearest: Vec<f32> = rows.iter().filter_map(|&row| nearest_other(data, row, &rows)).collect();
            if !nearest.is_empty() {
                self.own.insert(sku, (nearest.iter().copied().map(f64::from).sum(), nearest.len()));
            }
        }
        // A mean over exemplars, each SKU at most as often as it is compared.
        let (sum, count) = self.own.values().fold((0.0, 0), |(sum, count), own| (sum + own.0, count + own.1));
        self.common = if count == 0 { UNKNOWN_LEVEL } else { sum / count as f64 };
    }

    /// Whether `sku` has two different exemplars.
    pub(super) fn has_pairs(&self, sku: SkuId) -> bool {
        self.own.contains_key(&sku)
    }

    pub(super) fn of_sku(&self, sku: SkuId) -> f32 {
        let (sum, count) = self.own.get(&sku).copied().unwrap_or_default();
        ((sum + SHRINK * self.common) / (count as f64 + SHRINK)) as f32
    }
}

fn nearest_other(data: &GalleryData, row: usize, rows: &[usize]) -> Option<f32> {
    let image = data.exemplars()[row].sha256;
    let others = rows.iter().filter(|&&other| other != row && data.exemplars()[other].sha256 != image);
    let similarities = dots(data.embeddings().row(row), others.map(|&other| data.embeddings().row(other)));
    similarities.into_iter().max_by(f32::total_cmp).map(clamp_similarity)
}
