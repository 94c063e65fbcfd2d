//! The page of a calibration: what thresholds trade, and what was chosen for each SKU.

use std::fmt::Write as _;

use super::super::DataSet;
use super::page::{banners, opening, sources};
use super::sections::card;
use super::tables::{mini, number, table};
use crate::QuerySet;
use crate::thresholds::{SkuThreshold, Thresholds, Trade};
use vision::plot::{Axis, Frame, escape};

/// What the page of a calibration tells.
#[derive(Debug, Clone, Copy)]
pub struct Calibration<'a> {
    /// Where the look-ups come from.
    pub data_set: &'a DataSet,
    /// What made them.
    pub predictions: &'a str,
    /// The look-ups.
    pub queries: &'a QuerySet,
    /// Wanted false-accept rate.
    pub wanted: f64,
    /// Impostors a SKU must have seen for a threshold of its own.
    pub min_impostors: usize,
    /// What was found.
    pub thresholds: &'a Thresholds,
    /// What must be known before the metrics are read.
    pub warnings: &'a [String],
}

/// Draws a calibration as one HTML file with everything inside.
pub fn calibration_html(page: &Calibration<'_>) -> String {
    let thresholds = page.thresholds;
    let mut out = opening(&format!("Thresholds on {}", page.data_set.name));
    let known = thresholds.skus.iter().map(|s| s.support).sum::<usize>();
    let impostors = thresholds.skus.iter().map(|s| s.impostors).sum::<usize>();
    let _ = write!(
        out,
        "<p class=\"over\">Shelfsight calibration</p><header class=\"top\"><h1>Similarity thresholds</h1></header>\
         <div class=\"facts\">{}<span><b>{known}</b> crops of <b>{}</b> SKUs, <b>{impostors}</b> impostors</span>\
         <span>Wanted false-accept rate <b>{}</b></span></div>{}",
        sources(page.data_set, page.predictions),
        page.queries.skus().len(),
        page.wanted,
        banners(page.data_set, page.warnings)
    );
    let _ = write!(out, "<h2>What they do</h2><div class=\"card\">{}</div>", choices(page));
    let _ = write!(
        out,
        "<h2>What could be had</h2><div class=\"grid\">{}{}</div>",
        card("Accepted over false accepts, one threshold for all", &trade_off(page)),
        card("Over the threshold, one for all", &over_threshold(thresholds))
    );
    let _ = write!(out, "<h2>SKUs</h2><div class=\"card\">{}</div>", skus(page));
    let _ = writeln!(
        out,
        "<footer>An impostor is a crop of an unknown product, or a crop of an enrolled one with its own SKU struck from the \
         list; it is falsely accepted when its best candidate is at or above the threshold. Definitions: docs/metrics.md. \
         Made by <code>shelf calibrate</code> {}.</footer></main></body></html>",
        env!("CARGO_PKG_VERSION")
    );
    out
}

/// Names of the choices, and what each does; the last is what will be written.
fn chosen(thresholds: &Thresholds) -> Vec<(&'static str, &'static str, &Trade)> {
    let own = thresholds.skus.iter().any(|s| s.own);
    let before = thresholds.before.iter().map(|trade| ("Now in force", "s4", trade));
    let together = own.then_some(("One per SKU, where there is evidence", "s3", &thresholds.together));
    before.chain([("One for all", "s2", &thresholds.global)]).chain(together).collect()
}

fn choices(page: &Calibration<'_>) -> String {
    let row = |(name, _, trade): (&str, &str, &Trade)| {
        let over = if trade.false_accept_rate > page.wanted { " class=\"bad-ink\"" } else { "" };
        vec![
            name.to_owned(),
            number(Some(trade.threshold)),
            format!("<span{over}>{}</span>", number(Some(trade.false_accept_rate))),
            number(Some(trade.identified)),
            mini(Some(trade.identified), None),
            number(Some(trade.misidentified)),
            number(Some(trade.rejected)),
        ]
    };
    let headings =
        ["Thresholds", "#Threshold", "#False accepts", "#Rightly named", "", "#Wrongly named", "#Sent to a person"];
    let rows: Vec<_> = chosen(page.thresholds).into_iter().map(row).collect();
    let few = page.thresholds.skus.iter().filter(|s| !s.own).count();
    let note = if few == page.thresholds.skus.len() {
        "<p class=\"small\" style=\"margin-top:10px\">No SKU has a threshold of its own.</p>".to_owned()
    } else if few > 0 {
        format!(
            "<p class=\"small\" style=\"margin-top:10px\">{few} SKUs saw fewer impostors than {} and use the one for all. The threshold beside \
             “one per SKU” is the mean.</p>",
            page.min_impostors
        )
    } else {
        "<p class=\"small\" style=\"margin-top:10px\">The threshold beside “one per SKU” is the mean.</p>".to_owned()
    };
    table(&headings, &rows) + &note
}

/// Known crops accepted over impostors accepted.
fn trade_off(page: &Calibration<'_>) -> String {
    let impostors = page.thresholds.skus.iter().map(|s| s.impostors).sum::<usize>().max(10) as f64;
    // As far down as one impostor can be told from none, and as the goal lies.
    let lowest = impostors.log10().ceil().max((-page.wanted.log10()).ceil()).clamp(1.0, 6.0);
    let place = |rate: f64| rate.max(10_f64.powf(-lowest)).log10();
    let curve = || page.thresholds.curve.iter();
    let accepted = curve().map(|t| (place(t.false_accept_rate), Some(t.identified + t.misidentified)));
    let mut frame = Frame::new(
        Axis::powers("false accepts: fraction of impostors accepted", lowest as u8),
        Axis::fraction("fraction of known crops"),
    )
    .line(accepted, "s1", "accepted")
    .line(curve().map(|t| (place(t.false_accept_rate), Some(t.identified))), "s3", "accepted and rightly named")
    .upright(place(page.wanted), &format!("wanted {}", page.wanted));
    for (name, mark, trade) in chosen(page.thresholds) {
        let tip = format!(
            "{name}: threshold {:.4}, false accepts {:.4}, rightly named {:.4}",
            trade.threshold, trade.false_accept_rate, trade.identified
        );
        frame = frame
            .dot((place(trade.false_accept_rate), trade.identified), 5.5, mark, &tip)
            .key(mark, &format!("● {name}"));
    }
    frame.finish("Known crops accepted over impostors accepted")
}

/// Every fraction over the threshold.
fn over_threshold(thresholds: &Thresholds) -> String {
    let curve = || thresholds.curve.iter();
    let (low, high) = curve().fold((1.0_f64, 0.0_f64), |(l, h), t| (l.min(t.threshold), h.max(t.threshold)));
    let mut frame = Frame::new(Axis::around("similarity threshold", low, high), Axis::fraction("fraction"))
        .line(curve().map(|t| (t.threshold, Some(t.identified))), "s3", "rightly named")
        .line(curve().map(|t| (t.threshold, Some(t.rejected))), "s1", "sent to a person")
        .line(curve().map(|t| (t.threshold, Some(t.misidentified))), "s4", "wrongly named")
        .line(curve().map(|t| (t.threshold, Some(t.false_accept_rate))), "s2", "impostors accepted")
        .upright(thresholds.global.threshold, &format!("one for all {:.4}", thresholds.global.threshold));
    if let Some(before) = &thresholds.before {
        frame = frame.upright(before.threshold, &format!("now {:.4}", before.threshold));
    }
    frame.finish("Fractions over the similarity threshold")
}

/// SKU by SKU, those that lose most first.
fn skus(page: &Calibration<'_>) -> String {
    let mut sorted: Vec<&SkuThreshold> = page.thresholds.skus.iter().collect();
    let known = |s: &SkuThreshold| s.support > 0;
    sorted.sort_by(|a, b| {
        known(b).cmp(&known(a)).then(a.trade.identified.total_cmp(&b.trade.identified)).then(a.sku.cmp(&b.sku))
    });
    let row = |s: &&SkuThreshold| {
        // A rate without a crop to judge by says nothing.
        let of_known = |value: f64| number((s.support > 0).then_some(value));
        vec![
            escape(&page.queries.skus()[s.sku as usize]),
            number(Some(s.trade.threshold)),
            if s.own { "its own".to_owned() } else { "<span class=\"muted\">the one for all</span>".to_owned() },
            s.impostors.to_string(),
            number((s.impostors > 0).then_some(s.trade.false_accept_rate)),
            s.support.to_string(),
            of_known(s.trade.identified),
            mini((s.support > 0).then_some(s.trade.identified), None),
            of_known(s.trade.misidentified),
            of_known(s.trade.rejected),
        ]
    };
    let headings = [
        "SKU",
        "#Threshold",
        "",
        "#Impostors",
        "#False accepts",
        "#Crops",
        "#Rightly named",
        "",
        "#Wrongly named",
        "#Sent to a person",
    ];
    table(&headings, &sorted.iter().map(row).collect::<Vec<_>>())
}
