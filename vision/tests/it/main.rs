//! What `vision` promises, held against it.

mod card;
mod crop;
mod decode;
mod decode_bad;
mod geometry;
mod letterbox;
mod nms;
mod preprocess;
mod random;
mod tiles;
mod values;

use std::path::PathBuf;

use vision::{RgbImage, decode as decode_photo};

/// A file of the fixtures.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = fixture(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A reference image. Only PNGs are read this way, and how PNGs are read is tested by itself.
fn image(name: &str) -> RgbImage {
    decode_photo(&read(name), &vision::DecodeLimits::default()).expect("a reference image")
}

/// Largest and mean difference of two images, in grey levels.
fn difference(a: &RgbImage, b: &RgbImage) -> (u8, f64) {
    assert_eq!(a.dimensions(), b.dimensions());
    let differences = a.as_raw().iter().zip(b.as_raw()).map(|(&a, &b)| a.abs_diff(b));
    let max = differences.clone().max().unwrap_or(0);
    (max, differences.map(f64::from).sum::<f64>() / a.as_raw().len().max(1) as f64)
}
