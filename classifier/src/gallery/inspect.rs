//! How well the SKUs of a gallery hold together and apart.

use vision::SkuId;

use super::data::GalleryData;
use super::flat::Panels;
use super::kernel::dots;
use super::matrix::Matrix;

/// One SKU at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct SkuHealth {
    /// The SKU.
    pub sku: SkuId,
    /// Its exemplars.
    pub exemplars: usize,
    /// Mean cosine similarity of its exemplars to their centroid: 1 when all look the same. `None` without exemplars.
    pub cohesion: Option<f32>,
    /// The SKU it is most easily confused with: the one of the most similar centroid, and that similarity.
    pub nearest: Option<(SkuId, f32)>,
}

/// All SKUs, by id. Compares every centroid with every other: seconds for ten thousand SKUs.
#[must_use]
pub fn inspect(data: &GalleryData) -> Vec<SkuHealth> {
    let mut rows_of: std::collections::BTreeMap<SkuId, Vec<usize>> =
        data.skus().map(|sku| (sku.id, Vec::new())).collect();
    for (row, exemplar) in data.exemplars().iter().enumerate() {
        rows_of.entry(exemplar.sku).or_default().push(row);
    }
    let mut centroids = Matrix::new(data.embeddings().columns());
    let mut owners = Vec::new();
    let mut health: Vec<SkuHealth> = Vec::with_capacity(rows_of.len());
    for (&sku, rows) in &rows_of {
        let centroid = centroid(data.embeddings(), rows);
        let cohesion = centroid.as_ref().map(|centroid| {
            let similarities = dots(centroid, rows.iter().map(|&row| data.embeddings().row(row)));
            similarities.iter().sum::<f32>() / rows.len() as f32
        });
        if let Some(centroid) = centroid {
            centroids.push(&centroid);
            owners.push(health.len());
        }
        health.push(SkuHealth { sku, exemplars: rows.len(), cohesion, nearest: None });
    }
    let found = Panels::of(&centroids).search(&centroids, 2);
    for (at, hits) in found.into_iter().enumerate() {
        let other = hits.into_iter().find(|hit| hit.row != at);
        let nearest = other.map(|hit| (health[owners[hit.row]].sku, hit.similarity));
        health[owners[at]].nearest = nearest;
    }
    health
}

/// Mean of the rows, scaled to length one. `None` without rows, or when they cancel out.
fn centroid(embeddings: &Matrix, rows: &[usize]) -> Option<Vec<f32>> {
    let mut sum = vec![0.0_f64; embeddings.columns()];
    for &row in rows {
        for (sum, &value) in sum.iter_mut().zip(embeddings.row(row)) {
            *sum += f64::from(value);
        }
    }
    let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
    (length > 1e-6).then(|| sum.into_iter().map(|v| (v / length) as f32).collect())
}
