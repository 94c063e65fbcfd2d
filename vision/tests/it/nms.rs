//! Laws of non-maximum suppression.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use vision::{BBox, ClassId, Detection, NmsOptions, nms};

use crate::geometry::{any_box, hostile, hostile_box};

const OPTIONS: NmsOptions = NmsOptions { iou: 0.5, class_agnostic: true, max_detections: 300 };

fn detection(bbox: BBox, class: u16, confidence: f32) -> Detection {
    Detection { bbox, class: ClassId(class), confidence }
}

/// Detections in a small photo, so that many overlap. Their confidences are all different.
fn crowd() -> impl Strategy<Value = Vec<Detection>> {
    let one = (0..60_u32, 0..60_u32, 5..40_u32, 5..40_u32, 0..3_u16);
    prop::collection::vec(one, 0..60).prop_map(|boxes| {
        let count = boxes.len() as f32;
        let place = |(i, (x, y, w, h, class)): (usize, (u32, u32, u32, u32, u16))| {
            let [x, y, w, h] = [x, y, w, h].map(|v| v as f32);
            // Neither rising nor falling along the list.
            let rank = (i * 37) % 61;
            detection(BBox::new(x, y, x + w, y + h), class, (rank as f32 + i as f32 / count) / 64.0)
        };
        boxes.into_iter().enumerate().map(place).collect()
    })
}

#[test]
fn the_most_confident_of_overlapping_boxes_stays() {
    let a = detection(BBox::new(0.0, 0.0, 10.0, 10.0), 0, 0.6);
    let b = detection(BBox::new(1.0, 0.0, 11.0, 10.0), 0, 0.9);
    let c = detection(BBox::new(20.0, 0.0, 30.0, 10.0), 0, 0.3);
    assert_eq!(nms(vec![a, b, c], &OPTIONS), [b, c]);
    let other_class = detection(a.bbox, 1, 0.6);
    assert_eq!(nms(vec![other_class, b, c], &OPTIONS), [b, c]);
    let aware = NmsOptions { class_agnostic: false, ..OPTIONS };
    assert_eq!(nms(vec![other_class, b, c], &aware), [b, other_class, c]);
}

#[test]
fn a_box_at_exactly_the_threshold_stays() {
    let a = detection(BBox::new(0.0, 0.0, 2.0, 1.0), 0, 0.9);
    let b = detection(BBox::new(0.0, 0.0, 1.0, 1.0), 0, 0.8);
    assert_eq!(a.bbox.iou(&b.bbox), 0.5);
    assert_eq!(nms(vec![a, b], &OPTIONS).len(), 2);
    assert_eq!(nms(vec![a, b], &NmsOptions { iou: 0.49, ..OPTIONS }).len(), 1);
}

#[test]
fn equal_confidences_keep_their_order() {
    let boxes: Vec<Detection> =
        (0..20).map(|i| detection(BBox::new(i as f32 * 20.0, 0.0, i as f32 * 20.0 + 10.0, 9.0), 0, 0.5)).collect();
    assert_eq!(nms(boxes.clone(), &OPTIONS), boxes);
}

#[test]
fn nan_confidence_is_the_least() {
    let good = detection(BBox::new(0.0, 0.0, 10.0, 10.0), 0, 0.1);
    for nan in [f32::NAN, -f32::NAN] {
        let bad = detection(BBox::new(1.0, 0.0, 11.0, 10.0), 0, nan);
        assert_eq!(nms(vec![bad, good], &OPTIONS), [good]);
    }
}

#[test]
fn nothing_is_kept_when_nothing_may_be() {
    let a = detection(BBox::new(0.0, 0.0, 2.0, 1.0), 0, 0.9);
    assert!(nms(vec![a], &NmsOptions { max_detections: 0, ..OPTIONS }).is_empty());
    assert!(nms(vec![], &OPTIONS).is_empty());
}

/// The worst case of a shelf: every candidate is a duplicate of one of the last boxes kept.
#[test]
fn thirty_thousand_boxes_take_milliseconds() {
    let boxes: Vec<Detection> = (0..30_000_u32)
        .map(|i| {
            let object = if i < 299 { i } else { 290 + i % 9 };
            let (x, y) = ((object % 20) as f32 * 50.0, (object / 20) as f32 * 50.0);
            detection(BBox::new(x, y, x + 40.0, y + 40.0), 0, 1.0 - i as f32 / 30_000.0)
        })
        .collect();
    let start = Instant::now();
    assert_eq!(nms(boxes, &OPTIONS).len(), 299);
    // 30 ms optimised; the bound is for a loaded machine and an unoptimised build.
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
}

proptest! {
    #[test]
    fn doing_it_twice_changes_nothing(boxes in crowd(), iou in 0.0..1.0_f32, class_agnostic: bool) {
        let options = NmsOptions { iou, class_agnostic, max_detections: 300 };
        let once = nms(boxes, &options);
        prop_assert_eq!(nms(once.clone(), &options), once);
    }

    #[test]
    fn the_order_of_distinct_confidences_does_not_matter(boxes in crowd(), turn in any::<prop::sample::Index>()) {
        let mut turned = boxes.clone();
        if !turned.is_empty() {
            let by = turn.index(turned.len());
            turned.rotate_left(by);
            turned.reverse();
        }
        prop_assert_eq!(nms(turned, &OPTIONS), nms(boxes, &OPTIONS));
    }

    /// What is kept does not overlap, what is dropped overlaps something kept that is at least as confident.
    #[test]
    fn kept_and_dropped_for_a_reason(boxes in crowd(), class_agnostic: bool) {
        let options = NmsOptions { class_agnostic, max_detections: usize::MAX, ..OPTIONS };
        let kept = nms(boxes.clone(), &options);
        let competing = |a: &Detection, b: &Detection| {
            (class_agnostic || a.class == b.class) && a.bbox.iou(&b.bbox) > options.iou
        };
        for (i, a) in kept.iter().enumerate() {
            prop_assert!(kept[i + 1..].iter().all(|b| !competing(a, b)));
            prop_assert!(i == 0 || kept[i - 1].confidence >= a.confidence);
        }
        for candidate in &boxes {
            let explained = kept.iter().any(|k| k == candidate || (k.confidence >= candidate.confidence && competing(k, candidate)));
            prop_assert!(explained);
        }
    }

    #[test]
    fn the_limit_keeps_the_most_confident(boxes in crowd(), limit in 0..20_usize) {
        let all = nms(boxes.clone(), &NmsOptions { max_detections: usize::MAX, ..OPTIONS });
        let some = nms(boxes, &NmsOptions { max_detections: limit, ..OPTIONS });
        prop_assert_eq!(&some[..], &all[..limit.min(all.len())]);
    }

    /// Classes far apart make class-aware and class-agnostic suppression the same.
    #[test]
    fn classes_that_never_meet_need_not_be_told_apart(boxes in prop::collection::vec(any_box(), 0..40)) {
        let apart: Vec<Detection> = boxes
            .iter()
            .enumerate()
            .map(|(i, b)| detection(b.translate((i % 3) as f32 * 1e5, 0.0), (i % 3) as u16, i as f32 / 64.0))
            .collect();
        prop_assert_eq!(nms(apart.clone(), &OPTIONS), nms(apart, &NmsOptions { class_agnostic: false, ..OPTIONS }));
    }

    #[test]
    fn hostile_numbers_do_not_panic(
        boxes in prop::collection::vec((hostile_box(), hostile()), 0..40), iou in hostile()
    ) {
        let boxes: Vec<Detection> = boxes.into_iter().map(|(b, confidence)| detection(b, 0, confidence)).collect();
        let count = boxes.len();
        let kept = nms(boxes, &NmsOptions { iou, ..OPTIONS });
        prop_assert!(kept.len() <= count);
    }
}
