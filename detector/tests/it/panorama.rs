//! The detector that ships, on panoramas of one shelf: n copies of it hold n times the facings.

use std::path::Path;

use detector::{LoadOptions, YoloDetector, load};
use vision::{Confidences, DetectOptions, Detections, Detector, Doubt, RgbImage};

use crate::support::photo;

fn shipped() -> YoloDetector {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/detector");
    let cards = std::fs::read_dir(&models).unwrap().map(|entry| entry.unwrap().path());
    let mut weights: Vec<_> = cards.filter(|path| path.extension().is_some_and(|e| e == "onnx")).collect();
    weights.sort();
    load(&weights.pop().expect("a detector ships"), &LoadOptions::default()).unwrap()
}

/// Part of the synthetic shelf in the repository, 4:3.
fn shelf() -> RgbImage {
    let image = photo(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shelf.jpg"));
    let (width, height) = (480, 360);
    image::imageops::crop_imm(&image, (image.width() - width) / 2, (image.height() - height) / 2, width, height)
        .to_image()
}

fn copies(image: &RgbImage, times: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width * times, height, |x, y| *image.get_pixel(x % width, y))
}

fn pass(detector: &YoloDetector, image: RgbImage) -> Detections {
    let options = DetectOptions {
        confidence: Confidences::uniform(0.5),
        iou: 0.5,
        max_detections: 1000,
        ..DetectOptions::default()
    };
    detector.detect_detailed(&[image], &options).unwrap().remove(0)
}

#[test]
fn panoramas_of_n_shelves_hold_n_times_the_facings() {
    let (detector, shelf) = (shipped(), shelf());
    let one = pass(&detector, shelf.clone()).detections.len() as f64;
    assert!(one >= 4.0, "{one} facings");
    for times in [2, 3, 5, 8] {
        let seen = pass(&detector, copies(&shelf, times));
        let (found, expected) = (seen.detections.len() as f64, one * f64::from(times));
        let off = (found / expected - 1.0).abs();
        assert!(off <= 0.25, "{times} shelves: {found} facings, expected {expected}: {:?}", seen.trace);
    }
}

#[test]
fn what_cannot_be_seen_is_said() {
    let detector = shipped();
    let doubts = |image: RgbImage| pass(&detector, image).trace.doubts;
    let grey = RgbImage::from_pixel(4000, 200, image::Rgb([114; 3]));
    assert_eq!(doubts(grey), [Doubt::NothingSeen { width: 4000, height: 200 }]);
    assert_eq!(doubts(RgbImage::new(100, 100)), [Doubt::TinyPhoto { width: 100, height: 100 }]);
    let blurred = image::imageops::blur(&shelf(), 6.0);
    assert!(doubts(blurred).contains(&Doubt::OutOfFocus));
    assert!(!doubts(shelf()).contains(&Doubt::OutOfFocus));
}
