//! Assigner and loss against numbers computed with PyTorch from the papers, and gradients against differences.

use std::collections::BTreeMap;

use candle_core::{Device, Var};
use detector::anchors::anchors;
use detector::model::HeadOutput;
use proptest::prelude::*;
use serde::Deserialize;
use train::detector::assigner::{AssignerConfig, Prediction, assign};
use train::detector::loss::{RawLoss, RawOutput, raw_loss};
use train::detector::terms::{
    CompleteIou, Corners, cross_entropy, distribution, distribution_focal, distribution_gradient, sigmoid,
};
use train::detector::{ClassSet, LossConfig, LossError, Targets, Truth, Unlabelled, detection_loss};
use vision::BBox;

use crate::support::noise;

/// Made by `fixtures/loss.py` with PyTorch 2.15.0.
const FIXTURE: &str = include_str!("fixtures/loss.json");

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    height: usize,
    width: usize,
    classes: usize,
    seed: u64,
    images: Vec<LabelledImage>,
    owners: Vec<BTreeMap<usize, usize>>,
    scores: Vec<Vec<f64>>,
    parts: [f64; 3],
    distances: ByDistances,
    logits: ByLogits,
}

#[derive(Deserialize)]
struct LabelledImage {
    objects: Vec<([f32; 4], usize)>,
    unlabelled: Vec<([f32; 4], Option<Vec<usize>>)>,
}

#[derive(Deserialize)]
struct ByDistances {
    l2: f64,
    every_53rd: Vec<f64>,
}

#[derive(Deserialize)]
struct ByLogits {
    l2: f64,
    every_7th: Vec<f64>,
}

fn bbox([x1, y1, x2, y2]: [f32; 4]) -> BBox {
    BBox::new(x1, y1, x2, y2)
}

impl Case {
    fn anchors(&self) -> usize {
        anchors(self.height, self.width).len()
    }

    /// The output that the script computes with.
    fn output(&self) -> (Vec<f64>, Vec<f64>) {
        let count = self.anchors();
        let images = self.images.len();
        let slope = |at: usize| (at / count % 16) as f64 * -0.5;
        let raw = noise(self.seed, images * 64 * count);
        let distances = raw.iter().enumerate().map(|(at, &v)| f64::from(v) * 2.0 + slope(at)).collect();
        let raw = noise(self.seed + 1, images * self.classes * count);
        (distances, raw.iter().map(|&v| f64::from(v) * 3.0 - 1.0).collect())
    }

    fn targets(&self) -> Vec<Targets> {
        let classes = |only: &Option<Vec<usize>>| match only {
            Some(classes) => ClassSet::Only(classes.as_slice().into()),
            None => ClassSet::All,
        };
        self.images
            .iter()
            .map(|image| Targets {
                objects: image.objects.iter().map(|&(b, class)| Truth { bbox: bbox(b), class }).collect(),
                unlabelled: image
                    .unlabelled
                    .iter()
                    .map(|(b, only)| Unlabelled { region: bbox(*b), classes: classes(only) })
                    .collect(),
            })
            .collect()
    }

    fn loss(&self) -> RawLoss<f64> {
        let (distances, classes) = self.output();
        let output = RawOutput {
            distances: &distances,
            classes: &classes,
            images: self.images.len(),
            class_count: self.classes,
            image: (self.height, self.width),
        };
        raw_loss(output, &self.targets(), &LossConfig::default()).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let fixture: Fixture = serde_json::from_str(FIXTURE).unwrap();
    assert!(fixture.cases.len() >= 5);
    fixture.cases
}

#[track_caller]
fn close(found: f64, expected: f64, relative: f64, what: &str) {
    let tolerance = relative * expected.abs().max(1e-6);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected} +- {tolerance}");
}

/// The script writes nine digits.
const WRITTEN: f64 = 1e-6;

#[test]
fn loss_and_gradient_are_pytorchs() {
    for case in cases() {
        let RawLoss { parts, positives, distances, classes } = case.loss();
        let name = &case.name;
        for (found, expected) in [parts.boxes, parts.classes, parts.dfl].into_iter().zip(case.parts) {
            close(found, expected, WRITTEN, name);
        }
        assert_eq!(positives, case.owners.iter().map(BTreeMap::len).sum::<usize>(), "{name}");
        let l2 = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
        close(l2(&distances), case.distances.l2, WRITTEN, name);
        close(l2(&classes), case.logits.l2, WRITTEN, name);
        let scale = case.distances.l2.max(case.logits.l2) * 1e-9;
        for (found, expected) in distances.iter().step_by(53).zip(&case.distances.every_53rd) {
            assert!((found - expected).abs() <= WRITTEN * expected.abs() + scale, "{name}: {found}, {expected}");
        }
        for (found, expected) in classes.iter().step_by(7).zip(&case.logits.every_7th) {
            assert!((found - expected).abs() <= WRITTEN * expected.abs() + scale, "{name}: {found}, {expected}");
        }
    }
}

/// Predictions of one image, straight from the definition.
struct Plain {
    boxes: Vec<Corners>,
    logits: Vec<f64>,
}

impl Prediction for Plain {
    fn probability(&self, anchor: usize, class: usize) -> f64 {
        sigmoid(self.logits[class * self.boxes.len() + anchor])
    }

    fn corners(&self, anchor: usize) -> Corners {
        self.boxes[anchor]
    }
}

#[test]
fn crowded_boxes_get_the_anchors_that_the_paper_gives_them() {
    for case in cases() {
        let (distances, classes) = case.output();
        let all = anchors(case.height, case.width);
        let count = all.len();
        for (at, targets) in case.targets().iter().enumerate() {
            let logit = |anchor: usize, side: usize, bin: usize| {
                distances[at * 64 * count + (side * 16 + bin) * count + anchor]
            };
            let side = |anchor, side| distribution(&std::array::from_fn(|bin| logit(anchor, side, bin))).1;
            let boxes = all.iter().enumerate().map(|(i, a)| {
                let (x, y, s) = (f64::from(a.x), f64::from(a.y), f64::from(a.stride));
                [x - side(i, 0) * s, y - side(i, 1) * s, x + side(i, 2) * s, y + side(i, 3) * s]
            });
            let logits = classes[at * case.classes * count..][..case.classes * count].to_vec();
            let plain = Plain { boxes: boxes.collect(), logits };
            let found = assign(&all, &targets.objects, &plain, &AssignerConfig::default());
            let owners: BTreeMap<usize, usize> =
                found.iter().enumerate().filter_map(|(i, a)| Some((i, a.as_ref()?.object))).collect();
            assert_eq!(owners, case.owners[at], "{}, image {at}", case.name);
            for (assignment, score) in found.iter().flatten().zip(&case.scores[at]) {
                assert!((assignment.score - score).abs() < 1e-8, "{}: {assignment:?}, {score}", case.name);
            }
        }
    }
}

/// Central difference of `f` by its `i`-th argument.
fn slope<const N: usize>(f: impl Fn(&[f64; N]) -> f64, at: &[f64; N], i: usize) -> f64 {
    const STEP: f64 = 1e-5;
    let moved = |by: f64| {
        let mut at = *at;
        at[i] += by;
        f(&at)
    };
    (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
}

fn corners() -> impl Strategy<Value = Corners> {
    (0.0..60.0_f64, 0.0..60.0_f64, 2.0..50.0_f64, 2.0..50.0_f64).prop_map(|(x, y, w, h)| [x, y, x + w, y + h])
}

proptest! {
    #[test]
    fn complete_iou_has_the_gradient_it_says(a in corners(), b in corners()) {
        // The value has kinks where edges meet.
        let apart = |i: usize, j: usize| (a[i] - b[j]).abs() > 1e-3;
        prop_assume!((0..4).all(|i| apart(i, i)) && apart(0, 2) && apart(2, 0) && apart(1, 3) && apart(3, 1));
        let (at, gradient) = CompleteIou::with_gradient(&a, &b);
        let f = |a: &Corners| {
            let moved = CompleteIou::of(a, &b);
            moved.overlap - moved.distance - at.alpha * moved.shape
        };
        for i in 0..4 {
            let expected = slope(f, &a, i);
            prop_assert!((gradient[i] - expected).abs() < 1e-6 + 1e-5 * expected.abs(), "{i}: {gradient:?} {expected}");
        }
        // The overlap is that of the geometry the rest of the project uses.
        let plain = |c: &Corners| bbox(c.map(|v| v as f32));
        prop_assert!((at.overlap - f64::from(plain(&a).iou(&plain(&b)))).abs() < 1e-4);
        prop_assert!(at.value() <= at.overlap && at.value() >= -2.0);
        let same = CompleteIou::of(&a, &a).value();
        prop_assert!((same - 1.0).abs() < 1e-6, "{}", same);
    }

    #[test]
    fn distributions_have_the_gradients_they_say(seed: u64, target in -1.0..16.0_f64) {
        let logits: [f64; 16] = std::array::from_fn(|i| f64::from(noise(seed, 16)[i]) * 4.0);
        let (probabilities, expected) = distribution(&logits);
        prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12 && (0.0..=15.0).contains(&expected));
        let by_expected = distribution_gradient(&probabilities, expected);
        let (value, by_focal) = distribution_focal(&probabilities, target);
        prop_assert!(value >= 0.0);
        for i in 0..16 {
            let numeric = slope(|l| distribution(l).1, &logits, i);
            prop_assert!((by_expected[i] - numeric).abs() < 1e-7 + 1e-6 * numeric.abs());
            let numeric = slope(|l| distribution_focal(&distribution(l).0, target).0, &logits, i);
            prop_assert!((by_focal[i] - numeric).abs() < 1e-7 + 1e-6 * numeric.abs());
        }
    }

    #[test]
    fn cross_entropy_has_the_gradient_it_says(logit in -30.0..30.0_f64, target in 0.0..=1.0_f64) {
        let numeric = slope(|[x]| cross_entropy(*x, target).0, &[logit], 0);
        prop_assert!((cross_entropy(logit, target).1 - numeric).abs() < 1e-6);
        prop_assert!(cross_entropy(logit * 100.0, target).0.is_finite());
    }

    #[test]
    fn nobody_gets_more_anchors_than_asked_for_and_all_lie_inside(
        seed: u64, count in 0_usize..20, topk in 0_usize..12,
    ) {
        let place = noise(seed, 4 * count + 1);
        let unit = |i: usize| place[i].midpoint(1.0);
        let objects: Vec<Truth> = (0..count)
            .map(|i| {
                let (x, y) = (unit(4 * i) * 100.0, unit(4 * i + 1) * 70.0);
                Truth { bbox: bbox([x, y, x + 1.0 + unit(4 * i + 2) * 50.0, y + 1.0 + unit(4 * i + 3) * 50.0]), class: i % 2 }
            })
            .collect();
        let all = anchors(96, 128);
        let boxes = all.iter().enumerate().map(|(i, a)| {
            let (x, y, s) = (f64::from(a.x), f64::from(a.y), f64::from(a.stride) * (1.0 + (i % 3) as f64));
            [x - s, y - s, x + s, y + s]
        });
        let logits = noise(seed ^ 5, 2 * all.len()).iter().map(|&v| f64::from(v)).collect();
        let plain = Plain { boxes: boxes.collect(), logits };
        let found = assign(&all, &objects, &plain, &AssignerConfig { topk, ..AssignerConfig::default() });
        for (object, truth) in objects.iter().enumerate() {
            prop_assert!(found.iter().flatten().filter(|a| a.object == object).count() <= topk);
            for (anchor, assignment) in all.iter().zip(&found) {
                if assignment.is_some_and(|a| a.object == object) {
                    prop_assert!((0.0..=1.0).contains(&assignment.unwrap().score));
                    let b = truth.bbox;
                    prop_assert!(anchor.x > b.x1 && anchor.x < b.x2 && anchor.y > b.y1 && anchor.y < b.y2);
                }
            }
        }
    }
}

#[test]
fn candle_gets_the_gradient_through_the_objective() {
    let case = cases().remove(4);
    let (distances, classes) = case.output();
    let raw = case.loss();
    let var = |values: &[f64], channels: usize| {
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        Var::from_vec(values, (case.images.len(), channels, case.anchors()), &Device::Cpu).unwrap()
    };
    let (distances, classes) = (var(&distances, 64), var(&classes, case.classes));
    // The network is linear here: what reaches it is the gradient times the factor.
    let output = HeadOutput {
        distances: (distances.as_tensor() * 1.0).unwrap(),
        classes: (classes.as_tensor() * 1.0).unwrap(),
        image: (case.height, case.width),
    };
    let loss = detection_loss(&output, &case.targets(), &LossConfig::default()).unwrap();
    close(loss.parts.total(), raw.parts.total(), 1e-5, "f32");
    assert_eq!(loss.positives, raw.positives);
    let gradients = loss.objective.backward().unwrap();
    for (var, expected) in [(&distances, &raw.distances), (&classes, &raw.classes)] {
        let found: Vec<f32> = gradients.get(var).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{found}, {expected}");
        }
    }
}

#[test]
fn an_unlabelled_region_teaches_nothing_about_its_classes() {
    let all = anchors(64, 64);
    let (distances, classes) = (vec![0.0; 64 * all.len()], vec![1.0; 2 * all.len()]);
    let gradient = |targets: &Targets| {
        let output = RawOutput { distances: &distances, classes: &classes, images: 1, class_count: 2, image: (64, 64) };
        raw_loss(output, std::slice::from_ref(targets), &LossConfig::default()).unwrap().classes
    };
    let region = bbox([0.0, 0.0, 32.0, 64.0]);
    let masked = Targets {
        objects: vec![Truth { bbox: bbox([2.0, 2.0, 30.0, 30.0]), class: 0 }],
        unlabelled: vec![Unlabelled { region, classes: ClassSet::Only([1].into()) }],
    };
    let open = Targets { unlabelled: Vec::new(), ..masked.clone() };
    let (masked, open) = (gradient(&masked), gradient(&open));
    let mut silenced = 0;
    for (i, anchor) in all.iter().enumerate() {
        assert_eq!(masked[i], open[i], "class 0 is labelled everywhere");
        let (with, without) = (masked[all.len() + i], open[all.len() + i]);
        assert!(without > 0.0);
        if with == 0.0 {
            silenced += 1;
            assert!(anchor.x < 32.0);
        } else {
            assert_eq!(with, without);
        }
    }
    // Half the anchors, but for those that answer for the bottle: a bottle is surely no can.
    assert_eq!(silenced, all.len() / 2 - 10);
}

#[test]
fn what_does_not_fit_is_refused_and_nan_is_passed_on() {
    let all = anchors(32, 32).len();
    let (mut distances, classes) = (vec![0.0_f32; 64 * all], vec![0.0_f32; 2 * all]);
    let run = |distances: &[f32], targets: &[Targets]| {
        let output = RawOutput { distances, classes: &classes, images: 1, class_count: 2, image: (32, 32) };
        raw_loss(output, targets, &LossConfig::default())
    };
    let object =
        |class| Targets { objects: vec![Truth { bbox: bbox([1.0, 1.0, 30.0, 30.0]), class }], unlabelled: vec![] };
    assert!(matches!(run(&distances, &[]), Err(LossError::ImageCount { targets: 0, images: 1 })));
    assert!(matches!(run(&distances, &[object(2)]), Err(LossError::Class { image: 0, class: 2, classes: 2 })));
    assert!(matches!(run(&distances[1..], &[object(1)]), Err(LossError::Shape { .. })));
    distances.fill(f32::NAN);
    let broken = run(&distances, &[object(1)]).unwrap();
    assert!(!broken.parts.total().is_finite() || broken.positives == 0, "{:?}", broken.parts);
}
