//! Names of the metrics, what they mean in a line, and which way is better.

/// Which way a metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither: it describes.
    Neither,
}

/// A metric as reports show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Key in JSON and CSV.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The definition in a line; docs/metrics.md has it in full.
    pub about: &'static str,
}

use Better::{Higher, Lower, Neither};

const fn metric(name: &'static str, label: &'static str, better: Better, about: &'static str) -> Metric {
    Metric { name, label, better, about }
}

/// Every metric, in the order reports show them.
pub const METRICS: &[Metric] = &[
    metric("recall", "Recall", Higher, "found true boxes / true boxes at the serving confidence, class-aware, IoU .50"),
    metric("precision", "Precision", Higher, "right predictions / predictions at the serving confidence, IoU .50"),
    metric("f1", "F1", Higher, "harmonic mean of precision and recall at the serving confidence"),
    metric("map50", "mAP50", Higher, "COCO average precision at IoU .50, 101 points, mean over classes present"),
    metric("map50_95", "mAP50-95", Higher, "COCO average precision, mean over IoU .50:.05:.95"),
    metric("map75", "mAP75", Higher, "COCO average precision at IoU .75"),
    metric("map50_small", "mAP50 small", Higher, "true boxes up to 32 x 32 pixels"),
    metric("map50_medium", "mAP50 medium", Higher, "true boxes of 32 x 32 to 96 x 96 pixels"),
    metric("map50_large", "mAP50 large", Higher, "true boxes from 96 x 96 pixels"),
    metric("map50_95_small", "mAP50-95 small", Higher, "true boxes up to 32 x 32 pixels"),
    metric("map50_95_medium", "mAP50-95 medium", Higher, "true boxes of 32 x 32 to 96 x 96 pixels"),
    metric("map50_95_large", "mAP50-95 large", Higher, "true boxes from 96 x 96 pixels"),
    metric("recall_small", "Recall small", Higher, "recall of true boxes up to 32 x 32 pixels"),
    metric("recall_medium", "Recall medium", Higher, "recall of true boxes of 32 x 32 to 96 x 96 pixels"),
    metric("recall_large", "Recall large", Higher, "recall of true boxes from 96 x 96 pixels"),
    metric("average_recall_1", "AR 1", Higher, "COCO average recall with 1 prediction per image and class"),
    metric("average_recall_10", "AR 10", Higher, "COCO average recall with 10 predictions per image and class"),
    metric("average_recall_100", "AR 100", Higher, "COCO average recall with 100 predictions per image and class"),
    metric("average_recall", "AR", Higher, "COCO average recall with all predictions looked at"),
    metric("f1_best", "Best F1", Higher, "F1 at the confidence where it is highest on this data"),
    metric("f1_best_confidence", "Confidence of best F1", Neither, "a threshold chosen on this data flatters it"),
    metric(
        "ultralytics_map50",
        "Ultralytics mAP50",
        Higher,
        "Ultralytics' definition: linear interpolation, best overlap only",
    ),
    metric("ultralytics_map50_95", "Ultralytics mAP50-95", Higher, "the same, mean over IoU .50:.05:.95"),
    metric(
        "detection_ece",
        "Detector calibration error",
        Lower,
        "expected gap between confidence and precision of what is served, 15 bins",
    ),
    metric("top1", "SKU top-1", Higher, "crops of enrolled SKUs whose nearest SKU is right (micro)"),
    metric("top5", "SKU top-5", Higher, "crops of enrolled SKUs with the right SKU among the first five"),
    metric("macro_top1", "SKU top-1, macro", Higher, "mean over SKUs of their own top-1"),
    metric("macro_precision", "SKU precision, macro", Higher, "mean over SKUs of right / predicted"),
    metric("macro_f1", "SKU F1, macro", Higher, "mean over SKUs of F1"),
    metric(
        "auroc",
        "Open-set AUROC",
        Higher,
        "chance that a known crop is more similar to its best candidate than an unknown one",
    ),
    metric("fpr_at_95_tpr", "FPR at 95 % TPR", Lower, "unknown crops accepted when 95 % of the known are"),
    metric("oscr", "OSCR", Higher, "area under correct classification rate over false positive rate"),
    metric("dir_at_far_0.001", "DIR at FAR .001", Higher, "known crops identified when 1 in 1000 unknown is accepted"),
    metric("dir_at_far_0.01", "DIR at FAR .01", Higher, "known crops identified when 1 in 100 unknown is accepted"),
    metric("dir_at_far_0.05", "DIR at FAR .05", Higher, "known crops identified when 5 in 100 unknown are accepted"),
    metric("dir_at_far_0.1", "DIR at FAR .10", Higher, "known crops identified when 10 in 100 unknown are accepted"),
    metric(
        "ece",
        "Calibration error",
        Lower,
        "expected gap between stated probability (else similarity) and accuracy, 15 bins",
    ),
    metric(
        "accepted_as_served",
        "Known accepted, as served",
        Higher,
        "known crops at or above the threshold of the SKU they are taken for",
    ),
    metric(
        "named_as_served",
        "Known named, as served",
        Higher,
        "known crops accepted and right at the thresholds in force",
    ),
    metric(
        "false_accepts_as_served",
        "False accepts, as served",
        Lower,
        "unknown crops accepted at the thresholds in force",
    ),
    metric("count_mae", "Count MAE", Lower, "per SKU the mean |predicted - true| where it occurs; mean over SKUs"),
    metric(
        "count_micro_mae",
        "Count MAE, micro",
        Lower,
        "mean |predicted - true| over all (image, SKU) pairs that occur",
    ),
    metric("count_total_error", "Facings per image, error", Lower, "mean |all predicted - all true| per image"),
    metric(
        "count_total_bias",
        "Facings per image, bias",
        Neither,
        "mean (all predicted - all true) per image; below 0 when missed",
    ),
    metric("count_cacc", "cAcc", Higher, "images with every count right"),
    metric("count_acd", "ACD", Lower, "summed counting errors per image"),
    metric("count_mccd", "mCCD", Lower, "mean over SKUs of summed errors / summed truth"),
    metric(
        "count_mae_true_boxes",
        "Count MAE, true boxes",
        Lower,
        "what identity alone costs: every box right, SKUs as recognised",
    ),
    metric("count_cacc_true_boxes", "cAcc, true boxes", Higher, "images with every count right, every box right"),
    metric(
        "top1_true_boxes",
        "SKU top-1, true boxes",
        Higher,
        "true facings of enrolled SKUs whose nearest SKU is right",
    ),
    metric(
        "count_mae_true_skus",
        "Count MAE, true SKUs",
        Lower,
        "what detection alone costs: boxes as found, each with the SKU that stands there",
    ),
    metric("count_cacc_true_skus", "cAcc, true SKUs", Higher, "images with every count right, SKUs right"),
    metric("count_mciou", "mCIoU", Higher, "mean over SKUs of summed minima / summed maxima"),
];

/// Looks a metric up.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}
