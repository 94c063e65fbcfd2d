//! SKU metrics by hand.

use eval::calibration::{Claim, reliability};
use eval::identification::QueryError;
use eval::open_set::OpenSet;
use eval::thresholds::{CalibrationError, InForce};
use eval::{
    Bootstrap, CalibrationGoal, QuerySet, Ranked, Stated, calibrate, confused_pairs, evaluate_identification, top_k,
};

type Asked<'a> = (Option<u32>, &'a [(u32, f64)]);

/// Queries `(truth, [(sku, similarity)])` over `skus` SKUs, an image each.
fn queries(skus: u32, list: &[Asked<'_>]) -> QuerySet {
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    let mut set = QuerySet::new(names("sku", skus as usize), names("image", list.len()));
    for (image, (truth, candidates)) in (0..).zip(list) {
        let ranked: Vec<Ranked> = candidates.iter().map(|&(sku, similarity)| Ranked { sku, similarity }).collect();
        set.push(*truth, image, &ranked).unwrap();
    }
    set
}

fn close(a: Option<f64>, b: f64) {
    let a = a.expect("a metric");
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[test]
fn top_k_by_hand() {
    let set = queries(
        7,
        &[
            (Some(0), &[(0, 0.9), (1, 0.5)]),
            (Some(0), &[(0, 0.8)]),
            (Some(0), &[(1, 0.8), (2, 0.7), (0, 0.6)]),
            (Some(1), &[(0, 0.9), (2, 0.8), (3, 0.7), (4, 0.6), (5, 0.5), (1, 0.4)]),
            (None, &[(0, 0.9)]),
            (Some(2), &[]),
        ],
    );
    let t = top_k(&set, None);
    assert_eq!(t.known, 5);
    close(t.top1, 2.0 / 5.0);
    close(t.top5, 3.0 / 5.0);
    close(t.macro_top1, (2.0 / 3.0 + 0.0 + 0.0) / 3.0);
    // SKU 0: predicted three times among known crops, right twice; SKU 1: once, wrong; SKU 2: never.
    close(t.macro_precision, (2.0 / 3.0) / 3.0);
    close(t.macro_f1, (2.0 * 2.0 / (3.0 + 3.0)) / 3.0);
    let pairs = confused_pairs(&set);
    assert_eq!((pairs[0].truth, pairs[0].predicted, pairs[0].count), (0, 1, 1));
    assert_eq!((pairs[1].truth, pairs[1].predicted, pairs[1].ratio), (1, 0, 1.0));
    close(top_k(&set, Some(&[0, 0, 1, 0, 0, 0])).top1, 0.0);
}

#[test]
fn open_set_by_hand() {
    // Similarities from the top: K .9 right, U .8, K .7 wrong, K .6 right, U .5, and a known without candidates.
    let set = queries(
        2,
        &[
            (Some(0), &[(0, 0.9)]),
            (None, &[(0, 0.8)]),
            (Some(0), &[(1, 0.7)]),
            (Some(1), &[(1, 0.6)]),
            (None, &[(1, 0.5)]),
            (Some(1), &[]),
        ],
    );
    let s = OpenSet::new(&set).summarize(None);
    assert_eq!((s.known, s.unknown), (4, 2));
    // Pairs (known, unknown) won: .9 beats both, .7 and .6 beat .5, nothing beats none: (2 + 1 + 1 + 0) / 8.
    close(s.auroc, 0.5);
    // 95 % of four known is all four: every unknown is accepted by then.
    close(s.fpr_at_95_tpr, 1.0);
    // CCR is 1/4 until FPR .5, then 2/4 until 1; trapezoids (0,1/4)-(.5,1/4) and (.5,2/4)-(1,2/4).
    close(s.oscr, 0.5 * 0.25 + 0.5 * 0.5);
    close(s.dir_at_far[0], 0.25);
    close(s.dir_at_far[3], 0.25);
}

#[test]
fn ties_of_known_and_unknown_count_half() {
    let set = queries(1, &[(Some(0), &[(0, 0.5)]), (None, &[(0, 0.5)])]);
    let s = OpenSet::new(&set).summarize(None);
    close(s.auroc, 0.5);
    close(s.oscr, 0.5);
    let without = OpenSet::new(&queries(1, &[(Some(0), &[(0, 0.5)])])).summarize(None);
    assert_eq!(without.auroc, None);
}

#[test]
fn calibration_error_by_hand() {
    let claim = |confidence, right| Claim { confidence, right, image: 0 };
    let r = reliability(&[claim(0.95, true), claim(0.95, false), claim(0.1, false), claim(1.0, true)], None);
    // The last bin (.933, 1]: mean confidence 2.9 / 3, two of three right. The second (.067, .133]: .1 and wrong.
    close(r.expected_error, (3.0 * (2.9 / 3.0 - 2.0 / 3.0) + 0.1) / 4.0);
    close(r.largest_error, 0.3);
    assert_eq!((r.bins[14].count, r.bins[1].count), (3, 1));
    assert_eq!(reliability(&[], None).expected_error, None);
    let edges = reliability(&[claim(0.0, false), claim(-0.4, false), claim(1.7, true)], None);
    assert_eq!((edges.bins[0].count, edges.bins[14].count), (2, 1));
}

#[test]
fn the_global_threshold_lets_exactly_the_wanted_fraction_pass() {
    // 100 unknown crops with similarities .00, .01, ..., .99, and one known.
    let unknown: Vec<[(u32, f64); 1]> = (0..100).map(|i| [(0, f64::from(i) / 100.0)]).collect();
    let mut list: Vec<Asked<'_>> = unknown.iter().map(|c| (None, &c[..])).collect();
    list.push((Some(0), &[(0, 0.985)]));
    let set = queries(1, &list);
    let goal = CalibrationGoal { false_accept_rate: 0.05, min_impostors: 1000 };
    let t = calibrate(&set, goal, Some(&InForce { threshold: 0.5, ..InForce::default() })).unwrap();
    close(Some(t.global.false_accept_rate), 0.05);
    assert!(t.global.threshold > 0.94 && t.global.threshold < 0.95, "{}", t.global.threshold);
    close(Some(t.global.identified), 1.0);
    close(t.before.map(|b| b.false_accept_rate), 0.5);
    assert!(!t.skus[0].own);
    let tight = calibrate(&set, CalibrationGoal { false_accept_rate: 0.001, ..goal }, None).unwrap();
    assert_eq!(tight.global.false_accept_rate, 0.0);
    assert_eq!(tight.global.rejected, 1.0);
}

#[test]
fn a_sku_with_enough_impostors_has_its_own_threshold() {
    // SKU 0 attracts impostors up to .9, SKU 1 only up to .3; known crops of SKU 1 are at .5.
    let of_0: Vec<[(u32, f64); 1]> = (0..50).map(|i| [(0, 0.9 - f64::from(i) / 100.0)]).collect();
    let of_1: Vec<[(u32, f64); 1]> = (0..50).map(|i| [(1, 0.3 - f64::from(i) / 1000.0)]).collect();
    let mut list: Vec<Asked<'_>> = of_0.iter().chain(&of_1).map(|c| (None, &c[..])).collect();
    list.push((Some(1), &[(1, 0.5)]));
    let set = queries(2, &list);
    let t = calibrate(&set, CalibrationGoal { false_accept_rate: 0.02, min_impostors: 50 }, None).unwrap();
    assert!(t.skus.iter().all(|s| s.own));
    assert!(t.global.threshold > 0.8);
    assert!(t.skus[1].trade.threshold < 0.31);
    assert_eq!((t.global.identified, t.together.identified), (0.0, 1.0));
    close(Some(t.together.false_accept_rate), 0.02);
    // What was found, put into force, does what was promised.
    let skus = t.skus.iter().map(|s| (s.sku, s.trade.threshold)).collect();
    let force = InForce { threshold: t.global.threshold, skus };
    let again = calibrate(&set, CalibrationGoal { false_accept_rate: 0.02, min_impostors: 50 }, Some(&force)).unwrap();
    let before = again.before.unwrap();
    assert_eq!((before.false_accept_rate, before.identified), (t.together.false_accept_rate, 1.0));
}

#[test]
fn known_crops_are_impostors_of_other_skus() {
    // No unknown crops at all: striking each crop's own SKU leaves .4 and .3.
    let set = queries(2, &[(Some(0), &[(0, 0.9), (1, 0.4)]), (Some(1), &[(1, 0.8), (0, 0.3)])]);
    let t = calibrate(&set, CalibrationGoal::default(), None).unwrap();
    assert!(t.global.threshold > 0.4 && t.global.threshold < 0.41);
    assert_eq!(t.global.identified, 1.0);
}

#[test]
fn calibration_refuses_what_it_cannot_do() {
    let known = queries(1, &[(Some(0), &[(0, 0.9)])]);
    assert_eq!(calibrate(&known, CalibrationGoal::default(), None), Err(CalibrationError::NoImpostors));
    let unknown = queries(1, &[(None, &[(0, 0.9)])]);
    assert_eq!(calibrate(&unknown, CalibrationGoal::default(), None), Err(CalibrationError::NoKnown));
    for rate in [0.0, 1.0, -0.1] {
        let goal = CalibrationGoal { false_accept_rate: rate, ..CalibrationGoal::default() };
        assert_eq!(calibrate(&known, goal, None), Err(CalibrationError::Rate(rate)));
    }
    let goal = CalibrationGoal { false_accept_rate: f64::NAN, ..CalibrationGoal::default() };
    assert!(matches!(calibrate(&known, goal, None), Err(CalibrationError::Rate(_))));
}

#[test]
fn a_query_must_be_ranked() {
    let mut set = QuerySet::new(vec!["a".into(), "b".into()], vec!["p".into()]);
    let ranked = |sku, similarity| Ranked { sku, similarity };
    let mut check = |candidates: &[Ranked], expected| assert_eq!(set.push(Some(0), 0, candidates), Err(expected));
    check(&[ranked(0, 0.3), ranked(1, 0.9)], QueryError::Unordered { at: 1 });
    check(&[ranked(0, 0.5), ranked(0, 0.4)], QueryError::Repeated { at: 1 });
    check(&[ranked(0, f64::NAN)], QueryError::NotFinite { at: 0 });
    check(&[ranked(2, 0.5)], QueryError::Unknown { what: "SKU", index: 2, known: 2 });
    assert!(set.is_empty());
}

#[test]
fn a_section_names_the_weak_spots() {
    let set = queries(
        3,
        &[
            (Some(0), &[(0, 0.9), (1, 0.2)]),
            (Some(1), &[(0, 0.95), (1, 0.3)]),
            (Some(2), &[(2, 0.9)]),
            (None, &[(2, 0.4)]),
        ],
    );
    let section = evaluate_identification(&set, Bootstrap { resamples: 100, seed: 3 }, &[]);
    assert_eq!(section.skus[0].sku, "sku1");
    assert_eq!(section.pairs[0].truth, "sku1");
    assert_eq!(section.suspects.len(), 1);
    assert_eq!(section.suspects[0].looks_like, "sku0");
    assert_eq!(section.metrics.get("auroc"), Some(1.0));
    assert_eq!(section.metrics.get("dir_at_far_0.01"), Some(2.0 / 3.0));
    assert!(section.metrics.values.keys().all(|name| eval::metric::find(name).is_some()));
}

#[test]
fn what_was_stated_is_what_is_judged() {
    let mut set = QuerySet::new(vec!["a".into(), "b".into()], (0..4).map(|i| format!("{i}")).collect());
    let mut push = |image, truth, similarity, probability, excess| {
        let stated = Stated { probability: Some(probability), excess: Some(excess) };
        set.push_stated(truth, image, &[Ranked { sku: 0, similarity }], stated).unwrap();
    };
    // The unknown one is the most similar, but its SKU asks for more.
    push(0, Some(0), 0.6, 1.0, 0.1);
    push(1, Some(1), 0.7, 0.0, 0.2);
    push(2, Some(0), 0.5, 1.0, -0.2);
    push(3, None, 0.9, 0.0, -0.1);
    let metrics = evaluate_identification(&set, Bootstrap { resamples: 0, seed: 0 }, &[]).metrics;
    close(metrics.get("auroc"), 2.0 / 3.0);
    close(metrics.get("accepted_as_served"), 2.0 / 3.0);
    close(metrics.get("named_as_served"), 1.0 / 3.0);
    close(metrics.get("false_accepts_as_served"), 0.0);
    close(metrics.get("ece"), 0.0);
    assert!(set.push_stated(None, 0, &[], Stated { probability: Some(f64::NAN), excess: None }).is_err());
    set.push(None, 0, &[Ranked { sku: 0, similarity: 0.4 }]).unwrap();
    assert!(!set.has_excess(), "one that does not say leaves similarities for all");
}
