//! The way into the network's input and back.

use proptest::prelude::*;
use vision::{BBox, Letterbox, PreprocessPlan};

#[test]
fn placements_of_yolo_tools() {
    // (source, canvas) -> (content, padding before), by the rounding of Ultralytics' LetterBox.
    let cases = [
        ((1280, 960), (640, 640), (640, 480), (0, 80)),
        ((960, 1280), (640, 640), (480, 640), (80, 0)),
        ((768, 511), (640, 640), (640, 426), (0, 107)),
        ((640, 640), (640, 640), (640, 640), (0, 0)),
        ((300, 200), (640, 640), (640, 427), (0, 106)),
        ((1, 1), (640, 640), (640, 640), (0, 0)),
        ((10_000, 1), (640, 640), (640, 1), (0, 319)),
        ((4032, 3024), (640, 480), (640, 480), (0, 0)),
    ];
    for (source, canvas, content, pad) in cases {
        let placed = Letterbox::fit(source, canvas);
        assert_eq!((placed.content, placed.pad), (content, pad), "{source:?} into {canvas:?}");
    }
}

#[test]
fn stretching_fills_the_canvas() {
    let placed = Letterbox::stretch((100, 50), (224, 224));
    assert_eq!((placed.content, placed.pad), ((224, 224), (0, 0)));
    assert_eq!(placed.to_network(&BBox::new(0.0, 0.0, 100.0, 50.0)), BBox::new(0.0, 0.0, 224.0, 224.0));
}

#[test]
fn rectangular_canvases() {
    let canvas = |source| Letterbox::rectangular_canvas(source, (640, 640), 32);
    assert_eq!(canvas((1280, 960)), (640, 480));
    assert_eq!(canvas((768, 511)), (640, 448));
    assert_eq!(canvas((10_000, 1)), (640, 32));
    // A canvas that is no multiple of the stride bounds the result all the same.
    assert_eq!(Letterbox::rectangular_canvas((100, 100), (100, 100), 32), (100, 100));
}

#[test]
#[should_panic(expected = "a side is 0")]
fn an_empty_photo_is_the_callers_error() {
    let _ = Letterbox::fit((0, 10), (640, 640));
}

fn sizes() -> impl Strategy<Value = ((u32, u32), (u32, u32))> {
    ((1..4100_u32, 1..4100_u32), (1..1300_u32, 1..1300_u32))
}

proptest! {
    /// As exact as f32 holds the coordinates on the way: a thousandth of a pixel for the photos of phones.
    #[test]
    fn there_and_back((source, canvas) in sizes(), at in (0.0..1.0_f32, 0.0..1.0_f32, 0.0..1.0_f32, 0.0..1.0_f32), origin in 0..500_u32) {
        let origin = origin as f32;
        let (w, h) = (source.0 as f32, source.1 as f32);
        let photo = BBox::new(at.0 * w, at.1 * h, at.2 * w, at.3 * h).translate(origin, origin);
        for placed in [Letterbox::fit(source, canvas), Letterbox::stretch(source, canvas)] {
            let placed = placed.with_origin(origin, origin);
            // A step of f32 at the far edge of the canvas, in photo pixels, and one at the far edge of the photo.
            let step = |canvas: u32, scale: f32, side: f32| f32::EPSILON * (canvas as f32 / scale + side + origin);
            let (x_step, y_step) = (step(canvas.0, placed.scale.0, w), step(canvas.1, placed.scale.1, h));
            let back = placed.to_photo(&placed.to_network(&photo));
            for (a, b, step) in [
                (back.x1, photo.x1, x_step), (back.y1, photo.y1, y_step), (back.x2, photo.x2, x_step), (back.y2, photo.y2, y_step),
            ] {
                prop_assert!((a - b).abs() <= step, "{} became {}, more than {} off", photo, back, step);
            }
        }
    }

    #[test]
    fn content_lies_inside_and_keeps_its_shape((source, canvas) in sizes()) {
        let placed = Letterbox::fit(source, canvas);
        prop_assert!(placed.pad.0 + placed.content.0 <= canvas.0 && placed.pad.1 + placed.content.1 <= canvas.1);
        // One side fills the canvas, the other is off by less than a pixel of rounding.
        prop_assert!(placed.content.0 == canvas.0 || placed.content.1 == canvas.1);
        let ratio = (f64::from(canvas.0) / f64::from(source.0)).min(f64::from(canvas.1) / f64::from(source.1));
        for (content, side) in [(placed.content.0, source.0), (placed.content.1, source.1)] {
            prop_assert!((f64::from(content) - f64::from(side) * ratio).abs() <= 1.0);
        }
        // The odd pixel of padding goes right and below.
        let after = (canvas.0 - placed.content.0 - placed.pad.0, canvas.1 - placed.content.1 - placed.pad.1);
        prop_assert!(after.0 - placed.pad.0 <= 1 && after.1 - placed.pad.1 <= 1);
        let whole = placed.to_network(&BBox::new(0.0, 0.0, source.0 as f32, source.1 as f32));
        prop_assert!((whole.x1 - placed.pad.0 as f32).abs() < 1e-3);
        prop_assert!((whole.x2 - (placed.pad.0 + placed.content.0) as f32).abs() < 1e-3);
    }

    #[test]
    fn a_rectangular_canvas_holds_the_same_content(source in (1..4100_u32, 1..4100_u32), cells in (1..40_u32, 1..40_u32)) {
        let canvas = (cells.0 * 32, cells.1 * 32);
        let rectangular = Letterbox::rectangular_canvas(source, canvas, 32);
        prop_assert!(rectangular.0 <= canvas.0 && rectangular.1 <= canvas.1);
        prop_assert!(rectangular.0.is_multiple_of(32) && rectangular.1.is_multiple_of(32));
        let plan = PreprocessPlan::yolo(canvas.0, canvas.1);
        let (square, cut) = (plan.placement(source, canvas), plan.placement(source, rectangular));
        prop_assert_eq!((cut.content, cut.scale), (square.content, square.scale));
        prop_assert!(cut.pad.0 + cut.content.0 <= rectangular.0 && cut.pad.1 + cut.content.1 <= rectangular.1);
    }
}
