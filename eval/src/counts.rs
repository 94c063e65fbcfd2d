//! How many of each SKU: the metric customers read.

use crate::average_precision::{Weights, mean};

/// True and predicted number of one SKU in one image; at least one of them is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountRow {
    /// Index of the SKU.
    pub sku: u32,
    /// Index of the image.
    pub image: u32,
    /// Facings truly there.
    pub truth: u64,
    /// Facings counted.
    pub predicted: u64,
}

impl CountRow {
    /// `|predicted - true|`
    #[must_use]
    pub fn error(&self) -> u64 {
        self.truth.abs_diff(self.predicted)
    }
}

/// Counts of a set of images. Rows exist only where the SKU is in truth or prediction: an absent SKU that is not
/// predicted is no evidence, and would let a long catalogue dilute every mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountTable {
    skus: Vec<String>,
    images: Vec<String>,
    rows: Vec<CountRow>,
}

/// Counting errors. `None` where the metric is undefined (no SKU at all).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CountSummary {
    /// **The gate.** Per SKU the mean of `|predicted - true|` over images where it is in truth or prediction; then the
    /// plain mean over SKUs.
    pub macro_mae: Option<f64>,
    /// Mean of `|predicted - true|` over all (image, SKU) rows: frequent SKUs weigh more.
    pub micro_mae: Option<f64>,
    /// Mean over images of `|all predicted - all true|`: mistaken identity cancels out.
    pub total_error: Option<f64>,
    /// Mean over images of `all predicted - all true`: below zero when facings are missed.
    pub total_bias: Option<f64>,
    /// Fraction of images with every count right (RPC's cAcc).
    pub counting_accuracy: Option<f64>,
    /// Mean over images of the summed errors (RPC's ACD, average counting distance).
    pub average_counting_distance: Option<f64>,
    /// Mean over SKUs of summed errors / summed truth (RPC's mCCD). SKUs that are never truly there have no ratio.
    pub mean_category_counting_distance: Option<f64>,
    /// Mean over SKUs of summed minima / summed maxima of truth and prediction (RPC's mCIoU).
    pub mean_category_counting_iou: Option<f64>,
}

/// One SKU or one image, summed.
#[derive(Debug, Clone, PartialEq)]
pub struct CountLine {
    /// Index of the SKU or image.
    pub index: u32,
    /// Rows it occurs in.
    pub rows: u64,
    /// Facings truly there.
    pub truth: u64,
    /// Facings counted.
    pub predicted: u64,
    /// Summed errors.
    pub error: u64,
}

impl CountLine {
    /// Mean error per row.
    #[must_use]
    pub fn mae(&self) -> f64 {
        self.error as f64 / self.rows.max(1) as f64
    }
}

impl CountTable {
    /// Keeps the rows that say something, by SKU and image.
    ///
    /// # Panics
    /// When an index is out of range or a (SKU, image) pair occurs twice: errors of the caller.
    #[must_use]
    pub fn new(skus: Vec<String>, images: Vec<String>, mut rows: Vec<CountRow>) -> Self {
        assert!(rows.iter().all(|r| (r.sku as usize) < skus.len() && (r.image as usize) < images.len()));
        rows.retain(|r| r.truth > 0 || r.predicted > 0);
        rows.sort_by_key(|r| (r.sku, r.image));
        assert!(rows.windows(2).all(|w| (w[0].sku, w[0].image) < (w[1].sku, w[1].image)), "a pair occurs twice");
        Self { skus, images, rows }
    }

    /// SKU codes, by index.
    #[must_use]
    pub fn skus(&self) -> &[String] {
        &self.skus
    }

    /// Image names, by index.
    #[must_use]
    pub fn images(&self) -> &[String] {
        &self.images
    }

    /// By SKU and image.
    #[must_use]
    pub fn rows(&self) -> &[CountRow] {
        &self.rows
    }

    /// All metrics, each image counting as often as its weight says.
    #[must_use]
    pub fn summarize(&self, weights: Weights<'_>) -> CountSummary {
        let weight = |image: u32| weights.map_or(1, |w| u64::from(w[image as usize]));
        let (mut per_sku_mae, mut distances, mut ious) = (Vec::new(), Vec::new(), Vec::new());
        let (mut all_errors, mut all_rows) = (0, 0);
        let mut by_image = vec![(0_u64, 0_u64, 0_u64); self.images.len()];
        for rows in self.rows.chunk_by(|a, b| a.sku == b.sku) {
            let (mut count, mut error, mut truth, mut min, mut max) = (0, 0, 0, 0, 0);
            for row in rows {
                let weight = weight(row.image);
                count += weight;
                error += weight * row.error();
                truth += weight * row.truth;
                min += weight * row.truth.min(row.predicted);
                max += weight * row.truth.max(row.predicted);
                let image = &mut by_image[row.image as usize];
                image.0 += row.truth;
                image.1 += row.predicted;
                image.2 += row.error();
            }
            if count > 0 {
                per_sku_mae.push(error as f64 / count as f64);
                ious.push(min as f64 / max as f64);
            }
            if truth > 0 {
                distances.push(error as f64 / truth as f64);
            }
            all_errors += error;
            all_rows += count;
        }
        if all_rows == 0 {
            return CountSummary::default();
        }
        let images: u64 = (0..self.images.len() as u32).map(weight).sum();
        let per_image = |value: fn(&(u64, u64, u64)) -> f64| {
            let sum: f64 = by_image.iter().enumerate().map(|(i, p)| value(p) * weight(i as u32) as f64).sum();
            (images > 0).then(|| sum / images as f64)
        };
        CountSummary {
            macro_mae: mean(per_sku_mae),
            micro_mae: Some(all_errors as f64 / all_rows as f64),
            total_error: per_image(|p| p.0.abs_diff(p.1) as f64),
            total_bias: per_image(|p| p.1 as f64 - p.0 as f64),
            counting_accuracy: per_image(|p| f64::from(u8::from(p.2 == 0))),
            average_counting_distance: per_image(|p| p.2 as f64),
            mean_category_counting_distance: mean(distances),
            mean_category_counting_iou: mean(ious),
        }
    }

    /// SKUs, the largest mean error first.
    #[must_use]
    pub fn worst_skus(&self) -> Vec<CountLine> {
        let mut lines = self.lines(self.skus.len(), |row| row.sku);
        lines.sort_by(|a, b| b.mae().total_cmp(&a.mae()).then(b.error.cmp(&a.error)).then(a.index.cmp(&b.index)));
        lines
    }

    /// Images, the largest summed error first.
    #[must_use]
    pub fn worst_images(&self) -> Vec<CountLine> {
        let mut lines = self.lines(self.images.len(), |row| row.image);
        lines.sort_by_key(|line| (std::cmp::Reverse(line.error), line.index));
        lines
    }

    fn lines(&self, count: usize, index: impl Fn(&CountRow) -> u32) -> Vec<CountLine> {
        let mut lines: Vec<CountLine> =
            (0..count as u32).map(|index| CountLine { index, rows: 0, truth: 0, predicted: 0, error: 0 }).collect();
        for row in &self.rows {
            let line = &mut lines[index(row) as usize];
            line.rows += 1;
            line.truth += row.truth;
            line.predicted += row.predicted;
            line.error += row.error();
        }
        lines.retain(|line| line.rows > 0);
        lines
    }
}
