//! Charts of found boxes, for reports and for folders of training runs.

use crate::DetectionSection;
use crate::evaluate::detection::Confusion;
use vision::plot::{Axis, Drawing, Frame, heatmap};

/// Precision over recall at three overlaps.
#[must_use]
pub fn precision_recall(section: &DetectionSection) -> Drawing {
    let mut frame = Frame::new(Axis::fraction("recall"), Axis::fraction("precision"));
    for (curve, mark) in section.precision_recall.iter().zip(["s1", "s2", "s3"]) {
        let last = curve.precision.len().saturating_sub(1).max(1) as f64;
        let points = curve.precision.iter().enumerate().map(|(i, p)| (i as f64 / last, Some(*p)));
        let ap = curve.precision.iter().sum::<f64>() / curve.precision.len().max(1) as f64;
        frame = frame.line(points, mark, &format!("IoU {:.2}: AP {ap:.3}", curve.iou));
    }
    frame.done()
}

/// Precision, recall and F1 over the confidence threshold.
#[must_use]
pub fn confidence(section: &DetectionSection) -> Drawing {
    let points = || section.confidence_curve.iter();
    let mut frame = Frame::new(Axis::fraction("confidence threshold"), Axis::fraction("fraction"))
        .line(points().map(|p| (p.confidence, p.recall)), "s1", "recall")
        .line(points().map(|p| (p.confidence, p.precision)), "s2", "precision")
        .line(points().map(|p| (p.confidence, p.f1)), "s3", "F1")
        .upright(section.confidence, &format!("serving {}", section.confidence));
    let occurs = section.classes.iter().any(|class| class.best_f1.is_some());
    let best = points()
        .filter_map(|p| Some((p.confidence, p.f1?)))
        .fold(None, |best: Option<(f64, f64)>, p| if best.is_none_or(|b| p.1 > b.1) { Some(p) } else { best });
    if let Some((confidence, f1)) = best.filter(|_| occurs) {
        frame = frame.dot((confidence, f1), 4.5, "s2", &format!("best F1 {f1:.3} at {confidence:.3}"));
    }
    frame.done()
}

/// Who is taken for whom; the last row and column are the background.
#[must_use]
pub fn confusion(confusion: &Confusion) -> Drawing {
    let names = |last: &str| -> Vec<String> { confusion.classes.iter().cloned().chain([last.to_owned()]).collect() };
    heatmap(&names("nothing there"), &names("not found"), &confusion.counts)
}
