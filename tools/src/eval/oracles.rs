//! What detection and identity cost apart: the counts if one of the two made no mistake.

use std::path::Path;

use eval::evaluate::{Metrics, evaluate_identification};
use eval::formats::{Shelf, Shelves, compare, with_true_identities};
use eval::{Bootstrap, CountTable, Rect};
use vision::{BBox, ClassId, Confidences, Detection};

/// The true facings of a photo as a detector would have found them.
pub(super) fn detections(truth: &Shelf, classes: &[String]) -> Vec<Detection> {
    let class = |name: &str| classes.iter().position(|class| class == name).unwrap_or(0);
    let facings = truth.facings.iter().flatten().filter(|facing| !facing.crowd);
    let detection = |facing: &eval::formats::Facing| {
        let Rect { x, y, width, height } = facing.rect;
        let bbox = BBox::new(x as f32, y as f32, (x + width) as f32, (y + height) as f32);
        Detection { bbox, class: ClassId(class(&facing.class) as u16), confidence: 1.0 }
    };
    facings.map(detection).collect()
}

/// Every box right, SKUs as they were recognised in these: what identity alone costs.
pub(super) fn true_boxes(
    (truth, found): (&Shelves, &Shelves),
    path: &Path,
    bootstrap: Bootstrap,
) -> anyhow::Result<Metrics> {
    let comparison = compare(truth, found, path, &Confidences::uniform(0.0))?;
    let mut metrics = counts(&comparison.counts, ["count_mae_true_boxes", "count_cacc_true_boxes"], bootstrap);
    if let Some(identities) = &comparison.identities {
        let measured = evaluate_identification(identities, bootstrap, &[]).metrics;
        metrics.set("top1_true_boxes", measured.get("top1"));
        metrics.intervals.extend(measured.intervals.get("top1").map(|i| ("top1_true_boxes".to_owned(), *i)));
    }
    Ok(metrics)
}

/// Every SKU right, boxes as they were found: what detection alone costs. Empty where a side lists no facings.
pub(super) fn true_skus(
    (truth, found): (&Shelves, &Shelves),
    (path, confidence): (&Path, &Confidences<f64>),
    bootstrap: Bootstrap,
) -> anyhow::Result<Metrics> {
    let Some(renamed) = with_true_identities(truth, found, path, confidence)? else { return Ok(Metrics::default()) };
    let comparison = compare(truth, &renamed, path, confidence)?;
    Ok(counts(&comparison.counts, ["count_mae_true_skus", "count_cacc_true_skus"], bootstrap))
}

fn counts(table: &CountTable, names: [&str; 2], bootstrap: Bootstrap) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.measure(names, (table.images().len(), bootstrap), |weights| {
        let summary = table.summarize(weights);
        [summary.macro_mae, summary.counting_accuracy]
    });
    metrics
}
