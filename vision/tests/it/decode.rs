//! Pixels against Pillow's (libjpeg-turbo, libpng, libwebp); `tests/fixtures/make_images.py` made both sides.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::crop_imm;
use proptest::prelude::*;
use serde::Deserialize;
use vision::{DecodeLimits, RgbImage, decode};

use crate::{difference, image, read};

#[derive(Deserialize)]
struct Expected {
    file: String,
    width: u32,
    height: u32,
    top: u32,
}

fn expectations() -> Vec<(String, RgbImage)> {
    let sheet = image("images/expected.png");
    let entries: Vec<Expected> = serde_json::from_slice(&read("images/expected.json")).expect("a list");
    let cut = |e: &Expected| crop_imm(&sheet, 0, e.top, e.width, e.height).to_image();
    entries.into_iter().map(|e| (e.file.clone(), cut(&e))).collect()
}

#[test]
fn every_kind_of_file_has_the_pixels_pillow_reads() {
    let mut worst = Vec::new();
    for (file, expected) in expectations() {
        let found = decode(&read(&format!("images/{file}")), &DecodeLimits::default())
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(found.dimensions(), expected.dimensions(), "{file}");
        let (max, mean) = difference(&found, &expected);
        // The same library decodes here and there: JPEGs agree to the bit.
        let (may, may_mean) = if file.ends_with(".jpg") { (0, 0.0) } else { (1, 0.5) };
        if max > may || mean > may_mean {
            worst.push(format!("{file}: differs by up to {max}, {mean:.3} on average"));
        }
    }
    assert!(worst.is_empty(), "{worst:#?}");
}

#[test]
fn the_eight_orientations_are_turns_of_one_image() {
    let stored = image_of("orientation-1.jpg");
    let (w, h) = stored.dimensions();
    type Source = fn(u32, u32, u32, u32) -> (u32, u32);
    // Where the upright pixel (x, y) lies in the stored image of w x h (EXIF 2.3, tag 0x0112).
    let cases: [(u8, Source); 8] = [
        (1, |x, y, _, _| (x, y)),
        (2, |x, y, w, _| (w - 1 - x, y)),
        (3, |x, y, w, h| (w - 1 - x, h - 1 - y)),
        (4, |x, y, _, h| (x, h - 1 - y)),
        (5, |x, y, _, _| (y, x)),
        (6, |x, y, _, h| (y, h - 1 - x)),
        (7, |x, y, w, h| (w - 1 - y, h - 1 - x)),
        (8, |x, y, w, _| (w - 1 - y, x)),
    ];
    for (orientation, source) in cases {
        let upright = image_of(&format!("orientation-{orientation}.jpg"));
        let size = if orientation < 5 { (w, h) } else { (h, w) };
        assert_eq!(upright.dimensions(), size, "orientation {orientation}");
        for (x, y, pixel) in upright.enumerate_pixels() {
            let (sx, sy) = source(x, y, w, h);
            assert_eq!(pixel, stored.get_pixel(sx, sy), "orientation {orientation} at {x}, {y}");
        }
    }
}

#[test]
fn large_images_turn_like_small_ones() {
    // Larger than the blocks in which pixels are moved, and no multiple of them.
    let stored = RgbImage::from_fn(101, 67, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let mut file = Vec::new();
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
    encoder.encode_image(&stored).unwrap();
    let plain = decode(&file, &DecodeLimits::default()).unwrap();
    file.splice(2..2, exif.iter().copied());
    let turned = decode(&file, &DecodeLimits::default()).unwrap();
    assert!(turned == image::imageops::rotate90(&plain));
}

#[test]
fn a_trailer_behind_the_image_does_not_matter() {
    for name in ["420.jpg", "progressive-420.jpg", "grey.jpg"] {
        let mut file = read(&format!("images/{name}"));
        let plain = decode(&file, &DecodeLimits::default()).unwrap();
        file.extend(b"SEFT trailer of a phone \xff\xd8\xff\xe1 and half a second image");
        assert!(decode(&file, &DecodeLimits::default()).unwrap() == plain, "{name}");
    }
}

#[test]
fn a_missing_end_marker_does_not_matter_when_the_pixels_are_there() {
    for name in ["420.jpg", "444.jpg", "grey.jpg", "restarts-420.jpg", "cmyk.jpg", "size-1x1.jpg", "size-3x64.jpg"] {
        let file = read(&format!("images/{name}"));
        let plain = decode(&file, &DecodeLimits::default()).unwrap();
        let open = file.strip_suffix(b"\xff\xd9").expect("an end marker");
        assert!(decode(open, &DecodeLimits::default()).unwrap() == plain, "{name}");
    }
}

#[test]
fn stray_bytes_between_segments_do_not_matter() {
    for name in ["420.jpg", "progressive-420.jpg"] {
        let file = read(&format!("images/{name}"));
        let plain = decode(&file, &DecodeLimits::default()).unwrap();
        for stray in [&b"\0\0\0\0\0\0\0\0\0\0"[..], b"\xff\xff\xff\xff", b"padding of a camera"] {
            let length = usize::from(u16::from_be_bytes([file[4], file[5]]));
            let mut padded = file.clone();
            padded.splice(4 + length..4 + length, stray.iter().copied());
            assert!(decode(&padded, &DecodeLimits::default()).unwrap() == plain, "{name} with {stray:?}");
        }
    }
}

#[test]
fn flat_images_of_any_height_decode_without_their_end_marker() {
    // A flat block takes a handful of bits: the decoder reads whole rows of them ahead.
    for height in [1, 8, 9, 16, 17, 100, 333] {
        let flat = RgbImage::from_pixel(8, height, image::Rgb([255; 3]));
        let mut file = Vec::new();
        JpegEncoder::new(&mut file).encode_image(&flat).unwrap();
        let open = file.strip_suffix(b"\xff\xd9").expect("an end marker");
        assert_eq!(decode(open, &DecodeLimits::default()).unwrap().dimensions(), (8, height));
    }
}

#[test]
fn nonsense_exif_leaves_the_image_as_it_is_stored() {
    let file = read("images/orientation-6.jpg");
    let place = file.windows(2).position(|pair| pair == [0x01, 0x12] || pair == [0x12, 0x01]).unwrap();
    let stored = image_of("orientation-1.jpg");
    for (at, value) in [(place, 0x77), (place + 8, 99), (place + 9, 99), (place + 2, 9)] {
        let mut broken = file.clone();
        broken[at] = value;
        let found = decode(&broken, &DecodeLimits::default()).unwrap();
        assert!(found.dimensions() == stored.dimensions() || found.height() == stored.width(), "byte {at}");
    }
}

fn image_of(name: &str) -> RgbImage {
    decode(&read(&format!("images/{name}")), &DecodeLimits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What the encoder of another crate wrote comes back at its size and nearly in its colours.
    #[test]
    fn any_size_comes_back(width in 1..80_u32, height in 1..80_u32, quality in 60..=100_u8) {
        let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 3) as u8, (y * 3) as u8, 90]));
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality).encode_image(&image).unwrap();
        let found = decode(&file, &DecodeLimits::default()).unwrap();
        let (_, mean) = difference(&found, &image);
        prop_assert!(mean < 12.0, "{}", mean);
    }
}
