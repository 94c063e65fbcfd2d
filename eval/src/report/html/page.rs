//! The page: what the eye must see first stands first.

use std::fmt::Write as _;

use vision::RgbImage;

use super::super::{Comparison, DataSet, Report};
use super::{charts, images, sections, tables};
use crate::{GatedMetric, Verdict};
use vision::plot::escape;

const STYLE: &str = include_str!("style.css");

/// Draws the report. `image` finds a photo by the name the report gives; where it finds none, boxes stand alone. With a
/// comparison, the table of metrics shows what moved.
pub fn html(
    report: &Report,
    comparison: Option<&Comparison>,
    image: &mut dyn FnMut(&str) -> Option<RgbImage>,
) -> String {
    let mut page = opening(&format!("{} on {}", report.kind.title(), report.data_set.name));
    page.push_str(&head(report));
    page.push_str(&gates(report));
    page.push_str(&advice(report));
    let _ = write!(page, "<h2>Metrics</h2><div class=\"card scroll\">{}</div>", tables::metrics(report, comparison));
    if let Some(section) = &report.detection {
        page.push_str(&sections::detection(section));
    }
    if let Some(section) = &report.identification {
        page.push_str(&sections::identification(section));
    }
    if let Some(section) = &report.counts {
        page.push_str(&sections::counts(section));
    }
    page.push_str(&sections::robustness(&report.robustness));
    page.push_str(&images::confusions(&report.confusions, image));
    page.push_str(&images::worst(&report.worst, image));
    let _ = writeln!(
        page,
        "<footer>Intervals are 95 %, from {} resamples of whole images, seed {}. Definitions: docs/metrics.md. \
         Made by <code>shelf eval</code> {}.</footer></main></body></html>",
        report.resamples,
        report.seed,
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// A page up to its content.
pub(super) fn opening(title: &str) -> String {
    let mut page = String::with_capacity(1 << 18);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>",
        escape(title)
    );
    page
}

/// Data and predictions, and what they were.
pub(super) fn sources(data_set: &DataSet, predictions: &str) -> String {
    format!(
        "<span>Data <b>{}</b> <code title=\"{}\">{}</code></span><span>Predictions <code>{}</code></span>",
        escape(&data_set.name),
        escape(&data_set.digest),
        escape(&data_set.digest.chars().take(12).collect::<String>()),
        escape(predictions)
    )
}

/// What must be known before the metrics are read.
pub(super) fn banners(data_set: &DataSet, warnings: &[String]) -> String {
    let mut out = String::new();
    if data_set.synthetic {
        out.push_str("<p class=\"banner\">Synthetic images: these metrics say nothing about real shelves.</p>");
    }
    for warning in warnings {
        let _ = write!(out, "<p class=\"banner\">{}</p>", with_code(&as_sentence(warning)));
    }
    out
}

fn head(report: &Report) -> String {
    let (class, word) = match report.verdict {
        Verdict::Passed => ("good", "passed"),
        Verdict::Failed => ("bad", "failed"),
        Verdict::NotEvaluated => ("warn", "not evaluated"),
    };
    let mut out = format!(
        "<p class=\"over\">Shelfsight evaluation</p><header class=\"top\"><h1>{}</h1><span class=\"pill {class}\">{word}</span></header>\
         <div class=\"facts\">{}",
        report.kind.title(),
        sources(&report.data_set, &report.predictions)
    );
    if let Some(d) = &report.detection {
        let _ = write!(
            out,
            "<span><b>{}</b> images, <b>{}</b> true boxes, <b>{}</b> predictions</span><span>Serving confidence <b>{}</b></span>",
            d.images,
            d.true_boxes,
            d.predictions,
            escape(&d.serving().to_string())
        );
    }
    if let Some(i) = &report.identification {
        let _ = write!(
            out,
            "<span><b>{}</b> crops of <b>{}</b> SKUs, <b>{}</b> unknown</span>",
            i.known, i.enrolled, i.unknown
        );
    }
    if let Some(c) = &report.counts {
        let _ = write!(out, "<span>Counts of <b>{}</b> SKUs in <b>{}</b> images</span>", c.skus, c.images);
    }
    out.push_str("</div>");
    out + &banners(&report.data_set, &report.warnings)
}

fn gates(report: &Report) -> String {
    let mut out = String::from("<section class=\"gates\">");
    for gate in &report.gates {
        let class = if gate.passed { "good" } else { "bad" };
        let word = if gate.passed { "pass" } else { "fail" };
        let (label, unit) = match gate.metric {
            GatedMetric::Recall => ("Detection recall", "true boxes"),
            GatedMetric::Map50 => ("mAP50", "true boxes"),
            GatedMetric::Top1 => ("SKU top-1", "crops"),
            GatedMetric::CountMae => ("Count MAE", "image and SKU pairs"),
        };
        let value = gate.value.map_or_else(|| "not measured".to_owned(), |v| format!("{v:.4}"));
        let interval = gate
            .interval
            .map_or_else(|| "no interval".to_owned(), |i| format!("95 % interval {:.4} to {:.4}", i.low, i.high));
        let close = if gate.is_close() { " <span class=\"pill warn\">close</span>" } else { "" };
        let value_class = if gate.passed { "" } else { " bad" };
        let _ = write!(
            out,
            "<article class=\"card gate {class}\"><div class=\"row\"><h3>{label}</h3><span>{close} <span class=\"pill {class}\">{word}</span></span></div>\
             <div class=\"value{value_class}\">{value}</div>{}<div class=\"small\">must be {} · {interval}<br>over {} {unit}</div></article>",
            charts::bullet(gate),
            gate.bound.to_string().replace(">=", "≥").replace("<=", "≤"),
            gate.evidence
        );
    }
    let missing = GatedMetric::ALL.into_iter().filter(|m| report.gate(*m).is_none()).map(GatedMetric::as_str);
    let missing: Vec<&str> = missing.collect();
    out.push_str("</section>");
    if !missing.is_empty() {
        let _ =
            write!(out, "<p class=\"small\" style=\"margin-top:10px\">Not judged here: {}.</p>", missing.join(", "));
    }
    out
}

fn advice(report: &Report) -> String {
    if report.advice.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2>Advice</h2><ul class=\"advice\">");
    for advice in &report.advice {
        let _ = write!(
            out,
            "<li class=\"card\"><h3>{}</h3><p class=\"small\">{}</p><p class=\"do\">{}</p></li>",
            escape(&advice.title),
            escape(&advice.because),
            with_code(&advice.remedy)
        );
    }
    out.push_str("</ul>");
    out
}

/// With a capital letter and a full stop: in a terminal warnings go on after a colon.
fn as_sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', ')']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Safe text in which `back-ticked` parts are code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(i, part)| if i % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}
