//! Damage to images: seeded, in place, and really there.

use eval::robustness::{Distortion, detection_drops};
use eval::{Bootstrap, match_all};
use vision::RgbImage;

use crate::support::dense_shelves;

/// Stripes and a gradient: edges to blur, levels to shift.
fn image() -> RgbImage {
    RgbImage::from_fn(240, 160, |x, y| {
        let stripe = if (x / 6) % 2 == 0 { 60 } else { 180 };
        image::Rgb([stripe, (x * 255 / 240) as u8, (y * 255 / 160) as u8])
    })
}

fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_damage_is_seeded_and_keeps_the_size() {
    let clean = image();
    for distortion in Distortion::ALL {
        let damaged = distortion.apply(&clean, 7).unwrap();
        assert_eq!(damaged.dimensions(), clean.dimensions(), "{distortion:?}");
        assert_eq!(damaged, distortion.apply(&clean, 7).unwrap(), "{distortion:?} is not seeded");
        let change = difference(&clean, &damaged);
        assert!((1.0..120.0).contains(&change), "{distortion:?} changes pixels by {change}");
        let random =
            matches!(distortion, Distortion::Dark | Distortion::Glare | Distortion::Noise | Distortion::Occlusion);
        let other = distortion.apply(&clean, 8).unwrap();
        assert_eq!(other != damaged, random, "{distortion:?} and seeds");
    }
}

#[test]
fn damage_goes_the_way_its_name_says() {
    let clean = image();
    let mean = |p: &RgbImage| p.iter().map(|v| f64::from(*v)).sum::<f64>() / p.len() as f64;
    let contrast = |p: &RgbImage| {
        let row: Vec<f64> = (0..240).map(|x| f64::from(p.get_pixel(x, 80)[0])).collect();
        row.windows(2).map(|w| (w[0] - w[1]).abs()).sum::<f64>()
    };
    let apply = |d: Distortion| d.apply(&clean, 1).unwrap();
    assert!(mean(&apply(Distortion::Dark)) < 0.5 * mean(&clean));
    assert!(mean(&apply(Distortion::Glare)) > mean(&clean));
    assert!(contrast(&apply(Distortion::Blur)) < contrast(&clean));
    assert!(contrast(&apply(Distortion::Downscale)) < contrast(&clean));
    assert!(contrast(&apply(Distortion::Noise)) > contrast(&clean));
    let noise = difference(&clean, &apply(Distortion::Noise));
    // Mean |x| of a normal is .8 sigma; clipping takes a little.
    assert!((13.0..17.0).contains(&noise), "{noise}");
}

#[test]
fn the_smallest_image_survives() {
    let dot = RgbImage::from_pixel(1, 1, image::Rgb([10, 20, 30]));
    for distortion in Distortion::ALL {
        assert_eq!(distortion.apply(&dot, 3).unwrap().dimensions(), (1, 1), "{distortion:?}");
    }
}

#[test]
fn a_drop_has_an_interval_of_the_change_itself() {
    let set = dense_shelves(2, 10).read();
    let kept = set.predictions().iter().enumerate().filter(|(i, _)| i % 10 != 0).map(|(_, p)| *p).collect();
    let damaged = set.with_predictions(kept).unwrap();
    let bootstrap = Bootstrap { resamples: 200, seed: 1 };
    let line = detection_drops(
        Distortion::Blur,
        &match_all(&set, 300),
        &match_all(&damaged, 300),
        (&vec![0.25; set.classes().len()], bootstrap),
    );
    let recall = &line.metrics[0];
    let (change, interval) = (recall.change.unwrap(), recall.interval.unwrap());
    assert!(change < -0.02, "{change}");
    assert!(interval.low <= change && change <= interval.high && interval.high < 0.0, "{interval:?}");
    assert!(interval.high - interval.low < 0.05, "paired intervals are narrow: {interval:?}");
}
