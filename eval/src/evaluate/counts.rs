//! All there is to say about counts.

use serde::{Deserialize, Serialize};

use crate::Bootstrap;
use crate::average_precision::Weights;
use crate::counts::{CountLine, CountTable};
use crate::evaluate::{Metrics, SliceLine};
use crate::slices::{Slice, metrics_of};

/// Counts in the form reports keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountSection {
    /// Images evaluated.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// SKUs in truth or prediction.
    pub skus: usize,
    /// (Image, SKU) pairs in truth or prediction.
    pub rows: usize,
    /// All metrics. In a report they stand at the top, for all kinds together.
    #[serde(skip)]
    pub metrics: Metrics,
    /// SKUs, the largest mean error first.
    pub worst_skus: Vec<NamedCount>,
    /// Images, the largest summed error first.
    #[serde(rename = "worst_pictures")]
    pub worst_images: Vec<NamedCount>,
    /// `(true, predicted, how often)` over (image, SKU) pairs, for the scatter plot.
    pub scatter: Vec<(u64, u64, u64)>,
    /// Parts of the images.
    pub slices: Vec<SliceLine>,
}

/// A SKU or an image and its counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedCount {
    /// SKU code or image name.
    pub name: String,
    /// Images (of a SKU) or SKUs (of an image) it occurs with.
    pub rows: u64,
    /// Facings truly there.
    pub truth: u64,
    /// Facings counted.
    pub predicted: u64,
    /// Summed errors.
    pub error: u64,
    /// Mean error.
    pub mae: f64,
}

/// Entries kept of lists that people read.
const LISTED: usize = 500;

/// Evaluates counts, with the slices given.
#[must_use]
pub fn evaluate_counts(table: &CountTable, bootstrap: Bootstrap, slices: &[Slice]) -> CountSection {
    let units = table.images().len();
    let mut metrics = Metrics::default();
    let names = [
        "count_mae",
        "count_micro_mae",
        "count_total_error",
        "count_total_bias",
        "count_cacc",
        "count_acd",
        "count_mccd",
        "count_mciou",
    ];
    metrics.measure(names, (units, bootstrap), |weights: Weights<'_>| {
        let s = table.summarize(weights);
        [
            s.macro_mae,
            s.micro_mae,
            s.total_error,
            s.total_bias,
            s.counting_accuracy,
            s.average_counting_distance,
            s.mean_category_counting_distance,
            s.mean_category_counting_iou,
        ]
    });
    let named = |names: &[String], line: &CountLine| NamedCount {
        name: names[line.index as usize].clone(),
        rows: line.rows,
        truth: line.truth,
        predicted: line.predicted,
        error: line.error,
        mae: line.mae(),
    };
    let worst_skus = table.worst_skus();
    let mut scatter: Vec<(u64, u64)> = table.rows().iter().map(|r| (r.truth, r.predicted)).collect();
    scatter.sort_unstable();
    CountSection {
        images: units,
        skus: worst_skus.len(),
        rows: table.rows().len(),
        metrics,
        worst_skus: worst_skus.iter().take(LISTED).map(|l| named(table.skus(), l)).collect(),
        worst_images: table.worst_images().iter().take(LISTED).map(|l| named(table.images(), l)).collect(),
        scatter: scatter.chunk_by(|a, b| a == b).map(|same| (same[0].0, same[0].1, same.len() as u64)).collect(),
        slices: slices.iter().map(|s| slice_line(table, s, bootstrap)).collect(),
    }
}

fn slice_line(table: &CountTable, slice: &Slice, bootstrap: Bootstrap) -> SliceLine {
    let values = metrics_of(slice, table.images().len(), bootstrap, |weights| {
        let s = table.summarize(Some(weights));
        [s.macro_mae, s.counting_accuracy]
    });
    let mut metrics = Metrics::default();
    for (name, (value, interval)) in ["count_mae", "count_cacc"].into_iter().zip(values) {
        metrics.set(name, value);
        metrics.intervals.extend(interval.map(|i| (name.to_owned(), i)));
    }
    let inside = |image: u32| slice.images.binary_search(&image).is_ok();
    SliceLine {
        column: slice.column.clone(),
        value: slice.value.clone(),
        images: slice.images.len(),
        evidence: table.rows().iter().filter(|r| inside(r.image)).count() as u64,
        metrics,
    }
}
