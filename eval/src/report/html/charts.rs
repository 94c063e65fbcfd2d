//! The charts of the page.

use std::fmt::Write as _;

use crate::calibration::BINS;
use crate::evaluate::detection::Diagram;
use crate::gate::Bound;
use crate::metric::{self, Better};
use crate::robustness::{Drop, RobustnessLine};
use crate::{CountSection, Gate, IdentificationSection, Interval};
use vision::plot::{Axis, Frame};

/// A gate as a bar: the zone that passes, the bound, the value and its interval.
pub(super) fn bullet(gate: &Gate) -> String {
    let values = gate.value.into_iter().chain(gate.interval.map(|i| i.low)).chain(gate.interval.map(|i| i.high));
    let (from, to, bound, zone) = match gate.bound {
        // Fractions: show the last part, where gates live, and more when the value lies lower.
        Bound::AtLeast(floor) => {
            let low = values.fold(floor, f64::min);
            let from = (low - (1.0 - floor)).min(2.0 * floor - 1.0).clamp(0.0, 0.999);
            (from, 1.0, floor, (floor, 1.0))
        }
        Bound::AtMost(ceiling) => {
            let high = values.fold(2.0 * ceiling, f64::max);
            (0.0, high * 1.05 + f64::MIN_POSITIVE, ceiling, (0.0, ceiling))
        }
    };
    // Per cent of the width, with room for the dot at both ends.
    let x = |v: f64| ((v - from) / (to - from)).clamp(0.0, 1.0) * 96.0 + 2.0;
    let span = |class: &str, low: f64, high: f64| {
        format!("<i class=\"{class}\" style=\"left:{:.2}%;width:{:.2}%\"></i>", x(low), (x(high) - x(low)).max(0.4))
    };
    let mut out = String::from("<div class=\"bullet\"><i class=\"track\"></i>");
    out.push_str(&span("zone", zone.0, zone.1));
    if let Some(Interval { low, high }) = gate.interval {
        out.push_str(&span("span", low, high));
    }
    let _ = write!(out, "<i class=\"bound\" style=\"left:{:.2}%\"></i>", x(bound));
    if let Some(value) = gate.value {
        let class = if gate.passed { "good" } else { "bad" };
        let _ = write!(out, "<i class=\"point {class}\" style=\"left:{:.2}%\"></i>", x(value));
    }
    out.push_str("</div>");
    out
}

/// Accuracy over stated confidence.
pub(super) fn reliability(diagram: &Diagram, x: &str, y: &str) -> String {
    let mut frame = Frame::new(Axis::fraction(x), Axis::fraction(y));
    let max = diagram.bins.iter().map(|b| b.0).max().unwrap_or(0).max(1);
    for (bin, &(count, confidence, accuracy)) in diagram.bins.iter().enumerate().filter(|(_, b)| b.0 > 0) {
        let span = (bin as f64 / BINS as f64, (bin + 1) as f64 / BINS as f64);
        let tip = format!("{count} claims of {confidence:.2} on average, right {accuracy:.2}");
        // Faint where there is little to go by.
        let mark = if (count as f64) < max as f64 * 0.02 { "faint" } else { "soft" };
        frame = frame.bar(span, accuracy, mark, &tip);
    }
    let dots = diagram.bins.iter().filter(|b| b.0 > 0);
    for &(count, confidence, accuracy) in dots {
        let radius = 2.0 + 5.0 * (count as f64 / max as f64).sqrt();
        frame = frame.dot((confidence, accuracy), radius, "s2", &format!("{count} claims"));
    }
    frame.diagonal().finish("Reliability")
}

/// What a similarity threshold accepts.
pub(super) fn acceptance(section: &IdentificationSection) -> String {
    let thresholds = || section.acceptance.iter().map(|p| p.threshold);
    let (low, high) = (thresholds().fold(1.0, f64::min), thresholds().fold(0.0, f64::max));
    let points = || section.acceptance.iter();
    Frame::new(Axis::around("similarity threshold", low, high), Axis::fraction("fraction accepted"))
        .line(points().map(|p| (p.threshold, Some(p.known))), "s1", "known")
        .line(points().map(|p| (p.threshold, Some(p.identified))), "s3", "known and rightly named")
        .line(points().map(|p| (p.threshold, Some(p.unknown))), "s2", "unknown")
        .finish("Fractions accepted over the similarity threshold")
}

/// Counted over true facings.
pub(super) fn scatter(section: &CountSection) -> String {
    let max = section.scatter.iter().map(|s| s.0.max(s.1)).max().unwrap_or(0);
    let largest = section.scatter.iter().map(|s| s.2).max().unwrap_or(1) as f64;
    let mut frame = Frame::new(Axis::counts("true facings", max), Axis::counts("counted facings", max)).diagonal();
    for &(truth, predicted, count) in &section.scatter {
        let radius = 3.5 + 9.0 * ((count - 1) as f64 / largest).sqrt();
        let mark = if truth == predicted { "" } else { "s2" };
        let tip = format!("{truth} there, {predicted} counted: {count} times");
        frame = frame.dot((truth as f64, predicted as f64), radius, mark, &tip);
    }
    frame.finish("Counted over true facings")
}

/// Fractions (recall, mAP50, top-1, ...) under each damage; metrics of another kind stand in the table alone.
pub(super) fn robustness(lines: &[RobustnessLine]) -> String {
    let is_fraction = |drop: &&Drop| metric::find(&drop.metric).is_some_and(|m| m.better == Better::Higher);
    let shown: Vec<&str> =
        lines.first().iter().flat_map(|l| l.metrics.iter().filter(is_fraction)).map(|d| d.metric.as_str()).collect();
    let count = lines.len() as f64;
    let ticks = lines.iter().enumerate().map(|(i, l)| (i as f64 + 0.5, l.distortion.clone())).collect();
    let x = Axis { label: String::new(), min: 0.0, max: count, ticks };
    let mut frame = Frame::sized(x, Axis::fraction("fraction"), 760.0, 280.0);
    let width = 0.72 / shown.len().max(1) as f64;
    for (at, name) in shown.iter().enumerate() {
        let mark = ["s1", "s3", "s2", "s4"][at % 4];
        frame = frame.key(mark, metric::find(name).map_or(name, |m| m.label));
        for (i, line) in lines.iter().enumerate() {
            let Some(drop) = line.metrics.iter().find(|d| d.metric == *name) else { continue };
            let from = i as f64 + 0.14 + at as f64 * width;
            let (clean, damaged) = (drop.clean.unwrap_or(0.0), drop.damaged.unwrap_or(0.0));
            let tip = format!("{} {name}: {clean:.4} untouched, {damaged:.4} damaged", line.distortion);
            frame = frame.bar((from, from + width), clean, &format!("{mark} faint"), &tip);
            frame = frame.bar((from, from + width), damaged, mark, &tip);
        }
    }
    frame.finish("Metrics under damage")
}
