//! The one resize against OpenCV and Pillow; `tests/fixtures/make_resized.py` made both sides.

use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis, s};
use proptest::prelude::*;
use serde::Deserialize;
use vision::preprocess::{Filter, Fit, MAX_SIDE, PlanError, Region};
use vision::{Letterbox, PreprocessPlan, RgbImage};

use crate::{difference, image, read};

#[derive(Deserialize)]
struct Case {
    fit: Fit,
    filter: Filter,
    width: u32,
    height: u32,
    top: u32,
}

fn plan(width: u32, height: u32, fit: Fit, filter: Filter) -> PreprocessPlan {
    PreprocessPlan { width, height, fit, filter, pad: 114, mean: [0.0; 3], std: [1.0; 3] }
}

/// Grey levels back from a plan that leaves them as they are.
fn levels(planes: &ArrayView3<'_, f32>) -> RgbImage {
    let (_, height, width) = planes.dim();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        image::Rgb([0, 1, 2].map(|c| planes[[c, y as usize, x as usize]] as u8))
    })
}

fn apply(plan: &PreprocessPlan, image: &RgbImage, region: Region) -> Array3<f32> {
    let mut out = Array3::from_elem((3, plan.height as usize, plan.width as usize), f32::NAN);
    plan.apply(image, region, out.view_mut());
    out
}

#[test]
fn resized_as_opencv_and_pillow_do() {
    let source = image("resized/source.png");
    let sheet = image("resized/expected.png");
    let cases: Vec<Case> = serde_json::from_slice(&read("resized/expected.json")).unwrap();
    assert!(cases.len() > 20);
    let mut wrong = Vec::new();
    for case in cases {
        let expected = image::imageops::crop_imm(&sheet, 0, case.top, case.width, case.height).to_image();
        let found = apply(&plan(case.width, case.height, case.fit, case.filter), &source, Region::whole(&source));
        let (max, mean) = difference(&levels(&found.view()), &expected);
        let allowed = if case.filter == Filter::Bilinear { 0 } else { 1 };
        if max > allowed {
            let Case { fit, filter, width, height, .. } = case;
            wrong.push(format!("{fit:?} {filter:?} {width}x{height}: differs by up to {max}, {mean:.3} on average"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn normalised_per_channel() {
    let image = RgbImage::from_pixel(4, 4, image::Rgb([10, 20, 30]));
    let plan = PreprocessPlan {
        mean: [1.0, 2.0, 3.0],
        std: [2.0, 4.0, 8.0],
        ..plan(8, 4, Fit::Letterbox, Filter::BilinearAntialias)
    };
    let out = apply(&plan, &image, Region::whole(&image));
    let column = |x: usize| [out[[0, 1, x]], out[[1, 1, x]], out[[2, 1, x]]];
    assert_eq!(column(0), [(114.0 - 1.0) / 2.0, (114.0 - 2.0) / 4.0, (114.0 - 3.0) / 8.0]);
    assert_eq!(column(3), [4.5, 4.5, 27.0 / 8.0]);
    assert!((PreprocessPlan::yolo(8, 8).std[0], PreprocessPlan::yolo(8, 8).mean[0]) == (255.0, 0.0));
}

#[test]
fn a_region_gives_its_own_pixels_and_its_own_placement() {
    let image = RgbImage::from_fn(60, 50, |x, y| image::Rgb([x as u8, y as u8, 0]));
    let region = Region { x: 17, y: 9, width: 20, height: 12 };
    let plan = plan(20, 12, Fit::Stretch, Filter::Bilinear);
    let mut out = Array3::zeros((3, 12, 20));
    let placed = plan.apply(&image, region, out.view_mut());
    assert_eq!((out[[0, 0, 0]], out[[1, 0, 0]]), (17.0, 9.0));
    assert_eq!((out[[0, 11, 19]], out[[1, 11, 19]]), (36.0, 20.0));
    assert_eq!(placed, Letterbox::stretch((20, 12), (20, 12)).with_origin(17.0, 9.0));
}

#[test]
fn any_view_can_be_written_to() {
    let image = image("resized/source.png");
    let plan = plan(40, 30, Fit::Letterbox, Filter::Bilinear);
    let expected = apply(&plan, &image, Region::whole(&image));
    let check = |name: &str, mut store: Array3<f32>, view: fn(&mut Array3<f32>) -> ArrayViewMut3<'_, f32>| {
        plan.apply(&image, Region::whole(&image), view(&mut store));
        assert_eq!(view(&mut store), expected, "{name}");
    };
    check("channels last", Array3::zeros((30, 40, 3)), |a| a.view_mut().permuted_axes([2, 0, 1]));
    check("columns before rows", Array3::zeros((3, 40, 30)), |a| a.view_mut().permuted_axes([0, 2, 1]));
    check("part of a wider array", Array3::zeros((3, 50, 70)), |a| a.slice_mut(s![.., 5..35, 9..49]));
    check("every other column", Array3::zeros((3, 30, 80)), |a| a.slice_mut(s![.., .., ..;2]));
    check("rows from below", Array3::zeros((3, 30, 40)), |a| {
        let mut view = a.view_mut();
        view.invert_axis(Axis(1));
        view
    });
}

#[test]
fn plans_that_cannot_be_carried_out_are_refused() {
    let good = PreprocessPlan::yolo(640, 640);
    good.validate().unwrap();
    for (width, height) in [(0, 640), (640, 0), (MAX_SIDE + 1, 640)] {
        let error = PreprocessPlan { width, height, ..good.clone() }.validate().unwrap_err();
        assert_eq!(error, PlanError::Size { width, height });
        assert!(error.to_string().contains("outside 1..=4096"), "{error}");
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(PreprocessPlan { mean: [0.0, bad, 0.0], ..good.clone() }.validate().is_err());
        assert!(PreprocessPlan { std: [1.0, bad, 1.0], ..good.clone() }.validate().is_err());
    }
    let error = PreprocessPlan { std: [1.0, 0.0, 1.0], ..good.clone() }.validate().unwrap_err();
    assert_eq!(error.to_string(), "`std` must hold finite numbers above zero");
    assert!(PreprocessPlan { std: [1.0, -1.0, 1.0], ..good }.validate().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every value is written, padding is padding, and a flat image stays flat under every filter.
    #[test]
    fn a_flat_image_stays_flat(
        source in (1..200_u32, 1..200_u32), canvas in (1..120_u32, 1..120_u32), grey: u8,
        fit in prop::sample::select(vec![Fit::Letterbox, Fit::Stretch]),
        filter in prop::sample::select(vec![Filter::Bilinear, Filter::BilinearAntialias, Filter::BicubicAntialias]),
    ) {
        let image = RgbImage::from_pixel(source.0, source.1, image::Rgb([grey; 3]));
        let plan = PreprocessPlan { pad: 0, ..plan(canvas.0, canvas.1, fit, filter) };
        let mut out = Array3::from_elem((3, canvas.1 as usize, canvas.0 as usize), f32::NAN);
        let placed = plan.apply(&image, Region::whole(&image), out.view_mut());
        prop_assert_eq!(placed, plan.placement(source, canvas));
        for ((_, y, x), &value) in out.indexed_iter() {
            let inside = (placed.pad.0..placed.pad.0 + placed.content.0).contains(&(x as u32))
                && (placed.pad.1..placed.pad.1 + placed.content.1).contains(&(y as u32));
            let expected = if inside { f32::from(grey) } else { 0.0 };
            // Coefficients are rounded, so a sum of weights may fall short of 1 by half a level.
            prop_assert!((value - expected).abs() <= 1.0, "{} at {}, {}", value, x, y);
        }
    }
}
