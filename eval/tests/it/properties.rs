//! What must hold for any boxes.

use eval::average_precision::{mean_ap, summarize};
use eval::matching::pair;
use eval::ultralytics::ultralytics_map;
use eval::{
    Bootstrap, CountRow, CountTable, DetectionSet, MatchResult, Prediction, Rect, Truth, confusion_matrix, match_all,
};
use proptest::prelude::*;

use crate::support::set;

type Boxes = Vec<(u32, u32, [f64; 4])>;

/// Boxes on a coarse grid, so that equal overlaps and touching edges are common.
fn boxes(max: usize) -> impl Strategy<Value = Boxes> {
    let side = || (0_u32..12).prop_map(|n| f64::from(n) * 8.0);
    prop::collection::vec((0_u32..4, 0_u32..3, [side(), side(), side(), side()]), 0..max)
}

fn scored(max: usize) -> impl Strategy<Value = Vec<(u32, u32, [f64; 4], f64)>> {
    (boxes(max), prop::collection::vec(0_u32..10, max)).prop_map(|(boxes, scores)| {
        boxes.into_iter().zip(scores).map(|((p, c, b), s)| (p, c, b, f64::from(s) / 10.0)).collect()
    })
}

fn maps(set: &DetectionSet) -> (Option<f64>, Option<f64>) {
    mean_ap(&match_all(set, 300), None)
}

proptest! {
    #[test]
    fn metrics_stay_in_range(truths in boxes(40), found in scored(60)) {
        let s = set(4, 3, &truths, &found);
        let summary = summarize(&match_all(&s, 300), None);
        let metrics = [summary.map50, summary.map50_95, summary.map75].into_iter()
            .chain(summary.map_by_size).chain(summary.average_recall.map(|r| r.1))
            .chain([ultralytics_map(&s, 300).map50]);
        for metric in metrics.flatten() {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&metric), "{metric}");
        }
        prop_assert!(summary.map50_95 <= summary.map50.map(|m| m + 1e-12));
        prop_assert_eq!(summary.map50.is_some(), !truths.is_empty());
    }

    #[test]
    fn the_truth_as_prediction_is_perfect(truths in boxes(40)) {
        let solid: Boxes = truths.into_iter().filter(|(_, _, b)| b[2] > 0.0 && b[3] > 0.0).collect();
        prop_assume!(!solid.is_empty());
        let found: Vec<_> = solid.iter().map(|&(p, c, b)| (p, c, b, 0.5)).collect();
        let s = set(4, 3, &solid, &found);
        prop_assert_eq!(maps(&s), (Some(1.0), Some(1.0)));
        // Of doubled true boxes the other definition lets one prediction go to waste: both point at the same one.
        let mut unique = solid.clone();
        unique.sort_by(|a, b| a.partial_cmp(b).unwrap());
        unique.dedup();
        if unique.len() == solid.len() {
            prop_assert!((ultralytics_map(&s, 300).map50_95.unwrap() - 0.995).abs() < 1e-12);
        }
        let matrix = confusion_matrix(&s, 0.5, &0.25.into());
        prop_assert!(matrix.mistakes().iter().all(|&(t, p, _)| t != 3 && p != 3), "all true boxes are paired");
    }

    #[test]
    fn the_order_of_the_file_does_not_matter_when_scores_differ(
        truths in boxes(30), found in boxes(40), keys in prop::collection::vec(any::<u32>(), 70)
    ) {
        let found: Vec<_> = found.into_iter().enumerate().map(|(i, (p, c, b))| (p, c, b, 1.0 - i as f64 / 100.0)).collect();
        let mut shuffled: Vec<_> = found.iter().copied().zip(&keys).collect();
        shuffled.sort_by_key(|(_, key)| **key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(f, _)| f).collect();
        prop_assert_eq!(maps(&set(4, 3, &truths, &found)), maps(&set(4, 3, &truths, &shuffled)));
    }

    #[test]
    fn a_wrong_box_never_helps(truths in boxes(30), found in scored(40), score in 0.0..1.0_f64, class in 0_u32..3) {
        let before = maps(&set(4, 3, &truths, &found));
        let mut more = found.clone();
        // Far from everything.
        more.push((1, class, [5000.0, 5000.0, 10.0, 10.0], score));
        let after = maps(&set(4, 3, &truths, &more));
        prop_assert!(after.0.unwrap_or(0.0) <= before.0.unwrap_or(0.0) + 1e-12);
        prop_assert!(after.1.unwrap_or(0.0) <= before.1.unwrap_or(0.0) + 1e-12);
    }

    #[test]
    fn a_missed_box_found_last_never_hurts(truths in boxes(30), found in scored(40)) {
        let solid: Boxes = truths.into_iter().filter(|(_, _, b)| b[2] > 0.0 && b[3] > 0.0).collect();
        prop_assume!(!solid.is_empty());
        let s = set(4, 3, &solid, &found);
        let pairing = pair(&s, 0.5, &0.0.into(), 300);
        prop_assume!(pairing.found_by.iter().any(Option::is_none));
        let missed = pairing.found_by.iter().position(Option::is_none).unwrap();
        let (p, c, b) = solid[missed];
        let mut more = found.clone();
        more.push((p, c, b, -1.0));
        prop_assert!(maps(&set(4, 3, &solid, &more)).0.unwrap() >= maps(&s).0.unwrap() - 1e-12);
    }

    #[test]
    fn scaling_the_world_changes_nothing(truths in boxes(30), found in scored(40)) {
        let double = |b: [f64; 4]| b.map(|v| v * 2.0);
        let scaled_truths: Vec<_> = truths.iter().map(|&(p, c, b)| (p, c, double(b))).collect();
        let scaled_found: Vec<_> = found.iter().map(|&(p, c, b, s)| (p, c, double(b), s)).collect();
        prop_assert_eq!(maps(&set(4, 3, &truths, &found)), maps(&set(4, 3, &scaled_truths, &scaled_found)));
    }

    #[test]
    fn pairing_is_one_to_one_and_agrees_with_the_curve(truths in boxes(30), found in scored(40), confidence in 0.0..1.0_f64) {
        let s = set(4, 3, &truths, &found);
        let pairing = pair(&s, 0.5, &confidence.into(), 300);
        let mut taken = vec![0; truths.len()];
        for (prediction, result) in pairing.results.iter().enumerate() {
            prop_assert_eq!(*result == MatchResult::Dropped, found[prediction].3 < confidence);
            if let MatchResult::Right(truth) = result {
                taken[*truth as usize] += 1;
                prop_assert_eq!(pairing.found_by[*truth as usize], Some(prediction as u32));
            }
        }
        prop_assert!(taken.iter().all(|n| *n <= 1));
        let point = eval::average_precision::operating_point(&match_all(&s, 300).classes, confidence, None);
        prop_assert_eq!(point.right, taken.iter().sum::<u64>());
        prop_assert_eq!(point.wrong, pairing.results.iter().filter(|f| **f == MatchResult::Wrong).count() as u64);
    }

    #[test]
    fn confusion_accounts_for_every_box(truths in boxes(30), found in scored(40)) {
        let s = set(4, 3, &truths, &found);
        let matrix = confusion_matrix(&s, 0.5, &0.3.into());
        for class in 0..3 {
            let row: u64 = (0..=3).map(|p| matrix.count(class, p)).sum();
            let column: u64 = (0..=3).map(|t| matrix.count(t, class)).sum();
            prop_assert_eq!(row, truths.iter().filter(|t| t.1 as usize == class).count() as u64);
            prop_assert_eq!(column, found.iter().filter(|f| f.1 as usize == class && f.3 >= 0.3).count() as u64);
        }
    }

    #[test]
    fn an_interval_holds_its_metric(truths in boxes(30), found in scored(40)) {
        let matches = match_all(&set(4, 3, &truths, &found), 300);
        let point = mean_ap(&matches, None).0;
        let [interval] = Bootstrap { resamples: 40, seed: 1 }.intervals(4, |w| [mean_ap(&matches, Some(w)).0]);
        if let (Some(point), Some(interval)) = (point, interval.map(|i| i.around(point.unwrap_or(0.0)))) {
            prop_assert!(interval.low <= point && point <= interval.high);
            prop_assert!(interval.low >= 0.0 && interval.high <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn crowds_never_count(truths in boxes(30), found in scored(40)) {
        let s = set(4, 3, &truths, &found);
        let crowds: Vec<Truth> = s.truths().iter().map(|t| Truth { crowd: true, ..*t }).collect();
        let all = DetectionSet::new(s.images().to_vec(), s.classes().to_vec(), crowds, s.predictions().to_vec()).unwrap();
        prop_assert_eq!(maps(&all), (None, None));
    }

    #[test]
    fn counting_errors_are_consistent(rows in prop::collection::btree_map((0_u32..4, 0_u32..5), (0_u64..6, 0_u64..6), 0..15)) {
        let rows = rows.into_iter().map(|((sku, image), (truth, predicted))| CountRow { sku, image, truth, predicted });
        let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let rows: Vec<CountRow> = rows.collect();
        let table = CountTable::new(names(4), names(5), rows.clone());
        let s = table.summarize(None);
        if let (Some(distance), Some(total), Some(bias)) = (s.average_counting_distance, s.total_error, s.total_bias) {
            prop_assert!(total <= distance + 1e-12, "mistaken identity cancels out in totals");
            prop_assert!(bias.abs() <= total + 1e-12);
            prop_assert!((0.0..=1.0).contains(&s.mean_category_counting_iou.unwrap()));
        }
        // Right counts are right by every measure.
        let right = rows.iter().map(|r| CountRow { predicted: r.truth, ..*r }).collect();
        let s = CountTable::new(names(4), names(5), right).summarize(None);
        prop_assert!(s.macro_mae.is_none_or(|m| m == 0.0));
        prop_assert!(s.counting_accuracy.is_none_or(|a| a == 1.0));
        prop_assert!(s.mean_category_counting_iou.is_none_or(|i| i == 1.0));
    }

    #[test]
    fn overlap_is_symmetric_and_bounded(a in [0.0..50.0_f64, 0.0..50.0, 0.0..50.0, 0.0..50.0], b in [0.0..50.0_f64, 0.0..50.0, 0.0..50.0, 0.0..50.0]) {
        let rect = |[x, y, w, h]: [f64; 4]| Rect::new(x, y, w, h);
        // A far edge is a sum, and rounds: that counts where a side is thin.
        let thinnest = [a[2], a[3], b[2], b[3]].into_iter().filter(|side| *side > 0.0).fold(1.0, f64::min);
        let slack = 1e-12 + 400.0 * f64::EPSILON / thinnest;
        let (a, b) = (rect(a), rect(b));
        prop_assert!((a.iou(&b) - b.iou(&a)).abs() < slack);
        prop_assert!((0.0..=1.0 + slack).contains(&a.iou(&b)));
        prop_assert!(a.area() == 0.0 || (a.iou(&a) - 1.0).abs() < slack);
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let good = set(1, 1, &[(0, 0, [0.0, 0.0, 9.0, 9.0])], &[]);
    let check = |rect: Rect, score: f64, image: u32| {
        let prediction = Prediction { image, class: 0, rect, score };
        assert!(good.with_predictions(vec![prediction]).is_err(), "{prediction:?}");
    };
    check(Rect::new(f64::NAN, 0.0, 1.0, 1.0), 0.5, 0);
    check(Rect::new(0.0, 0.0, f64::INFINITY, 1.0), 0.5, 0);
    check(Rect::new(0.0, 0.0, -1.0, 1.0), 0.5, 0);
    check(Rect::new(0.0, 0.0, 1.0, 1.0), f64::NAN, 0);
    check(Rect::new(0.0, 0.0, 1.0, 1.0), 0.5, 1);
}
