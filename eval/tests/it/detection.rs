//! Detection against examples small enough to do by hand.

use eval::average_precision::{mean_ap, operating_point, recall_of_size, serving_point};
use eval::curves::confidence_curve;
use eval::matching::pair;
use eval::ultralytics::ultralytics_map;
use eval::{
    Bootstrap, DetectionSettings, MatchResult, Mistakes, PrecisionGoal, Rect, confusion_matrix, evaluate_detection,
    match_all, mistakes,
};
use vision::Confidences;

use crate::support::set;

const A: [f64; 4] = [0.0, 0.0, 100.0, 100.0];
const B: [f64; 4] = [200.0, 0.0, 100.0, 100.0];
const C: [f64; 4] = [400.0, 0.0, 100.0, 100.0];
const NOWHERE: [f64; 4] = [800.0, 800.0, 50.0, 50.0];

fn close(a: Option<f64>, b: f64) {
    let a = a.expect("a metric");
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[test]
fn overlaps() {
    let check = |a: [f64; 4], b: [f64; 4], crowd: bool, expected: f64| {
        let rect = |[x, y, w, h]: [f64; 4]| Rect::new(x, y, w, h);
        assert_eq!(rect(a).overlap(&rect(b), crowd), expected, "{a:?} {b:?}");
    };
    check([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], false, 2.0 / 6.0);
    check([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], true, 2.0 / 4.0);
    check([0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 2.0, 2.0], false, 0.0);
    check([0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 2.0], false, 0.0);
    check([0.0, 0.0, 3.0, 3.0], [1.0, 1.0, 1.0, 1.0], false, 1.0 / 9.0);
}

#[test]
fn average_precision_by_hand() {
    // Right, wrong, right with two true boxes: precision 1 up to recall .5 (points 0..=.50 are 51), 2/3 beyond (50 points).
    let three = [(0, 0, A, 0.9), (0, 0, NOWHERE, 0.8), (0, 0, B, 0.7)];
    let s = set(1, 1, &[(0, 0, A), (0, 0, B)], &three);
    let matches = match_all(&s, 300);
    close(mean_ap(&matches, None).0, (51.0 + 50.0 * (2.0 / 3.0)) / 101.0);
    // Without the wrong one everything is 1; with only one of two found, recall beyond .5 counts 0.
    let s = set(1, 1, &[(0, 0, A), (0, 0, B)], &[(0, 0, A, 0.9), (0, 0, B, 0.7)]);
    close(mean_ap(&match_all(&s, 300), None).1, 1.0);
    let s = set(1, 1, &[(0, 0, A), (0, 0, B)], &[(0, 0, A, 0.9)]);
    close(mean_ap(&match_all(&s, 300), None).0, 51.0 / 101.0);
    // A class without truth is absent; a class without predictions is bad.
    let s = set(1, 3, &[(0, 0, A), (0, 1, B)], &[(0, 0, A, 0.9), (0, 2, C, 0.9)]);
    close(mean_ap(&match_all(&s, 300), None).0, 0.5);
    let s = set(1, 1, &[], &[(0, 0, A, 0.9)]);
    assert_eq!(mean_ap(&match_all(&s, 300), None), (None, None));
}

#[test]
fn the_limit_of_predictions_is_per_image_and_class() {
    let truths = [(0, 0, A), (0, 0, B), (0, 1, C), (1, 0, A)];
    let found = [(0, 0, NOWHERE, 0.9), (0, 0, A, 0.8), (0, 0, B, 0.7), (0, 1, C, 0.1), (1, 0, A, 0.1)];
    let s = set(2, 2, &truths, &found);
    let at = |limit| operating_point(&match_all(&s, limit).classes, 0.0, None);
    assert_eq!((at(3).right, at(3).wrong), (4, 1));
    assert_eq!((at(2).right, at(2).wrong), (3, 1));
    assert_eq!((at(1).right, at(1).wrong), (2, 1));
}

#[test]
fn the_gates_recall_is_that_of_the_serving_confidence() {
    let truths = [(0, 0, A), (0, 0, B), (0, 1, C), (1, 0, A)];
    // B is found but unsure, C is found as the wrong class, the image 1 is found.
    let found = [(0, 0, A, 0.9), (0, 0, B, 0.2), (0, 0, C, 0.8), (1, 0, A, 0.25)];
    let s = set(2, 2, &truths, &found);
    let matches = match_all(&s, 300);
    let point = operating_point(&matches.classes, 0.25, None);
    close(point.recall(), 0.5);
    close(point.precision(), 2.0 / 3.0);
    close(point.f1(), 2.0 * 2.0 / (2.0 * 2.0 + 1.0 + 2.0));
    close(operating_point(&matches.classes, 0.2, None).recall(), 0.75);
    // Twice the second image, none of the first.
    close(operating_point(&matches.classes, 0.25, Some(&[0, 2])).recall(), 1.0);
    close(operating_point(&matches.classes, 0.25, Some(&[2, 1])).recall(), 3.0 / 7.0);
}

#[test]
fn every_class_is_judged_at_its_own_confidence() {
    let truths = [(0, 0, A), (0, 0, B), (0, 1, C)];
    let found = [(0, 0, A, 0.9), (0, 0, B, 0.4), (0, 1, C, 0.6), (0, 1, NOWHERE, 0.5)];
    let s = set(1, 2, &truths, &found);
    let matches = match_all(&s, 300);
    let own = Confidences { default: 0.5, by_class: [("class 0".to_owned(), 0.4), ("class 1".to_owned(), 0.6)].into() };
    let point = serving_point(&matches, &own.by_number(s.classes()), None);
    assert_eq!((point.confidence, point.right, point.wrong, point.positives), (0.4, 3, 0, 3));
    let same = serving_point(&matches, &[0.5, 0.5], None);
    assert_eq!(same, operating_point(&matches.classes, 0.5, None));
    close(recall_of_size(&matches, 3, &[0.5, 0.7], None), 1.0 / 3.0);
    assert_eq!(
        pair(&s, 0.5, &own, 300).results,
        [MatchResult::Right(0), MatchResult::Right(1), MatchResult::Right(2), MatchResult::Dropped]
    );
    assert_eq!(mistakes(&s, &own, 300), Mistakes::default());
    assert_eq!(confusion_matrix(&s, 0.5, &own).mistakes(), []);
    let section = evaluate_detection(&s, &DetectionSettings { confidence: own.clone(), ..Default::default() }, &[]);
    close(section.metrics.get("precision"), 1.0);
    let recall: Vec<_> = section.classes.iter().map(|c| c.recall).collect();
    assert_eq!((recall, section.serving()), (vec![Some(1.0), Some(1.0)], own));
    assert_eq!(section.reliability.bins.iter().map(|b| b.0).sum::<u64>(), 3, "what is not served claims nothing");
}

#[test]
fn the_confidence_for_a_precision_is_the_lowest() {
    let elsewhere = |x: f64| [x, 800.0, 50.0, 50.0];
    let truths = [(0, 0, A), (0, 0, B), (0, 0, C), (0, 1, A), (0, 4, A)];
    // Class 0: precision is 1, then 1/2, 2/3, 3/4 and at last 3/5.
    let found = [
        (0, 0, A, 0.9),
        (0, 0, elsewhere(0.0), 0.85),
        (0, 0, B, 0.8),
        (0, 0, C, 0.703_12),
        (0, 0, elsewhere(100.0), 0.3),
        (0, 1, NOWHERE, 0.6),
        (0, 2, NOWHERE, 0.7),
    ];
    let s = set(1, 5, &truths, &found);
    let matches = match_all(&s, 300);
    let goal = |precision| PrecisionGoal::of(s.classes(), &matches, precision);
    for (precision, confidence, recall) in
        [(0.5, 0.3, 1.0), (0.7, 0.7031, 1.0), (0.75, 0.7031, 1.0), (0.76, 0.9, 1.0 / 3.0)]
    {
        let goal = goal(precision);
        let at = goal.classes[0].reached.expect("it is reached");
        assert_eq!(at.confidence, confidence, "{precision}");
        close(at.recall, recall);
        let same = operating_point([&matches.classes[0]], confidence, None);
        assert_eq!((at.precision, at.recall), (same.precision(), same.recall()), "the curve says the same");
        assert_eq!(goal.yaml(), Some(format!("class_confidence: {{\"class 0\": {confidence}}}")));
    }
    let goal = goal(0.7);
    let names: Vec<&str> = goal.classes.iter().map(|c| c.class.as_str()).collect();
    assert_eq!(names, ["class 0", "class 1", "class 2", "class 4"], "class 3 does not occur");
    let why: Vec<_> = goal.classes.iter().map(eval::ClassGoal::unreached).collect();
    assert_eq!(why[0], None);
    let says = |at: usize, text: &str| assert!(why[at].as_deref().is_some_and(|why| why.contains(text)), "{why:?}");
    says(1, "precision is 0.0000 at most, from 0.6000 on (recall 0.0000)");
    says(2, "no true box is of this class");
    says(3, "nothing was found");

    // Scores that four decimals cannot part stand or fall together.
    let close_by = [(0, 0, A, 0.703_19), (0, 0, NOWHERE, 0.703_11), (0, 0, B, 0.2)];
    let s = set(1, 1, &[(0, 0, A), (0, 0, B)], &close_by);
    let goal = PrecisionGoal::of(s.classes(), &match_all(&s, 300), 0.9);
    assert_eq!((goal.yaml(), goal.classes[0].reached), (None, None));
    let highest = goal.classes[0].highest.expect("something was found");
    assert_eq!((highest.confidence, highest.precision), (0.2, Some(2.0 / 3.0)));
}

#[test]
fn the_best_f1_is_at_a_score_that_occurs() {
    let found = [(0, 0, A, 0.9), (0, 0, B, 0.6), (0, 0, NOWHERE, 0.6), (0, 0, NOWHERE, 0.3)];
    let s = set(1, 1, &[(0, 0, A), (0, 0, B), (0, 0, C)], &found);
    let curve = confidence_curve(&match_all(&s, 300).classes);
    let best = curve.best.unwrap();
    // At .9: 2/(2+0+2)=.5; at .6 (both boxes of that score): 4/(4+1+1)=.667; at .3: 4/(4+2+1).
    assert_eq!((best.confidence, best.right, best.wrong), (0.6, 2, 1));
    close(best.f1(), 4.0 / 6.0);
    assert_eq!(curve.points.len(), 101);
    assert_eq!((curve.points[60].right, curve.points[61].right, curve.points[91].right), (2, 1, 0));
    close(curve.points[91].recall(), 0.0);
    assert_eq!(curve.points[91].precision(), None);
}

#[test]
fn greedy_matching_takes_the_best_free_box() {
    let shifted = [20.0, 0.0, 100.0, 100.0];
    // The more confident takes A exactly; the other must take what is left or nothing.
    let s = set(1, 1, &[(0, 0, A), (0, 0, shifted)], &[(0, 0, shifted, 0.8), (0, 0, A, 0.9)]);
    let pairing = pair(&s, 0.5, &0.0.into(), 300);
    assert_eq!(pairing.results, [MatchResult::Right(1), MatchResult::Right(0)]);
    let s = set(1, 1, &[(0, 0, A)], &[(0, 0, shifted, 0.8), (0, 0, A, 0.7), (0, 0, A, 0.1)]);
    let pairing = pair(&s, 0.5, &0.5.into(), 300);
    assert_eq!(pairing.results, [MatchResult::Right(0), MatchResult::Wrong, MatchResult::Dropped]);
    assert_eq!(pairing.found_by, [Some(0)]);
}

#[test]
fn confusion_has_a_background() {
    let truths = [(0, 0, A), (0, 1, B), (0, 1, C)];
    let found = [(0, 0, A, 0.9), (0, 0, B, 0.9), (0, 1, NOWHERE, 0.9), (0, 1, C, 0.1)];
    let matrix = confusion_matrix(&set(1, 2, &truths, &found), 0.5, &0.25.into());
    let rows: Vec<Vec<u64>> = (0..3).map(|t| (0..3).map(|p| matrix.count(t, p)).collect()).collect();
    assert_eq!(rows, [[1, 0, 0], [1, 0, 1], [0, 1, 0]]);
    assert_eq!(matrix.mistakes(), [(1, 0, 1), (1, 2, 1), (2, 1, 1)]);
}

#[test]
fn ultralytics_definition_by_hand() {
    // One true box, found: the curve goes (0,1) (1,1) (1,0); read at 101 points, the last is 0; trapezoid loses half a step.
    let s = set(1, 1, &[(0, 0, A)], &[(0, 0, A, 0.9)]);
    close(ultralytics_map(&s, 300).map50, 0.995);
    // No second choice: the second prediction overlaps the taken box most, so it is wrong here and right for COCO.
    let near = [10.0, 0.0, 100.0, 100.0];
    let s = set(1, 1, &[(0, 0, A), (0, 0, [40.0, 0.0, 100.0, 100.0])], &[(0, 0, A, 0.9), (0, 0, near, 0.8)]);
    close(mean_ap(&match_all(&s, 300), None).0, 1.0);
    assert!(ultralytics_map(&s, 300).map50.unwrap() < 0.8);
}

#[test]
fn a_section_holds_everything() {
    let truths = [(0, 0, A), (0, 1, B), (1, 0, [0.0, 0.0, 20.0, 20.0])];
    let found = [(0, 0, A, 0.9), (0, 1, B, 0.8), (1, 0, [0.0, 0.0, 20.0, 20.0], 0.1)];
    let s = set(2, 3, &truths, &found);
    let settings =
        DetectionSettings { bootstrap: Bootstrap { resamples: 50, seed: 1 }, ..DetectionSettings::default() };
    let section = evaluate_detection(&s, &settings, &[]);
    close(section.metrics.get("recall"), 2.0 / 3.0);
    close(section.metrics.get("recall_small"), 0.0);
    close(section.metrics.get("recall_large"), 1.0);
    close(section.metrics.get("map50_small"), 1.0);
    assert_eq!(section.metrics.get("map50_medium"), None);
    assert!(section.metrics.values.contains_key("map50_medium"), "a missing metric is kept as missing");
    assert_eq!(section.true_boxes, 3);
    assert_eq!(section.classes[2].ap50, None);
    assert_eq!(section.slices.len(), 1, "both images are sparse");
    let interval = section.metrics.intervals["recall"];
    assert!(interval.low < 2.0 / 3.0 && interval.high == 1.0, "{interval:?}");
    let names: Vec<&str> = section.metrics.values.keys().map(String::as_str).collect();
    assert!(names.iter().all(|name| eval::metric::find(name).is_some()), "{names:?}");
}
