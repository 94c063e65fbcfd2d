//! Reports: what they hold, what they advise, and that nothing gets out of them.

use std::fs;
use std::path::{Path, PathBuf};

use eval::evaluate::{evaluate_counts, evaluate_detection, evaluate_identification};
use eval::random::Random;
use eval::report::document::Parts;
use eval::report::{Calibration, DataSet, Kind, calibration_html, compare, csv, html, text, worst_cases};
use eval::robustness::{Distortion, detection_drops};
use eval::thresholds::InForce;
use eval::{
    Bootstrap, CalibrationGoal, CountRow, CountTable, DetectionSet, DetectionSettings, GatedMetric, QuerySet, Ranked,
    Report, Targets, Verdict, calibrate, match_all,
};
use vision::RgbImage;

use crate::support::{dense_shelves, set};

fn parts(kind: Kind) -> Parts {
    Parts {
        kind,
        data_set: DataSet { name: "shelves <b>".into(), digest: "0123456789abcdef".into(), synthetic: true },
        predictions: "detector@12345678".into(),
        bootstrap: Bootstrap { resamples: 60, seed: 42 },
        targets: Targets::default(),
        required: Vec::new(),
        detection: None,
        identification: None,
        counts: None,
        robustness: Vec::new(),
        worst: Vec::new(),
        confusions: Vec::new(),
        warnings: Vec::new(),
    }
}

fn detector_report(boxes: &DetectionSet, confidence: f64) -> Report {
    let bootstrap = Bootstrap { resamples: 60, seed: 42 };
    let settings = DetectionSettings {
        confidence: confidence.into(),
        precision: Some(0.9),
        bootstrap,
        ..DetectionSettings::default()
    };
    let confidences = settings.confidence.by_number(boxes.classes());
    let matches = match_all(boxes, 300);
    let half = boxes.predictions().iter().step_by(2).copied().collect();
    let damaged = match_all(&boxes.with_predictions(half).unwrap(), 300);
    Report::new(Parts {
        detection: Some(evaluate_detection(boxes, &settings, &[])),
        robustness: vec![detection_drops(Distortion::Blur, &matches, &damaged, (&confidences, bootstrap))],
        worst: worst_cases(boxes, &settings.confidence, 300, 6),
        confusions: Vec::new(),
        ..parts(Kind::Detector)
    })
}

/// Crops of five SKUs, two of them look-alikes, and some of none.
fn look_ups() -> QuerySet {
    let mut random = Random::new(9);
    let skus = ["cola_can", "cola_zero_can", "lime_pet", "orange_pet", "water_pet"].map(str::to_owned).to_vec();
    let mut queries = QuerySet::new(skus, (0..300).map(|i| format!("crop{i}.jpg")).collect());
    for image in 0..300 {
        let truth = random.below(6) as u32;
        let own = random.range(0.5, 0.95);
        let mut ranked: Vec<Ranked> = (0..5)
            .map(|sku| {
                let near = sku == truth || (truth < 2 && sku < 2);
                let similarity = if near { own - random.range(0.0, 0.08) } else { random.range(0.1, 0.6) };
                Ranked { sku, similarity }
            })
            .collect();
        ranked.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        queries.push((truth < 5).then_some(truth), image, &ranked).unwrap();
    }
    queries
}

fn classifier_report() -> Report {
    let identification = Some(evaluate_identification(&look_ups(), Bootstrap { resamples: 60, seed: 42 }, &[]));
    Report::new(Parts { identification, ..parts(Kind::Classifier) })
}

fn counts_report() -> Report {
    let mut random = Random::new(4);
    let mut rows = Vec::new();
    for image in 0..40 {
        for sku in 0..8 {
            let truth = random.below(12) as u64;
            let predicted = truth.saturating_sub(random.below(3) as u64 * u64::from(random.below(2) == 0));
            rows.push(CountRow { sku, image, truth, predicted });
        }
    }
    let names = |prefix: &str, n| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
    let table = CountTable::new(names("sku_", 8), names("shelf", 40), rows);
    let counts = Some(evaluate_counts(&table, Bootstrap { resamples: 60, seed: 42 }, &[]));
    Report::new(Parts { counts, ..parts(Kind::ShelfCounts) })
}

fn photo(_: &str) -> Option<RgbImage> {
    Some(RgbImage::from_fn(1200, 900, |x, y| image::Rgb([(x / 6) as u8, (y / 5) as u8, 120])))
}

fn preview(name: &str, page: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, page).unwrap();
    path
}

#[test]
fn the_page_is_whole_and_fetches_nothing() {
    let boxes = dense_shelves(3, 8).read();
    for (name, report) in [
        ("detector.html", detector_report(&boxes, 0.25)),
        ("classifier.html", classifier_report()),
        ("counts.html", counts_report()),
    ] {
        whole(name, &html(&report, None, &mut photo));
    }
}

fn whole(name: &str, page: &str) {
    let path = preview(name, page);
    for forbidden in ["http:", "https:", "<script", "<link", "url(", "@import", "NaN", "inf\"", "shelves <b>"] {
        assert!(!page.contains(forbidden), "{} holds {forbidden}", path.display());
    }
    assert!(page.contains("shelves &lt;b&gt;") && page.contains("Synthetic images"));
    // Every element that is opened is closed.
    for tag in
        ["div", "table", "tr", "td", "th", "svg", "g", "section", "article", "details", "figure", "span", "main", "p"]
    {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        let closed = page.matches(&format!("</{tag}>")).count();
        assert_eq!(opened, closed, "{name}: <{tag}>");
    }
}

#[test]
fn the_page_of_a_calibration_shows_what_was_chosen() {
    let queries = look_ups();
    let data_set = parts(Kind::Classifier).data_set;
    let before = InForce { threshold: 0.6, ..InForce::default() };
    for (name, min_impostors) in [("calibration.html", 60), ("calibration-global.html", usize::MAX)] {
        let goal = CalibrationGoal { false_accept_rate: 0.02, min_impostors };
        let thresholds = calibrate(&queries, goal, Some(&before)).unwrap();
        let page = calibration_html(&Calibration {
            data_set: &data_set,
            predictions: "look-ups.json",
            queries: &queries,
            wanted: 0.02,
            min_impostors,
            thresholds: &thresholds,
            warnings: &["a crop is `odd`".to_owned()],
        });
        whole(name, &page);
        let own = thresholds.skus.iter().filter(|s| s.own).count();
        assert_eq!(page.matches("<td>its own</td>").count(), own, "{name}");
        assert_eq!(own > 0, page.contains("One per SKU"), "{name}");
        assert!(page.contains("cola_zero_can") && page.contains("<code>odd</code>"));
        assert!(page.contains(&format!("{:.4}", thresholds.global.threshold)) && page.contains("now 0.6000"));
        // From everything accepted to nothing, never less with a higher threshold.
        let curve = &thresholds.curve;
        assert!(curve.windows(2).all(|w| w[0].rejected <= w[1].rejected && w[0].threshold < w[1].threshold));
        let (first, last) = (curve[0], curve[curve.len() - 1]);
        assert_eq!((first.false_accept_rate, first.rejected), (1.0, 0.0));
        assert_eq!((last.false_accept_rate, last.rejected), (0.0, 1.0));
    }
}

#[test]
fn json_comes_back_as_it_was() {
    let report = detector_report(&dense_shelves(3, 4).read(), 0.25);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, report.to_json()).unwrap();
    let back = Report::read(&path).unwrap();
    assert_eq!(back.to_json(), report.to_json());
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(value["data"], "0123456789abcdef");
    for metric in ["map50", "map50_95", "recall", "precision"] {
        assert!(value["metrics"][metric].is_number(), "{metric}");
    }
    fs::write(&path, "{}").unwrap();
    assert!(Report::read(&path).is_err());
    // What was not asked for leaves no trace: reports are compared with earlier ones.
    assert_eq!(value["detection"]["precision_goal"]["precision"], 0.9);
    assert!(value["detection"].get("class_confidence").is_none());
    let plain = evaluate_detection(&dense_shelves(3, 4).read(), &DetectionSettings::default(), &[]);
    assert!(serde_json::to_value(plain).unwrap().get("precision_goal").is_none());
}

#[test]
fn confidences_of_single_classes_are_shown() {
    let b = |i: u32| [f64::from(i) * 120.0, 0.0, 100.0, 100.0];
    let boxes = set(1, 3, &[(0, 0, b(0)), (0, 1, b(1))], &[(0, 0, b(0), 0.62), (0, 1, b(2), 0.9), (0, 2, b(3), 0.9)]);
    let mut report = detector_report(&boxes, 0.25);
    let page = html(&report, None, &mut photo);
    whole("precision.html", &page);
    for text in [text(&report, None), page.replace("&quot;", "\"")] {
        assert!(text.contains("class_confidence: {\"class 0\": 0.62}"), "{text}");
        assert!(text.contains("none reaches it: precision is 0.0000 at most, from 0.9000 on"), "{text}");
        assert!(text.contains("no true box is of this class"), "{text}");
    }
    report.detection.as_mut().unwrap().class_confidence.insert("class 1".to_owned(), 0.7);
    assert!(text(&report, None).contains("confidence 0.25 (class 1 0.7)"));
    assert!(html(&report, None, &mut photo).contains("Serving confidence <b>0.25 (class 1 0.7)</b>"));
}

#[test]
fn csv_has_a_line_a_metric() {
    let report = detector_report(&dense_shelves(3, 4).read(), 0.25);
    let table = csv(&report);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let recall = rows.iter().find(|r| &r[0] == "all" && &r[2] == "recall").unwrap();
    assert_eq!(recall[3].parse::<f64>().unwrap(), report.metric("recall").unwrap());
    assert!(rows.iter().any(|r| &r[0] == "class" && &r[1] == "bottle" && &r[2] == "ap50"));
    assert!(rows.iter().any(|r| &r[0] == "gate" && &r[1] == "recall" && &r[3] == "0"));
}

#[test]
fn the_verdict_is_the_last_line() {
    let failed = text(&detector_report(&dense_shelves(3, 4).read(), 0.25), None);
    assert!(failed.ends_with("FAILED\n"), "{failed}");
    let b = [0.0, 0.0, 50.0, 50.0];
    let perfect = detector_report(&set(2, 1, &[(0, 0, b), (1, 0, b)], &[(0, 0, b, 0.9), (1, 0, b, 0.9)]), 0.25);
    assert_eq!(perfect.verdict, Verdict::Passed);
    assert!(text(&perfect, None).ends_with("PASSED: every gate judged here\n"));
    assert!(perfect.advice.iter().any(|a| a.title.contains("Too good")), "{:?}", perfect.advice);
}

#[test]
fn a_required_gate_that_is_not_measured_fails() {
    let b = [0.0, 0.0, 50.0, 50.0];
    let boxes = set(1, 1, &[(0, 0, b)], &[(0, 0, b, 0.9)]);
    let detection = evaluate_detection(&boxes, &DetectionSettings::default(), &[]);
    let with = |required| Report::new(Parts { required, detection: Some(detection.clone()), ..parts(Kind::Detector) });
    assert_eq!(with(vec![]).verdict, Verdict::Passed);
    let strict = with(vec![GatedMetric::CountMae]);
    assert_eq!(strict.verdict, Verdict::Failed);
    assert_eq!(strict.gate(GatedMetric::CountMae).unwrap().value, None);
    assert!(text(&strict, None).contains("not measured"));
}

#[test]
fn advice_fits_the_cause() {
    let b = |i: u32| [f64::from(i) * 120.0, 0.0, 100.0, 100.0];
    let truths: Vec<_> = (0..8).map(|i| (0, 0, b(i))).collect();
    let check = |found: &[(u32, u32, [f64; 4], f64)], expected: &str| {
        let report = detector_report(&set(1, 2, &truths, found), 0.25);
        assert!(report.advice.iter().any(|a| a.title.contains(expected)), "{expected}: {:?}", report.advice);
    };
    let unsure: Vec<_> = (0..8).map(|i| (0, 0, b(i), if i < 4 { 0.9 } else { 0.2 })).collect();
    check(&unsure, "not surely enough");
    let other: Vec<_> = (0..8).map(|i| (0, u32::from(i > 3), b(i), 0.9)).collect();
    check(&other, "wrong class");
    let loose: Vec<_> = (0..8).map(|i| (0, 0, [b(i)[0], 0.0, 100.0, if i < 4 { 100.0 } else { 30.0 }], 0.9)).collect();
    check(&loose, "loosely");
    let unseen: Vec<_> = (0..4).map(|i| (0, 0, b(i), 0.9)).collect();
    check(&unseen, "not seen");
    let twice: Vec<_> = (0..8).flat_map(|i| [(0, 0, b(i), 0.9), (0, 0, b(i), 0.8)]).collect();
    check(&twice, "two boxes");

    let report = detector_report(&set(1, 2, &truths, &unsure), 0.25);
    let remedy = &report.advice[0].remedy;
    assert!(remedy.contains("from 0.25 to 0.20"), "{remedy}");
    let look_alikes = classifier_report();
    assert!(look_alikes.advice.iter().any(|a| a.title.contains("look-alike")), "{:?}", look_alikes.advice);
    let counts = counts_report();
    assert!(counts.advice.iter().any(|a| a.title.contains("missed")), "{:?}", counts.advice);
}

#[test]
fn a_comparison_tells_noise_from_movement() {
    let boxes = dense_shelves(3, 12).read();
    let old = detector_report(&boxes, 0.25);
    let same = compare(&old, &detector_report(&boxes, 0.25));
    assert!(same.same_data && same.metrics.iter().all(|f| f.change == Some(0.0) || f.change.is_none()), "{same:?}");
    let fewer = boxes.predictions().iter().copied().filter(|p| p.score > 0.6).collect();
    let worse = detector_report(&boxes.with_predictions(fewer).unwrap(), 0.25);
    let moved = compare(&old, &worse);
    let recall = moved.metrics.iter().find(|f| f.metric == "recall").unwrap();
    assert_eq!(recall.reading, eval::report::compare::Reading::Worse, "{recall:?}");
    let page = html(&worse, Some(&moved), &mut |_| None);
    preview("comparison.html", &page);
    assert!(page.contains("worse"));
    assert!(text(&worse, Some(&moved)).contains("worse"));
}
