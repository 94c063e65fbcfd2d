//! Which of the known causes fits the metrics, and what to do about it.
//!
//! Rules, not a model: each says which metrics it saw, so that a person can disagree.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::evaluate::SliceLine;
use crate::gate::Bound;
use crate::{CountSection, DetectionSection, GatedMetric, IdentificationSection};

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The cause in a line.
    pub title: String,
    /// The metrics that point to it.
    pub because: String,
    /// What to do.
    pub remedy: String,
}

/// Advice for a report, the most promising first within each kind. Empty when everything passed and nothing stands out.
#[must_use]
pub fn advise(report: &Report) -> Vec<Advice> {
    let mut advice = Vec::new();
    let failed = |metric| report.gate(metric).is_some_and(|gate| !gate.passed);
    if let Some(detection) = &report.detection {
        detector(report, detection, &mut advice);
    }
    if let Some(identification) = &report.identification {
        classifier(report, identification, &mut advice);
    }
    if let (Some(counts), true) = (&report.counts, failed(GatedMetric::CountMae)) {
        counting(report, counts, &mut advice);
    }
    evidence(report, &mut advice);
    advice
}

fn add(advice: &mut Vec<Advice>, title: impl Into<String>, because: impl Into<String>, remedy: &str) {
    advice.push(Advice { title: title.into(), because: because.into(), remedy: remedy.to_owned() });
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A cause must explain this fraction of the mistakes to be named.
const WORTH_NAMING: f64 = 0.15;

fn detector(report: &Report, section: &DetectionSection, advice: &mut Vec<Advice>) {
    let Some(gate) = report.gate(GatedMetric::Recall) else { return };
    let (missed, invented) = (section.mistakes.missed, section.mistakes.invented);
    if !gate.passed {
        let total = missed.total();
        let of_missed = |part: u64| format!("{part} of {total} missed boxes ({})", percent(fraction(part, total)));
        let mut causes = [missed.unsure, missed.other_class, missed.badly_placed, missed.not_seen].map(|n| (n, ""));
        causes.iter_mut().zip(["unsure", "class", "place", "seen"]).for_each(|(cause, name)| cause.1 = name);
        causes.sort_by_key(|c| std::cmp::Reverse(c.0));
        for (count, cause) in causes.into_iter().filter(|c| fraction(c.0, total) >= WORTH_NAMING) {
            match cause {
                "unsure" => threshold(report, section, &of_missed(count), advice),
                "class" => add(
                    advice,
                    "The right place, the wrong class",
                    format!("{} lie under a box of another class", of_missed(count)),
                    "Look at the confusion matrix: merge classes that people cannot tell apart, or add images of the confused ones.",
                ),
                "place" => add(
                    advice,
                    "Boxes sit loosely",
                    format!("{} overlap a prediction of their class by .1 to .5", of_missed(count)),
                    "Check how tight the labels are (`shelf dataset check`), and train longer or at a larger input size.",
                ),
                _ => add(
                    advice,
                    "Things are not seen at all",
                    format!("{} have no box near them at any confidence", of_missed(count)),
                    "Look at the worst images: when the kind of thing is missing from training, label more of it; when it is \
                     there, train longer or take the next larger model.",
                ),
            }
        }
        small_things(report, section, advice);
        weak_classes(section, advice);
    }
    let map50 = report.gate(GatedMetric::Map50);
    let precision = report.metric("precision").unwrap_or(1.0);
    if map50.is_some_and(|g| !g.passed) || precision < 0.9 {
        let total = invented.total();
        if fraction(invented.duplicate, total) >= WORTH_NAMING {
            add(
                advice,
                "One thing, two boxes",
                format!("{} of {total} invented boxes lie on a true box that is already found", invented.duplicate),
                "Lower detector.iou (stricter suppression); when photos are tiled, check the merging at tile borders.",
            );
        }
        if fraction(invented.background, total) >= 0.5 && gate.passed {
            add(
                advice,
                "Boxes on the background",
                format!("{} of {total} invented boxes have no true box near them", invented.background),
                "Look at the worst images first: unlabelled things are a fault of the labels. Otherwise add images \
                 without containers, or raise detector.confidence as far as recall allows.",
            );
        }
    }
    if report.metric("detection_ece").is_some_and(|ece| ece > 0.15) {
        add(
            advice,
            "Confidence does not mean precision",
            format!("the expected gap is {}", percent(report.metric("detection_ece").unwrap_or_default())),
            "Choose the serving threshold from the confidence curve of real photos, not by what the number seems to say.",
        );
    }
}

/// Lower the threshold when that alone reaches the gate, and say what it costs.
fn threshold(report: &Report, section: &DetectionSection, of_missed: &str, advice: &mut Vec<Advice>) {
    let Some(Bound::AtLeast(floor)) = report.gate(GatedMetric::Recall).map(|g| g.bound) else { return };
    let points = section.confidence_curve.iter().rev();
    let enough = points.filter(|p| p.confidence < section.confidence).find(|p| p.recall.is_some_and(|r| r >= floor));
    let remedy = match enough {
        // The curve moves one confidence for all; here there are several.
        _ if !section.class_confidence.is_empty() => {
            "Lower detector.confidence, or detector.class_confidence of the classes whose recall is low; `--precision` says what \
             precision leaves room for."
                .to_owned()
        }
        Some(p) => format!(
            "Lower detector.confidence from {:.2} to {:.2}: recall {}, precision {} on this data. Confirm on other images: \
             a threshold chosen here flatters itself.",
            section.confidence,
            p.confidence,
            percent(p.recall.unwrap_or_default()),
            percent(p.precision.unwrap_or_default())
        ),
        None => "No threshold reaches the gate on this data; lowering it helps, but the model must become surer: more \
                 labelled images of what is missed, or a longer run."
            .to_owned(),
    };
    add(advice, "Found, but not surely enough", format!("{of_missed} were found below the threshold"), &remedy);
}

fn small_things(report: &Report, section: &DetectionSection, advice: &mut Vec<Advice>) {
    let recall = |size: &str| report.metric(&format!("recall_{size}"));
    if let (Some(small), Some(large)) = (recall("small"), recall("large").or(recall("medium")))
        && large - small > 0.10
    {
        add(
            advice,
            "Small things are missed",
            format!("recall {} up to 32 x 32 pixels, {} for large ones", percent(small), percent(large)),
            "Cut photos into tiles (detector.tiles: auto or 2x2), or raise the input size of the model.",
        );
    }
    let density: Vec<&SliceLine> = section.slices.iter().filter(|s| s.column == "density" && s.evidence > 0).collect();
    if let (Some(sparse), Some(dense)) = (density.first(), density.last())
        && let (Some(a), Some(b)) = (sparse.metrics.get("recall"), dense.metrics.get("recall"))
        && a - b > 0.10
    {
        add(
            advice,
            "Crowded shelves are worse",
            format!("recall {} with {}, {} with {}", percent(a), sparse.value, percent(b), dense.value),
            "Cut photos into tiles (detector.tiles: auto), check that detector.max_detections is above the number of \
             facings, and add crowded shelves to training (synthetic and pasted ones help).",
        );
    }
}

fn weak_classes(section: &DetectionSection, advice: &mut Vec<Advice>) {
    let present: Vec<_> = section.classes.iter().filter(|c| c.true_boxes > 0).collect();
    let recalls: Vec<f64> = present.iter().filter_map(|c| c.recall).collect();
    let Some(mean) = crate::average_precision::mean(recalls) else { return };
    let weak: Vec<String> = present
        .iter()
        .filter(|c| c.recall.is_some_and(|r| r < mean - 0.15))
        .take(5)
        .map(|c| format!("{} ({}, {} boxes)", c.class, percent(c.recall.unwrap_or_default()), c.true_boxes))
        .collect();
    if present.len() > 1 && !weak.is_empty() {
        add(
            advice,
            "Some classes lag behind",
            format!("recall far below the mean of {}: {}", percent(mean), weak.join(", ")),
            "Label more images of these, and look at their missed boxes: labels that differ from habit teach the wrong thing.",
        );
    }
}

fn classifier(report: &Report, section: &IdentificationSection, advice: &mut Vec<Advice>) {
    if !section.suspects.is_empty() {
        let first = &section.suspects[0];
        add(
            advice,
            format!("{} crops look mislabelled", section.suspects.len()),
            format!(
                "{} is labelled {}, but looks like {} ({:.2} against {})",
                first.image,
                first.labelled,
                first.looks_like,
                first.similarity,
                first.own_similarity.map_or("nothing".to_owned(), |s| format!("{s:.2}"))
            ),
            "Look at the list of suspects below and correct the labels before anything else: a wrong label costs twice.",
        );
    }
    if report.gate(GatedMetric::Top1).is_none_or(|gate| gate.passed) {
        return;
    }
    let (top1, top5) = (report.metric("top1").unwrap_or_default(), report.metric("top5").unwrap_or_default());
    let wrong: u64 = section.pairs.iter().map(|p| p.count).sum();
    let in_first_pairs: u64 = section.pairs.iter().take(5).map(|p| p.count).sum();
    if fraction(in_first_pairs, wrong) >= 0.4 && wrong >= 5 {
        let pairs: Vec<String> =
            section.pairs.iter().take(3).map(|p| format!("{} as {}", p.truth, p.predicted)).collect();
        add(
            advice,
            "A few look-alike pairs make most mistakes",
            format!(
                "five pairs make {} of all mistakes, first: {}",
                percent(fraction(in_first_pairs, wrong)),
                pairs.join(", ")
            ),
            "Mine these pairs: enrol clear images of exactly what tells them apart, train with them in one batch, and \
             raise gallery.margin so that a person sees the close calls.",
        );
    }
    if top5 - top1 > 0.10 {
        add(
            advice,
            "The right SKU is near, but not first",
            format!("top-1 {}, top-5 {}", percent(top1), percent(top5)),
            "Enrol more exemplars per SKU (different light, angle, front and back), then train the embedder on own crops.",
        );
    } else if top1 < 0.8 {
        add(
            advice,
            "The right SKU is not even near",
            format!("top-1 {}, top-5 {}", percent(top1), percent(top5)),
            "Check that gallery and queries are cropped by the same rule and embedded by the same model; then train the \
             embedder on own crops: features of natural images do not read labels.",
        );
    }
    let thin: Vec<String> = section
        .skus
        .iter()
        .filter(|s| s.recall.is_some_and(|r| r < 0.5) && s.support > 0)
        .take(5)
        .map(|s| {
            format!("{} ({} of {} right)", s.sku, (s.recall.unwrap_or_default() * s.support as f64).round(), s.support)
        })
        .collect();
    if !thin.is_empty() {
        add(
            advice,
            "Some SKUs are hardly ever recognised",
            thin.join(", "),
            "Look at their exemplars (`shelf gallery inspect`): too few, outdated packaging, or images of something else.",
        );
    }
}

fn counting(report: &Report, section: &CountSection, advice: &mut Vec<Advice>) {
    let recall = report.metric("recall");
    let bias = report.metric("count_total_bias").unwrap_or_default();
    let (mae, totals) = (report.metric("count_mae"), report.metric("count_total_error"));
    let distance = report.metric("count_acd").unwrap_or_default();
    let metrics = format!(
        "count MAE {:.2}, facings per image off by {:.1} ({bias:+.1})",
        mae.unwrap_or(f64::NAN),
        totals.unwrap_or(f64::NAN)
    );
    if recall.is_some_and(|r| r < 0.95) || bias < -0.5 {
        add(
            advice,
            "Counts are short because facings are missed",
            metrics.clone(),
            "Raise recall first (see above): a facing that is not found cannot be counted. Nothing else is worth the time \
             before that.",
        );
    }
    if bias > 0.5 {
        let duplicates = report.detection.as_ref().map_or(0, |d| d.mistakes.invented.duplicate);
        add(
            advice,
            "Facings are counted twice or invented",
            format!("{metrics}; {duplicates} boxes lie on a facing that is already found"),
            "Lower detector.iou, keep detector.class_agnostic on, check the merging at tile borders, and raise \
             detector.confidence as far as recall allows.",
        );
    }
    if let Some(totals) = totals
        && distance > 2.0 * totals + 0.2
    {
        add(
            advice,
            "Facings are found but named wrongly",
            format!("summed errors per image are {distance:.1}, but totals are off by {totals:.1} only"),
            "Identification is the cause: see top-1, look-alike pairs and thresholds (`shelf calibrate`).",
        );
    }
    if let Some(worst) = section.worst_skus.first().filter(|w| w.mae >= 1.0 && section.skus > 2) {
        add(
            advice,
            "A few SKUs carry the error",
            format!(
                "{} is off by {:.1} per image ({} counted, {} there)",
                worst.name, worst.mae, worst.predicted, worst.truth
            ),
            "Start with the worst SKUs of the table: look at their images, exemplars and look-alikes.",
        );
    }
}

/// Below this many images the percentile bootstrap is known to be too sure of itself.
const FEW_IMAGES: usize = 20;

fn evidence(report: &Report, advice: &mut Vec<Advice>) {
    let close: Vec<&str> = report.gates.iter().filter(|g| g.is_close()).map(|g| g.metric.as_str()).collect();
    if !close.is_empty() {
        add(
            advice,
            "Other images could turn a gate",
            format!("the 95 % interval reaches over the bound of {}", close.join(", ")),
            "Evaluate on more images before trusting the verdict; four times as many halve the interval.",
        );
    }
    let images = report.detection.as_ref().map(|d| d.images).or(report.counts.as_ref().map(|c| c.images));
    if let Some(images) = images.filter(|p| *p < FEW_IMAGES) {
        add(
            advice,
            "Too few images to tell",
            format!("{images} images; resampling so few makes intervals that are too narrow"),
            "Take this as a demonstration. Label a few dozen images from several shops before deciding anything by it.",
        );
    }
    let perfect = |name: &str| report.metric(name).is_some_and(|v| v >= 1.0);
    if perfect("map50_95") || (perfect("top1") && report.identification.as_ref().is_some_and(|i| i.known >= 50)) {
        add(
            advice,
            "Too good to be true",
            "a metric is exactly 1",
            "Check that no test image is in training or gallery (`shelf dataset check` finds near-duplicates across splits).",
        );
    }
}
