//! Laws of boxes.

use proptest::prelude::*;
use vision::BBox;

/// Any box of a photo, inverted and empty ones included.
pub(crate) fn any_box() -> impl Strategy<Value = BBox> {
    (0.0..4000.0_f32, 0.0..4000.0_f32, -20.0..800.0_f32, -20.0..800.0_f32)
        .prop_map(|(x, y, w, h)| BBox::new(x, y, x + w, y + h))
}

/// Numbers that break arithmetic.
pub(crate) fn hostile() -> impl Strategy<Value = f32> {
    prop_oneof![
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::NEG_INFINITY),
        Just(f32::MAX),
        Just(f32::MIN),
        Just(-0.0),
        Just(f32::MIN_POSITIVE),
        -1e9..1e9_f32,
        -10.0..5000.0_f32,
    ]
}

pub(crate) fn hostile_box() -> impl Strategy<Value = BBox> {
    (hostile(), hostile(), hostile(), hostile()).prop_map(|(x1, y1, x2, y2)| BBox::new(x1, y1, x2, y2))
}

#[test]
fn known_overlaps() {
    let unit = BBox::new(0.0, 0.0, 1.0, 1.0);
    let cases = [
        (unit, unit, 1.0),
        (unit, BBox::new(0.5, 0.0, 1.5, 1.0), 1.0 / 3.0),
        (unit, BBox::new(1.0, 0.0, 2.0, 1.0), 0.0),
        (unit, BBox::new(0.0, 0.0, 0.5, 0.5), 0.25),
        (unit, BBox::new(1.0, 1.0, 0.0, 0.0), 0.0),
        (unit, BBox::new(0.2, 0.2, 0.2, 0.8), 0.0),
    ];
    for (a, b, iou) in cases {
        assert!((a.iou(&b) - iou).abs() < 1e-6, "{a} and {b}: {}", a.iou(&b));
    }
    assert_eq!(BBox::new(2.0, 2.0, 4.0, 4.0).overlap_of_smaller(&BBox::new(0.0, 0.0, 9.0, 9.0)), 1.0);
    assert_eq!(BBox::from_center(5.0, 6.0, 4.0, 2.0), BBox::new(3.0, 5.0, 7.0, 7.0));
    assert_eq!(BBox::new(3.0, 5.0, 7.0, 7.0).center(), (5.0, 6.0));
    assert_eq!(BBox::new(1.0, 2.0, 3.25, 4.0).to_string(), "(1.0, 2.0)-(3.2, 4.0)");
}

#[test]
fn a_huge_box_overlaps_nothing_rather_than_everything() {
    let all = BBox::new(f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::INFINITY);
    assert_eq!(all.iou(&all), 0.0);
    assert!(!all.is_valid());
}

proptest! {
    #[test]
    fn iou_is_a_symmetric_fraction(a in any_box(), b in any_box()) {
        let iou = a.iou(&b);
        prop_assert!((0.0..=1.0).contains(&iou));
        prop_assert_eq!(iou, b.iou(&a));
        prop_assert!(iou <= a.overlap_of_smaller(&b) + 1e-6);
        prop_assert!((0.0..=1.0).contains(&a.overlap_of_smaller(&b)));
        prop_assert_eq!(a.overlap_of_smaller(&b), b.overlap_of_smaller(&a));
    }

    #[test]
    fn a_box_with_area_is_itself(a in any_box()) {
        prop_assert_eq!(a.iou(&a), if a.is_valid() { 1.0 } else { 0.0 });
    }

    /// Whole numbers, so that moving is exact.
    #[test]
    fn iou_does_not_change_when_both_move(
        (x, y, w, h) in (0..500_i32, 0..500_i32, 1..200_i32, 1..200_i32),
        (px, py) in (-150..150_i32, -150..150_i32),
        (dx, dy) in (-900..900_i32, -900..900_i32),
    ) {
        let [x, y, w, h, px, py, dx, dy] = [x, y, w, h, px, py, dx, dy].map(|v| v as f32);
        let a = BBox::new(x, y, x + w, y + h);
        let b = a.translate(px, py);
        prop_assert_eq!(a.iou(&b), a.translate(dx, dy).iou(&b.translate(dx, dy)));
        prop_assert_eq!(a.translate(dx, dy).translate(-dx, -dy), a);
    }

    #[test]
    fn clipping_stays_inside_and_is_done_once(a in any_box(), width in 1..3000_u32, height in 1..3000_u32) {
        let clipped = a.clip(width, height);
        prop_assert!(clipped.x1 >= 0.0 && clipped.x2 <= width as f32 && clipped.y1 >= 0.0 && clipped.y2 <= height as f32);
        prop_assert_eq!(clipped.clip(width, height), clipped);
        prop_assert!(clipped.area() <= a.area() + 1e-3);
    }

    #[test]
    fn hostile_numbers_give_fractions(a in hostile_box(), b in hostile_box()) {
        for fraction in [a.iou(&b), a.overlap_of_smaller(&b)] {
            prop_assert!((0.0..=1.0).contains(&fraction), "{} and {}: {}", a, b, fraction);
        }
        // NaN has neither sign; `max` turns it into 0.
        prop_assert!(a.width() >= 0.0 && a.height() >= 0.0, "{}", a);
    }
}
