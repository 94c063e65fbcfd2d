//! Curves of a run and of a validation, as images in the folder of the run.

use crate::core::results::Columns;
use eval::DetectionSection;
use eval::report::charts;
use vision::RgbImage;
use vision::plot::{Axis, Drawing, Frame, paint};

/// Columns that are plotted, and what people call them.
const PLOTTED: [(&str, &str); 8] = [
    ("train/box_loss", "Box loss"),
    ("train/cls_loss", "Class loss"),
    ("train/dfl_loss", "Distribution loss"),
    ("lr/pg0", "Learning rate"),
    ("metrics/precision(B)", "Precision"),
    ("metrics/recall(B)", "Recall"),
    ("metrics/mAP50(B)", "mAP50"),
    ("metrics/mAP50-95(B)", "mAP50-95"),
];

/// The columns of `results.csv` over epochs, eight charts on one image.
#[must_use]
pub fn results(columns: &Columns) -> RgbImage {
    let column =
        |name: &str| columns.iter().find(|(column, _)| column == name).map_or(&[][..], |(_, values)| values.as_slice());
    let epochs: Vec<f64> = column("epoch").iter().map(|epoch| epoch.unwrap_or(f64::NAN)).collect();
    let charts: Vec<(String, Drawing)> = PLOTTED
        .iter()
        .map(|(name, title)| {
            let points: Vec<(f64, Option<f64>)> = epochs.iter().copied().zip(column(name).iter().copied()).collect();
            let latest = points.iter().rev().find_map(|(_, value)| *value);
            let latest = latest.map_or_else(String::new, |value| format!(": {}", short(value)));
            (format!("{title}{latest}"), over_epochs(&points))
        })
        .collect();
    let charts: Vec<(&str, &Drawing)> = charts.iter().map(|(title, chart)| (title.as_str(), chart)).collect();
    paint(&charts, 4)
}

fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

fn over_epochs(points: &[(f64, Option<f64>)]) -> Drawing {
    let known = || points.iter().filter_map(|&(epoch, value)| Some((epoch, value?)));
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = known().map(|point| of(&point)).filter(|value| value.is_finite());
        values.fold(None, |range: Option<(f64, f64)>, v| {
            Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        })
    };
    let (_, last) = range(|point| point.0).unwrap_or((0.0, 1.0));
    let (low, high) = range(|point| point.1).unwrap_or((0.0, 1.0));
    // The first epoch, or a rate that never changes: some room above and below.
    let room = if high > low { 0.0 } else { 0.1 * high.abs().max(1e-6) };
    let (epochs, values) = (Axis::counts("epoch", last as u64), Axis::around("", low - room, high + room));
    let frame = Frame::sized(epochs, values, 340.0, 230.0).line(points.iter().copied(), "s1", "");
    // A single epoch makes no line.
    match known().next_back() {
        Some(latest) => frame.dot(latest, 3.0, "s1", "").done(),
        None => frame.done(),
    }
}

/// Curves and confusion matrix of a validation, by file name.
#[must_use]
pub fn validation(section: &DetectionSection) -> [(&'static str, RgbImage); 3] {
    let one = |title: &str, chart: &Drawing| paint(&[(title, chart)], 1);
    [
        ("PR_curve.png", one("Precision over recall, mean over classes", &charts::precision_recall(section))),
        ("F1_curve.png", one("Precision, recall and F1 over confidence, IoU .50", &charts::confidence(section))),
        ("confusion_matrix.png", one("Who is taken for whom", &charts::confusion(&section.confusion))),
    ]
}
