//! Outputs of every layout, and outputs that make no sense.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use detector::anchors::anchor_count;
use detector::{AutoTiling, ClassMap, SizeError, SpecError, YoloDetector, YoloSpec};
use ndarray::{ArrayD, IxDyn};
use vision::{ClassId, Confidences, DetectOptions, Detection, Detector, ModelError, PreprocessPlan, RgbImage, Tiling};

use crate::support::StubSession;

const SIDE: usize = 64;
const ANCHORS: usize = 84;

fn spec(classes: ClassMap) -> YoloSpec {
    YoloSpec {
        name: "stub@0".to_owned(),
        plan: PreprocessPlan::yolo(SIDE as u32, SIDE as u32),
        stride: 32,
        classes,
        tiling: AutoTiling::default(),
    }
}

fn names(count: usize) -> ClassMap {
    ClassMap::all((0..count).map(|i| format!("class {i}")).collect()).unwrap()
}

const OPTIONS: DetectOptions = DetectOptions {
    confidence: Confidences::uniform(0.25),
    iou: 0.7,
    max_detections: 300,
    class_agnostic: true,
    tiling: Tiling::Off,
    max_tiles: 16,
};

fn detect(answer: ArrayD<f32>, classes: ClassMap, options: &DetectOptions) -> Vec<Detection> {
    let session = StubSession::new(Some(1), Some(SIDE), move |_| answer.clone());
    let detector = YoloDetector::new(Box::new(session), spec(classes)).unwrap();
    detector.detect(&[RgbImage::new(128, 128)], options).unwrap().remove(0)
}

/// Columns (cx, cy, w, h, scores...) as (1, 4 + classes, 84).
fn grid(columns: &[&[f32]]) -> ArrayD<f32> {
    let mut output = ArrayD::zeros(IxDyn(&[1, columns[0].len(), ANCHORS]));
    for (a, column) in columns.iter().enumerate() {
        for (c, &value) in column.iter().enumerate() {
            output[[0, c, a]] = value;
        }
    }
    output
}

fn summary(found: &[Detection]) -> Vec<(u16, [i32; 4], f32)> {
    let corners = |d: &Detection| [d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2].map(|v| v.round() as i32);
    found.iter().map(|d| (d.class.0, corners(d), d.confidence)).collect()
}

#[test]
fn all_layouts_give_the_same_boxes_in_the_photo() {
    // The photo is twice as large as the input.
    let expected = [(1, [20, 20, 60, 60], 0.9), (0, [80, 80, 120, 120], 0.5)];
    let columns: [&[f32]; 2] = [&[20.0, 20.0, 20.0, 20.0, 0.1, 0.9], &[50.0, 50.0, 20.0, 20.0, 0.5, 0.2]];
    let first = grid(&columns);
    assert_eq!(summary(&detect(first.clone(), names(2), &OPTIONS)), expected, "(4 + classes, anchors)");
    let last = first.permuted_axes(IxDyn(&[0, 2, 1])).as_standard_layout().into_owned();
    assert_eq!(summary(&detect(last, names(2), &OPTIONS)), expected, "(anchors, 4 + classes)");

    // Two classes make 4 + classes six as well: the number of rows tells.
    for classes in [2, 5] {
        let mut rows = ArrayD::zeros(IxDyn(&[1, 300, 6]));
        for (i, row) in [[10.0, 10.0, 30.0, 30.0, 0.9, 1.0], [40.0, 40.0, 60.0, 60.0, 0.5, 0.0]].iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                rows[[0, i, j]] = value;
            }
        }
        let found = detect(rows, names(classes), &DetectOptions { confidence: 0.0.into(), ..OPTIONS });
        assert_eq!(summary(&found), expected, "(detections, 6) of {classes} classes");
    }
}

#[test]
fn outputs_become_product_classes_or_are_dropped() {
    let map = BTreeMap::from([(1, "bottle".to_owned()), (2, "glass".to_owned()), (3, "glass".to_owned())]);
    let classes = ClassMap::mapped(4, &map).unwrap();
    let columns: [&[f32]; 4] = [
        // Surest as a dropped class, yet sure enough as a bottle.
        &[10.0, 10.0, 8.0, 8.0, 0.9, 0.4, 0.3, 0.0],
        &[30.0, 10.0, 8.0, 8.0, 0.0, 0.1, 0.3, 0.6],
        &[50.0, 10.0, 8.0, 8.0, 0.9, 0.0, 0.0, 0.2],
        &[50.0, 50.0, 8.0, 8.0, 0.0, 0.0, 0.5, 0.5],
    ];
    let found: Vec<_> = detect(grid(&columns), classes, &OPTIONS).iter().map(|d| (d.class, d.confidence)).collect();
    assert_eq!(found, [(ClassId(1), 0.6), (ClassId(1), 0.5), (ClassId(0), 0.4)]);
}

#[test]
fn suppression_is_class_agnostic_unless_asked() {
    let columns: [&[f32]; 2] = [&[20.0, 20.0, 20.0, 20.0, 0.9, 0.0], &[20.5, 20.0, 20.0, 20.0, 0.0, 0.8]];
    let count = |options| detect(grid(&columns), names(2), &options).len();
    assert_eq!(count(OPTIONS), 1);
    assert_eq!(count(DetectOptions { class_agnostic: false, ..OPTIONS }), 2);
    assert_eq!(count(DetectOptions { class_agnostic: false, max_detections: 1, ..OPTIONS }), 1);
    assert_eq!(count(DetectOptions { class_agnostic: false, confidence: 0.85.into(), ..OPTIONS }), 1);
}

/// [`OPTIONS`] from confidence .5 on, classes named here from their own on.
fn with_own(own: &[(&str, f32)]) -> DetectOptions {
    let by_class = own.iter().map(|&(class, confidence)| (class.to_owned(), confidence)).collect();
    DetectOptions { confidence: Confidences { default: 0.5, by_class }, ..OPTIONS }
}

#[test]
fn every_class_counts_from_its_own_confidence_on() {
    let columns: [&[f32]; 4] = [
        &[10.0, 10.0, 8.0, 8.0, 0.6, 0.0],
        // Surest as class 1; as class 0 it would be sure enough.
        &[30.0, 10.0, 8.0, 8.0, 0.55, 0.65],
        // The same object, surest as class 0 but less sure than its neighbour.
        &[30.5, 10.0, 8.0, 8.0, 0.6, 0.0],
        &[50.0, 50.0, 8.0, 8.0, 0.0, 0.35],
    ];
    let found = |own: &[(&str, f32)]| -> Vec<(u16, f32)> {
        let tiled = Tiling::Grid { columns: 1, rows: 1 };
        let look = |tiling| detect(grid(&columns), names(2), &DetectOptions { tiling, ..with_own(own) });
        assert_eq!(look(Tiling::Off), look(tiled), "{own:?}");
        look(Tiling::Off).iter().map(|d| (d.class.0, d.confidence)).collect()
    };
    assert_eq!(found(&[]), [(1, 0.65), (0, 0.6)]);
    assert_eq!(found(&[("class 1", 0.65)]), [(1, 0.65), (0, 0.6)], "its own confidence is enough");
    assert_eq!(found(&[("class 1", 0.66)]), [(0, 0.6)], "it does not come back as class 0");
    assert_eq!(found(&[("class 1", 0.3)]), [(1, 0.65), (0, 0.6), (1, 0.35)]);
    assert_eq!(found(&[("class 0", 0.61), ("class 1", 0.3)]), [(1, 0.65), (1, 0.35)]);
    assert_eq!(found(&[("class 0", 1.0), ("class 1", 1.0)]), []);
}

#[test]
fn what_its_class_drops_takes_nobodys_place() {
    let columns: [&[f32]; 3] =
        [&[10.0, 10.0, 8.0, 8.0, 0.0, 0.9], &[30.0, 10.0, 8.0, 8.0, 0.0, 0.8], &[50.0, 50.0, 8.0, 8.0, 0.6, 0.0]];
    let options = DetectOptions { max_detections: 1, ..with_own(&[("class 1", 0.95)]) };
    assert_eq!(detect(grid(&columns), names(2), &options)[0].class, ClassId(0));
    let options = DetectOptions { max_detections: 1, ..with_own(&[("class 1", 0.85)]) };
    assert_eq!(detect(grid(&columns), names(2), &options).iter().map(|d| d.confidence).collect::<Vec<_>>(), [0.9]);
}

#[test]
fn validation_takes_every_class_of_an_anchor() {
    let answer = grid(&[&[20.0, 20.0, 20.0, 20.0, 0.9, 0.8, 0.0005]]);
    let session = StubSession::new(Some(1), Some(SIDE), move |_| answer.clone());
    let detector = YoloDetector::new(Box::new(session), spec(names(3))).unwrap();
    let count = |multi_label| {
        let options = detector::ValidationOptions { multi_label, ..Default::default() };
        detector.detect_for_validation(&[RgbImage::new(64, 64)], &options).unwrap()[0].len()
    };
    assert_eq!((count(true), count(false)), (2, 1));
}

#[test]
fn numbers_that_are_none_are_no_detections() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let good: &[f32] = &[20.0, 20.0, 20.0, 20.0, 0.9, 0.0];
    for wrong in [
        [nan, 20.0, 20.0, 20.0, 0.9, 0.0],
        [20.0, 20.0, nan, 20.0, 0.9, 0.0],
        [20.0, 20.0, inf, 20.0, 0.9, 0.0],
        [-inf, 20.0, 20.0, 20.0, 0.9, 0.0],
        [20.0, 20.0, 20.0, 20.0, nan, 0.0],
        [20.0, 20.0, 20.0, 20.0, inf, 0.0],
        [20.0, 20.0, -20.0, 20.0, 0.9, 0.0],
        [20.0, 20.0, 0.0, 20.0, 0.9, 0.0],
        // In the middle of nowhere.
        [9000.0, 9000.0, 20.0, 20.0, 0.9, 0.0],
    ] {
        let found = summary(&detect(grid(&[&wrong, good]), names(2), &OPTIONS));
        assert_eq!(found, [(0, [20, 20, 60, 60], 0.9)], "{wrong:?}");
    }
    for value in [nan, inf, -inf] {
        let all = ArrayD::from_elem(IxDyn(&[1, 6, ANCHORS]), value);
        assert_eq!(
            detect(all, names(2), &DetectOptions { confidence: 0.0.into(), tiling: Tiling::Auto, ..OPTIONS }),
            []
        );
        let rows = ArrayD::from_elem(IxDyn(&[1, 300, 6]), value);
        assert_eq!(detect(rows, names(9), &DetectOptions { confidence: 0.0.into(), ..OPTIONS }), []);
    }
    assert_eq!(detect(grid(&[good]), names(2), &DetectOptions { confidence: nan.into(), ..OPTIONS }), []);
}

#[test]
fn photos_of_any_shape_are_taken() {
    // A box over the whole canvas becomes the whole photo, whatever its shape.
    for any_size in [false, true] {
        let session = StubSession::new(None, (!any_size).then_some(SIDE), |input| {
            let (batch, _, height, width) = input.dim();
            let mut output = ArrayD::zeros(IxDyn(&[batch, 5, anchor_count(height, width)]));
            for i in 0..batch {
                for (c, value) in
                    [width as f32 / 2.0, height as f32 / 2.0, width as f32, height as f32, 0.9].into_iter().enumerate()
                {
                    output[[i, c, 0]] = value;
                }
            }
            output
        });
        let detector = YoloDetector::new(Box::new(session), spec(names(1))).unwrap();
        let sizes = [(64, 64), (1, 1), (640, 2), (2, 640), (4000, 3), (97, 31), (64, 64)];
        let photos: Vec<_> = sizes.iter().map(|&(w, h)| RgbImage::new(w, h)).collect();
        let found = detector.detect(&photos, &OPTIONS).unwrap();
        for ((w, h), found) in sizes.iter().zip(&found) {
            assert_eq!(summary(found), [(0, [0, 0, *w as i32, *h as i32], 0.9)], "{w}x{h}");
        }
        assert_eq!(detector.detect(&[], &OPTIONS).unwrap(), Vec::<Vec<Detection>>::new());
        assert_eq!(detector.detect(&[RgbImage::new(0, 0)], &OPTIONS).unwrap(), [Vec::new()]);
    }
}

#[test]
fn images_share_runs_as_the_network_allows() {
    for (batch, any_size, expected_runs) in
        [(Some(1), false, 7), (Some(4), false, 2), (None, false, 2), (None, true, 3)]
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        let mut session = StubSession::new(batch, (!any_size).then_some(SIDE), move |input| {
            counter.fetch_add(1, Ordering::Relaxed);
            let (batch, _, height, width) = input.dim();
            assert!(any_size || (height, width) == (SIDE, SIDE));
            ArrayD::zeros(IxDyn(&[batch, 5, anchor_count(height, width)]))
        });
        session.info.parallelism = 1;
        let detector = YoloDetector::new(Box::new(session), spec(names(1))).unwrap();
        let photos: Vec<_> =
            [100; 4].map(|h| (100, h)).into_iter().chain([(100, 40); 3]).map(|(w, h)| RgbImage::new(w, h)).collect();
        let before = runs.load(Ordering::Relaxed);
        assert_eq!(detector.detect(&photos, &OPTIONS).unwrap().len(), 7);
        let expected = if any_size { 2 } else { expected_runs };
        assert_eq!(runs.load(Ordering::Relaxed) - before, expected, "batch {batch:?}, any size {any_size}");
    }
}

#[test]
fn networks_that_are_no_detectors_are_refused_at_once() {
    let new = |shape: &[usize], classes: usize| {
        let answer = ArrayD::zeros(IxDyn(shape));
        let session = StubSession::new(Some(1), Some(SIDE), move |_| answer.clone());
        YoloDetector::new(Box::new(session), spec(names(classes))).map(|_| ())
    };
    assert!(new(&[1, 84, ANCHORS], 80).is_ok());
    for (what, shape, classes) in [
        ("other class count", &[1, 84, ANCHORS][..], 3),
        ("a classifier", &[1, 1000], 80),
        ("nothing", &[1, 0, 0], 80),
        ("five axes", &[1, 3, 80, 80, 85], 80),
    ] {
        match new(shape, classes) {
            Err(SpecError::Output { found, .. }) => assert_eq!(found, shape[1..], "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    let message = new(&[1, 84, ANCHORS], 3).unwrap_err().to_string();
    assert!(message.contains("[7, 84]") && message.contains("classes in the model card"), "{message}");

    let mut grey = StubSession::new(Some(1), Some(SIDE), |_| ArrayD::zeros(IxDyn(&[1, 5, ANCHORS])));
    grey.info.input.channels = 1;
    assert!(matches!(YoloDetector::new(Box::new(grey), spec(names(1))), Err(SpecError::Planes(1))));
}

#[test]
fn sizes_must_fit() {
    let check = |side: Option<usize>, width: u32, stride: u32| {
        let session = StubSession::new(Some(1), side, |input| {
            let (batch, _, height, width) = input.dim();
            ArrayD::zeros(IxDyn(&[batch, 5, anchor_count(height, width)]))
        });
        let spec = YoloSpec { plan: PreprocessPlan::yolo(width, SIDE as u32), stride, ..spec(names(1)) };
        match YoloDetector::new(Box::new(session), spec) {
            Ok(_) => None,
            Err(SpecError::Size(error)) => Some(error),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(check(Some(SIDE), 64, 32), None);
    assert_eq!(check(None, 96, 32), None);
    assert_eq!(check(Some(SIDE), 96, 32), Some(SizeError::Fixed { side: "width", network: 64, plan: 96 }));
    assert_eq!(check(None, 100, 32), Some(SizeError::Stride { side: "width", plan: 100, stride: 32 }));
    assert_eq!(check(None, 96, 0), Some(SizeError::NoStride(0)));
}

#[test]
fn a_network_that_changes_its_mind_is_an_error() {
    let calls = AtomicUsize::new(0);
    let session = StubSession::new(Some(1), Some(SIDE), move |_| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        ArrayD::zeros(IxDyn(if first { &[1, 5, ANCHORS] } else { &[1, 9, ANCHORS] }))
    });
    let detector = YoloDetector::new(Box::new(session), spec(names(1))).unwrap();
    let error = detector.detect(&[RgbImage::new(64, 64)], &OPTIONS).unwrap_err();
    assert!(matches!(error, ModelError::UnexpectedOutput { .. }), "{error}");
}

#[test]
fn describes_itself() {
    let session = StubSession::new(Some(1), Some(SIDE), |_| ArrayD::zeros(IxDyn(&[1, 6, ANCHORS])));
    let detector = YoloDetector::new(Box::new(session), spec(names(2))).unwrap();
    assert_eq!(detector.describe(), "stub@0 (stub 1, CPU)");
    assert_eq!(detector.classes(), ["class 0", "class 1"]);
}
