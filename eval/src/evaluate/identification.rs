//! All there is to say about named crops.

use serde::{Deserialize, Serialize};

use crate::average_precision::Weights;
use crate::calibration::{identification_claims, reliability};
use crate::evaluate::detection::Diagram;
use crate::evaluate::{Metrics, SliceLine};
use crate::open_set::{FALSE_ACCEPT_RATES, OpenSet};
use crate::slices::{Slice, metrics_of};
use crate::{Bootstrap, QuerySet, confused_pairs, top_k};

/// Identification in the form reports keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentificationSection {
    /// Enrolled SKUs.
    pub enrolled: usize,
    /// Crops of enrolled SKUs.
    pub known: u64,
    /// Crops of no enrolled SKU.
    pub unknown: u64,
    /// All metrics. In a report they stand at the top, for all kinds together.
    #[serde(skip)]
    pub metrics: Metrics,
    /// Per SKU, the lowest recall first.
    pub skus: Vec<SkuLine>,
    /// SKUs taken for others, most frequent first.
    pub pairs: Vec<PairLine>,
    /// Whether similarity means accuracy.
    pub reliability: Diagram,
    /// Fractions accepted per threshold, a few hundred points; empty without unknown crops.
    pub acceptance: Vec<AcceptancePoint>,
    /// Crops that lie far inside another SKU: perhaps the label is wrong.
    pub suspects: Vec<Suspect>,
    /// Parts of the images.
    pub slices: Vec<SliceLine>,
}

/// One SKU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkuLine {
    /// Its code.
    pub sku: String,
    /// Crops of it.
    pub support: u64,
    /// Fraction recognised.
    pub recall: Option<f64>,
    /// Fraction of the crops taken for it that are it.
    pub precision: Option<f64>,
    /// Harmonic mean.
    pub f1: Option<f64>,
}

/// A SKU taken for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairLine {
    /// What it is.
    pub truth: String,
    /// What it was taken for.
    pub predicted: String,
    /// How often.
    pub count: u64,
    /// Fraction of the true SKU's crops.
    #[serde(rename = "share")]
    pub ratio: f64,
}

/// A threshold and what it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AcceptancePoint {
    /// Minimum similarity.
    pub threshold: f64,
    /// Known crops accepted.
    pub known: f64,
    /// Known crops accepted and rightly named.
    pub identified: f64,
    /// Unknown crops accepted.
    pub unknown: f64,
}

/// A crop whose label may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Its image.
    #[serde(rename = "picture")]
    pub image: String,
    /// What its label says.
    pub labelled: String,
    /// What it looks like.
    pub looks_like: String,
    /// Similarity to that.
    pub similarity: f64,
    /// Similarity to its own label's SKU; `None` when that is not among the candidates at all.
    pub own_similarity: Option<f64>,
}

/// Points kept of the acceptance curve.
const MAX_PLOTTED_POINTS: usize = 300;
/// Entries kept of lists that people read.
const LISTED: usize = 200;
/// A crop this similar to another SKU, and this much less to its own, is worth a look.
const SUSPECT_LEAD: f64 = 0.15;

/// Evaluates crops, with the slices given.
#[must_use]
pub fn evaluate_identification(set: &QuerySet, bootstrap: Bootstrap, slices: &[Slice]) -> IdentificationSection {
    let units = set.images().len();
    let closed = top_k(set, None);
    let open = OpenSet::new(set);
    let opened = open.summarize(None);
    let claims = identification_claims(set);
    let diagram = reliability(&claims, None);

    let mut metrics = Metrics::default();
    let names = ["top1", "top5", "macro_top1", "macro_precision", "macro_f1", "ece"];
    metrics.measure(names, (units, bootstrap), |weights| {
        let t = top_k(set, weights);
        let ece = reliability(&claims, weights).expected_error;
        [t.top1, t.top5, t.macro_top1, t.macro_precision, t.macro_f1, ece]
    });
    if opened.unknown > 0 {
        metrics.measure(["auroc", "fpr_at_95_tpr", "oscr"], (units, bootstrap), |weights| {
            let o = open.summarize(weights);
            [o.auroc, o.fpr_at_95_tpr, o.oscr]
        });
        let names = FALSE_ACCEPT_RATES.map(|far| format!("dir_at_far_{far}"));
        metrics.measure(names.each_ref().map(String::as_str), (units, bootstrap), |weights: Weights<'_>| {
            open.summarize(weights).dir_at_far
        });
    }

    if set.has_excess() {
        let names = ["accepted_as_served", "named_as_served", "false_accepts_as_served"];
        metrics.measure(names, (units, bootstrap), |weights| open.at(0.0, weights));
    }

    let code = |sku: u32| set.skus()[sku as usize].clone();
    let mut skus: Vec<SkuLine> = closed
        .skus
        .iter()
        .map(|s| SkuLine {
            sku: code(s.sku),
            support: s.support,
            recall: s.recall(),
            precision: s.precision(),
            f1: s.f1(),
        })
        .collect();
    skus.sort_by(|a, b| {
        let key = |s: &SkuLine| s.recall.unwrap_or(f64::INFINITY);
        key(a).total_cmp(&key(b)).then_with(|| a.sku.cmp(&b.sku))
    });
    let pairs = confused_pairs(set).into_iter().take(LISTED).map(|p| PairLine {
        truth: code(p.truth),
        predicted: code(p.predicted),
        count: p.count,
        ratio: p.ratio,
    });
    let curve = open.curve(None);
    let stride = curve.len().div_ceil(MAX_PLOTTED_POINTS).max(1);
    let last = curve.len().saturating_sub(1);
    let plotted = curve.iter().enumerate().filter(|(i, p)| (i % stride == 0 || *i == last) && p.threshold.is_finite());
    IdentificationSection {
        enrolled: set.skus().len(),
        known: closed.known,
        unknown: opened.unknown,
        metrics,
        skus,
        pairs: pairs.collect(),
        reliability: Diagram::from(&diagram),
        acceptance: plotted
            .map(|(_, p)| AcceptancePoint {
                threshold: p.threshold,
                known: p.known,
                identified: p.identified,
                unknown: p.unknown,
            })
            .collect(),
        suspects: suspects(set),
        slices: slices.iter().map(|s| slice_line(set, s, bootstrap)).collect(),
    }
}

fn slice_line(set: &QuerySet, slice: &Slice, bootstrap: Bootstrap) -> SliceLine {
    let [(value, interval)] =
        metrics_of(slice, set.images().len(), bootstrap, |weights| [top_k(set, Some(weights)).top1]);
    let mut metrics = Metrics::default();
    metrics.set("top1", value);
    metrics.intervals.extend(interval.map(|i| ("top1".to_owned(), i)));
    let inside = |q: &crate::Query<'_>| q.truth.is_some() && slice.images.binary_search(&q.image).is_ok();
    SliceLine {
        column: slice.column.clone(),
        value: slice.value.clone(),
        images: slice.images.len(),
        evidence: set.iter().filter(inside).count() as u64,
        metrics,
    }
}

fn suspects(set: &QuerySet) -> Vec<Suspect> {
    let suspect = |query: crate::Query<'_>| {
        let (truth, best) = (query.truth?, query.best()?);
        let own = query.candidates.iter().find(|c| c.sku == truth).map(|c| c.similarity);
        let lead = best.similarity - own.unwrap_or(0.0);
        (best.sku != truth && lead >= SUSPECT_LEAD).then(|| {
            let suspect = Suspect {
                image: set.images()[query.image as usize].clone(),
                labelled: set.skus()[truth as usize].clone(),
                looks_like: set.skus()[best.sku as usize].clone(),
                similarity: best.similarity,
                own_similarity: own,
            };
            (lead, suspect)
        })
    };
    let mut suspects: Vec<(f64, Suspect)> = set.iter().filter_map(suspect).collect();
    suspects.sort_by(|a, b| b.0.total_cmp(&a.0));
    suspects.into_iter().take(LISTED).map(|(_, s)| s).collect()
}
