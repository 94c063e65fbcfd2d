//! The tables of the page.

use std::fmt::Write as _;

use super::super::Report;
use super::super::compare::{Comparison, Reading};
use crate::evaluate::SliceLine;
use crate::metric::{self, Better, METRICS, Metric};
use crate::{ClassGoal, CountSection, DetectionSection, IdentificationSection, Interval, PrecisionGoal};
use vision::plot::escape;

/// Rows shown at once; the rest unfolds.
const AT_ONCE: usize = 15;

/// A metric for people.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"))
}

/// A table from its heading and rows of ready HTML; a heading that begins with `#` stands over numbers. Long tables fold.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let (first, rest) = rows.split_at(rows.len().min(AT_ONCE));
    let mut out = unfolded(headings, first);
    if !rest.is_empty() {
        let rest_table = unfolded(headings, rest);
        let _ = write!(out, "<details><summary>{} more</summary>{rest_table}</details>", rest.len());
    }
    out
}

/// As [`table`], all rows at once.
fn unfolded(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for heading in headings {
        let _ = match heading.strip_prefix('#') {
            Some(number) => write!(out, "<th class=\"n\">{number}</th>"),
            None => write!(out, "<th>{heading}</th>"),
        };
    }
    out.push_str("</tr></thead><tbody>");
    for cells in rows {
        out.push_str("<tr>");
        for (cell, heading) in cells.iter().zip(headings) {
            let class = if heading.starts_with('#') { " class=\"n\"" } else { "" };
            let _ = write!(out, "<td{class}>{cell}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// A fraction as a small bar, with its interval.
pub(super) fn mini(value: Option<f64>, interval: Option<Interval>) -> String {
    let Some(value) = value.filter(|v| (0.0..=1.0).contains(v)) else { return String::new() };
    let mut out = format!(
        r#"<svg class="mini" viewBox="0 0 120 14" aria-hidden="true"><rect class="track" y="4" width="120" height="6" rx="3"/><rect class="bar" y="4" width="{:.1}" height="6" rx="3"/>"#,
        value * 120.0
    );
    if let Some(Interval { low, high }) = interval {
        let at = |v: f64| v.clamp(0.0, 1.0) * 117.0 + 1.5;
        let _ = write!(out, r#"<line class="span" x1="{:.1}" x2="{:.1}" y1="7" y2="7"/>"#, at(low), at(high));
    }
    out.push_str("</svg>");
    out
}

pub(super) fn metrics(report: &Report, comparison: Option<&Comparison>) -> String {
    let mut headings = vec!["Metric", "#Value", "", "#95 % interval", "Meaning"];
    if comparison.is_some() {
        headings.splice(4..4, ["#Before", "#Change", "Reading"]);
    }
    let row = |metric: &Metric| {
        let (value, interval) = (report.metric(metric.name), report.intervals.get(metric.name).copied());
        let arrow = match metric.better {
            Better::Higher => "&nbsp;<span class=\"muted\" title=\"more is better\">↑</span>",
            Better::Lower => "&nbsp;<span class=\"muted\" title=\"less is better\">↓</span>",
            Better::Neither => "",
        };
        let mut cells = vec![
            format!("{}{arrow}", metric.label),
            format!("<b>{}</b>", number(value)),
            if metric.better == Better::Higher { mini(value, interval) } else { String::new() },
            interval.map_or_else(String::new, |i| format!("{:.4} to {:.4}", i.low, i.high)),
        ];
        if let Some(moved) = comparison.map(|c| c.metrics.iter().find(|f| f.metric == metric.name)) {
            let before = moved.and_then(|m| m.old_interval);
            let before = before
                .map_or_else(String::new, |i| format!(" <span class=\"muted\">({:.2} to {:.2})</span>", i.low, i.high));
            let old = number(moved.and_then(|m| m.old)) + &before;
            let change = moved.and_then(|m| m.change).map_or_else(String::new, |c| format!("{c:+.4}"));
            let reading = moved.map_or(Reading::Incomparable, |m| m.reading);
            let (class, word) = match reading {
                Reading::Better => ("pill good", "better"),
                Reading::Worse => ("pill bad", "worse"),
                Reading::WithinNoise => ("pill plain", "within noise"),
                Reading::Same => ("muted", "same"),
                Reading::Moved => ("pill plain", "moved"),
                Reading::Incomparable => ("muted", ""),
            };
            cells.extend([old, change, format!("<span class=\"{class}\">{word}</span>")]);
        }
        cells.push(format!("<span class=\"about\">{}</span>", escape(metric.about)));
        cells
    };
    let rows: Vec<Vec<String>> = METRICS.iter().filter(|m| report.metrics.contains_key(m.name)).map(row).collect();
    let mut out = String::new();
    if let Some(comparison) = comparison {
        let _ = write!(out, "<p class=\"small\">Compared with <code>{}</code>.", escape(&comparison.old_predictions));
        if !comparison.same_data {
            out.push_str(" <span class=\"pill warn\">other data</span> Differences mix model and data.");
        }
        out.push_str("</p>");
    }
    // All metrics at once: people search this table.
    out.push_str(&unfolded(&headings, &rows));
    out
}

pub(super) fn classes(section: &DetectionSection) -> String {
    let mut lines: Vec<_> = section.classes.iter().filter(|c| c.true_boxes > 0).collect();
    lines.sort_by(|a, b| a.ap50.unwrap_or(0.0).total_cmp(&b.ap50.unwrap_or(0.0)));
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|c| {
            let best = c.best_f1.map_or_else(|| "–".to_owned(), |(f1, at)| format!("{f1:.3} at {at:.2}"));
            vec![
                escape(&c.class),
                c.true_boxes.to_string(),
                number(c.ap50),
                mini(c.ap50, c.ap50_interval),
                number(c.ap50_95),
                number(c.recall),
                number(c.precision),
                best,
            ]
        })
        .collect();
    table(&["Class", "#True", "#AP50", "", "#AP50-95", "#Recall", "#Precision", "#Best F1"], &rows)
}

/// What `--precision` found, and the line to paste.
pub(super) fn precision_goal(goal: &PrecisionGoal) -> String {
    let row = |class: &ClassGoal| {
        let mut cells = vec![escape(&class.class), class.true_boxes.to_string()];
        match class.reached {
            Some(at) => {
                cells.extend([number(Some(at.confidence)), number(at.precision), number(at.recall), String::new()]);
            }
            None => cells.extend([number(None), number(None), number(None), class.unreached().unwrap_or_default()]),
        }
        cells
    };
    let rows: Vec<Vec<String>> = goal.classes.iter().map(row).collect();
    let mut out = String::from(
        "<p class=\"small\">The lowest confidence from which on precision is as wanted. Chosen on these images, it flatters \
         itself.</p>",
    );
    out.push_str(&table(&["Class", "#True", "#From confidence", "#Precision", "#Recall", ""], &rows));
    if let Some(yaml) = goal.yaml() {
        let yaml = escape(&yaml);
        let _ =
            write!(out, "<p class=\"small\">For the pipeline configuration, below detector: <code>{yaml}</code></p>");
    }
    out
}

pub(super) fn slices(slices: &[SliceLine]) -> String {
    let metrics: Vec<&String> = slices.first().map(|s| s.metrics.values.keys().collect()).unwrap_or_default();
    let names: Vec<String> =
        metrics.iter().map(|m| format!("#{}", crate::metric::find(m).map_or(m.as_str(), |m| m.label))).collect();
    let mut headings = vec!["Slice", "#Images", "#Seen"];
    headings.extend(names.iter().map(String::as_str));
    let row = |slice: &SliceLine| {
        let mut cells = vec![
            format!("<span class=\"muted\">{}</span> {}", escape(&slice.column), escape(&slice.value)),
            slice.images.to_string(),
            slice.evidence.to_string(),
        ];
        cells.extend(metrics.iter().map(|m| {
            let interval = slice.metrics.intervals.get(*m);
            let interval = interval
                .map_or_else(String::new, |i| format!(" <span class=\"muted\">({:.2} to {:.2})</span>", i.low, i.high));
            format!("{}{interval}", number(slice.metrics.get(m)))
        }));
        cells
    };
    table(&headings, &slices.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn skus(section: &IdentificationSection) -> String {
    let row = |s: &crate::evaluate::identification::SkuLine| {
        vec![
            escape(&s.sku),
            s.support.to_string(),
            number(s.recall),
            mini(s.recall, None),
            number(s.precision),
            number(s.f1),
        ]
    };
    table(&["SKU", "#Crops", "#Recall", "", "#Precision", "#F1"], &section.skus.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn pairs(section: &IdentificationSection) -> String {
    let row = |p: &crate::evaluate::identification::PairLine| {
        vec![escape(&p.truth), escape(&p.predicted), p.count.to_string(), format!("{:.1} %", p.ratio * 100.0)]
    };
    table(&["Is", "Taken for", "#Times", "#Of its crops"], &section.pairs.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn suspects(section: &IdentificationSection) -> String {
    let row = |s: &crate::evaluate::identification::Suspect| {
        vec![
            escape(&s.image),
            escape(&s.labelled),
            s.own_similarity.map_or_else(|| "not near".to_owned(), |v| format!("{v:.3}")),
            escape(&s.looks_like),
            format!("{:.3}", s.similarity),
        ]
    };
    let headings = ["Crop", "Labelled", "#Similarity", "Looks like", "#Similarity"];
    table(&headings, &section.suspects.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn worst_counts(section: &CountSection, skus: bool) -> String {
    let lines = if skus { &section.worst_skus } else { &section.worst_images };
    let row = |l: &crate::evaluate::counts::NamedCount| {
        let class = if l.error == 0 { "good-ink" } else { "bad-ink" };
        vec![
            escape(&l.name),
            l.truth.to_string(),
            l.predicted.to_string(),
            l.error.to_string(),
            format!("<span class=\"{class}\">{:.2}</span>", l.mae),
        ]
    };
    let headings = [if skus { "SKU" } else { "Image" }, "#There", "#Counted", "#Summed error", "#Mean error"];
    table(&headings, &lines.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn robustness(lines: &[crate::robustness::RobustnessLine]) -> String {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .flat_map(|line| {
            line.metrics.iter().map(|drop| {
                let interval = drop.interval.map_or_else(String::new, |i| format!("{:+.4} to {:+.4}", i.low, i.high));
                let label = metric::find(&drop.metric).map_or(drop.metric.as_str(), |m| m.label);
                let worse = match metric::find(&drop.metric).map(|m| m.better) {
                    Some(Better::Lower) => drop.change,
                    _ => drop.change.map(|c| -c),
                };
                let class = if worse.is_some_and(|w| w > 0.05) { "bad-ink" } else { "" };
                let change = drop.change.map_or_else(|| "–".to_owned(), |c| format!("{c:+.4}"));
                vec![
                    escape(&line.distortion),
                    escape(label),
                    number(drop.damaged),
                    format!("<span class=\"{class}\">{change}</span>"),
                    interval,
                    format!("<span class=\"about\">{}</span>", escape(&line.about)),
                ]
            })
        })
        .collect();
    table(&["Damage", "Metric", "#Damaged", "#Change", "#95 % of the change", "What is done"], &rows)
}
