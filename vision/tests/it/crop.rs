//! Crops are never empty and never outside.

use proptest::prelude::*;
use vision::crop::{CropRule, crop_region};
use vision::preprocess::Region;
use vision::{BBox, RgbImage, crop};

use crate::geometry::{hostile, hostile_box};

#[test]
fn known_crops() {
    let region = |b: BBox, margin| {
        let Region { x, y, width, height } = crop_region((100, 80), &b, CropRule { margin });
        (x, y, width, height)
    };
    assert_eq!(region(BBox::new(10.0, 20.0, 30.0, 60.0), 0.0), (10, 20, 20, 40));
    assert_eq!(region(BBox::new(10.0, 20.0, 30.0, 60.0), 0.1), (8, 16, 24, 48));
    // A pixel that is touched belongs to the crop.
    assert_eq!(region(BBox::new(10.4, 20.6, 29.1, 59.9), 0.0), (10, 20, 20, 40));
    assert_eq!(region(BBox::new(-50.0, -50.0, 500.0, 500.0), 0.5), (0, 0, 100, 80));
    assert_eq!(region(BBox::new(500.0, 500.0, 600.0, 600.0), 0.0), (99, 79, 1, 1));
    assert_eq!(region(BBox::new(30.0, 60.0, 10.0, 20.0), 0.0), (30, 60, 1, 1));
    assert_eq!(region(BBox::new(f32::NAN, f32::NAN, f32::NAN, f32::NAN), 0.0), (0, 0, 1, 1));
}

#[test]
fn a_crop_holds_the_pixels_under_its_box() {
    let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let cut = crop(&image, &BBox::new(5.0, 6.0, 12.0, 9.0), CropRule::default());
    assert_eq!(cut.dimensions(), (7, 3));
    for (x, y, pixel) in cut.enumerate_pixels() {
        assert_eq!(pixel.0, [x as u8 + 5, y as u8 + 6, 7]);
    }
}

#[test]
fn margins_that_make_no_sense_are_told_apart() {
    for (margin, valid) in [(0.0, true), (0.1, true), (1.0, true), (1.1, false), (-0.1, false), (f32::NAN, false)] {
        assert_eq!(CropRule { margin }.is_valid(), valid, "{margin}");
    }
}

proptest! {
    #[test]
    fn never_empty_never_outside(size in (1..500_u32, 1..500_u32), b in hostile_box(), margin in hostile()) {
        let region = crop_region(size, &b, CropRule { margin });
        prop_assert!(region.width > 0 && region.height > 0);
        prop_assert!(region.x + region.width <= size.0 && region.y + region.height <= size.1);
    }

    #[test]
    fn a_box_inside_is_covered(x in 0.0..400.0_f32, y in 0.0..400.0_f32, w in 1.0..100.0_f32, h in 1.0..100.0_f32, margin in 0.0..1.0_f32) {
        let region = crop_region((500, 500), &BBox::new(x, y, x + w, y + h), CropRule { margin });
        prop_assert!(region.x as f32 <= x && region.y as f32 <= y);
        prop_assert!((region.x + region.width) as f32 >= x + w && (region.y + region.height) as f32 >= y + h);
    }
}
