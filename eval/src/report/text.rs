//! The report for a terminal: metrics first, gates last, because the end is what people see.

use std::fmt::Write as _;

use super::{Comparison, Report};
use crate::gate::Bound;
use crate::metric::METRICS;
use crate::{Interval, Verdict};

/// As plain text of at most about a hundred columns. With a comparison, what moved stands beside.
#[must_use]
pub fn text(report: &Report, comparison: Option<&Comparison>) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let kind = if report.data_set.synthetic { " (SYNTHETIC: says nothing about real shelves)" } else { "" };
    line(format!("{} on {}{kind}", report.kind.title(), report.data_set.name));
    line(format!("  data         {}", report.data));
    line(format!("  predictions  {}", report.predictions));
    if let Some(d) = &report.detection {
        let (images, boxes, found) = (d.images, d.true_boxes, d.predictions);
        let at = d.serving();
        line(format!("  detection    {images} images, {boxes} true boxes, {found} predictions, confidence {at}"));
    }
    if let Some(i) = &report.identification {
        line(format!("  crops        {} of {} enrolled SKUs, {} unknown", i.known, i.enrolled, i.unknown));
    }
    if let Some(c) = &report.counts {
        line(format!("  counts       {} images, {} SKUs, {} pairs of both", c.images, c.skus, c.rows));
    }
    line(String::new());
    for metric in METRICS.iter().filter(|m| report.metrics.contains_key(m.name)) {
        let interval = report.intervals.get(metric.name).map_or_else(String::new, |i| range(*i));
        let moved = comparison.and_then(|c| c.metrics.iter().find(|f| f.metric == metric.name));
        let moved = moved.and_then(|m| Some((m.change?, m.reading))).map_or_else(String::new, |(change, reading)| {
            format!(
                "{change:+.4} {}",
                serde_json::to_value(reading)
                    .ok()
                    .and_then(|v| Some(v.as_str()?.replace('_', " ")))
                    .unwrap_or_default()
            )
        });
        line(format!("  {:<28} {:>8}  {interval:<18} {moved}", metric.label, number(report.metric(metric.name))));
    }
    if let Some(goal) = report.detection.as_ref().and_then(|d| d.precision_goal.as_ref()) {
        line(format!("\n  lowest confidence from which on precision is at least {}", goal.precision));
        for class in &goal.classes {
            let boxes = class.true_boxes;
            let found = class.reached.map(|at| {
                let (precision, recall) = (number(at.precision), number(at.recall));
                format!("{:>8.4}  precision {precision}  recall {recall} of {boxes} true boxes", at.confidence)
            });
            let found = found.or_else(|| class.unreached()).unwrap_or_default();
            line(format!("  {:<28} {found}", class.class));
        }
        if let Some(yaml) = goal.yaml() {
            line(format!("  to paste into the pipeline configuration, below `detector:`\n    {yaml}"));
        }
    }
    for (name, slices) in [
        ("detection", report.detection.as_ref().map(|d| &d.slices)),
        ("identification", report.identification.as_ref().map(|i| &i.slices)),
        ("counts", report.counts.as_ref().map(|c| &c.slices)),
    ] {
        let Some(slices) = slices.filter(|s| !s.is_empty()) else { continue };
        line(format!("\n  slices of {name}"));
        for slice in slices {
            let mut metrics = String::new();
            for (metric, value) in &slice.metrics.values {
                let _ = write!(metrics, "  {metric} {}", number(*value));
            }
            let label = format!("{} = {}", slice.column, slice.value);
            line(format!("  {label:<28} {:>5} images {:>7} seen{metrics}", slice.images, slice.evidence));
        }
    }
    if !report.robustness.is_empty() {
        line("\n  robustness".to_owned());
        for damage in &report.robustness {
            let metrics = damage.metrics.iter().map(|d| {
                format!(
                    "{} {} ({})",
                    d.metric,
                    number(d.damaged),
                    d.change.map_or("-".to_owned(), |c| format!("{c:+.4}"))
                )
            });
            line(format!("  {:<12} {}", damage.distortion, metrics.collect::<Vec<_>>().join("   ")));
        }
    }
    if !report.advice.is_empty() {
        line("\n  advice".to_owned());
        for advice in &report.advice {
            line(format!("  * {}: {}", advice.title, advice.because));
            line(format!("    {}", advice.remedy));
        }
    }
    for warning in &report.warnings {
        line(format!("\n  WARNING: {warning}"));
    }
    line(String::new());
    for gate in &report.gates {
        let (sign, bound) = match gate.bound {
            Bound::AtLeast(v) => (">=", v),
            Bound::AtMost(v) => ("<=", v),
        };
        let verdict = if gate.passed { "pass" } else { "FAIL" };
        let interval = gate.interval.map_or_else(String::new, range);
        let value = gate.value.map_or_else(|| "not measured".to_owned(), |v| format!("{v:.4}"));
        let close = if gate.is_close() { "  (close: other images could turn it)" } else { "" };
        line(format!(
            "  {verdict}  {:<10} {value:>12} {sign} {bound:<5} {interval} over {}{close}",
            gate.metric.as_str(),
            gate.evidence
        ));
    }
    line(match report.verdict {
        Verdict::Passed => "PASSED: every gate judged here".to_owned(),
        Verdict::Failed => "FAILED".to_owned(),
        Verdict::NotEvaluated => "NOT EVALUATED: no gate could be judged".to_owned(),
    });
    out
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"))
}

fn range(interval: Interval) -> String {
    format!("[{:.4}, {:.4}]", interval.low, interval.high)
}
