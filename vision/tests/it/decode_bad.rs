//! Bytes that are no photo, cost too much, are cut short or damaged.

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::{ExtendedColorType, ImageEncoder, RgbImage};
use proptest::prelude::*;
use vision::decode::{FileKind, Format};
use vision::{DecodeError, DecodeLimits, decode};

use crate::read;

fn error(bytes: &[u8]) -> DecodeError {
    decode(bytes, &DecodeLimits::default()).expect_err("these bytes are not a sound photo")
}

/// Far above what any of these refusals takes, far below what decoding would.
const AT_ONCE: Duration = Duration::from_millis(250);

#[test]
fn other_files_are_called_by_their_name() {
    let cases: &[(&[u8], &str)] = &[
        (b"GIF89a\x01\0\x01\0", "a GIF"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "a BMP"),
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC photo"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "an AVIF image"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", "an AVIF image"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a sound file"),
        (b"8BPS\0\x01", "a Photoshop document"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
        (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "an SVG drawing"),
        (b"{\"image\": 1}", "JSON"),
        (b"data:image/jpeg;base64,/9j/4AAQ", "base64 text"),
        (b"/9j/4AAQSkZJRgABAQ", "base64 text"),
        ("Прайс-лист на ноябрь".as_bytes(), "text"),
        (b"BMW catalogue", "text"),
        (b"\x00\x01\x02\x03\x04", "an unknown kind of file (it begins with 00 01 02 03)"),
        (b"\x7f", "an unknown kind of file"),
    ];
    for (bytes, name) in cases {
        let error = error(bytes);
        let text = error.to_string();
        assert!(matches!(error, DecodeError::NotAPhoto { .. }), "{name}: {text}");
        assert!(text.contains(&format!("this is {name}")), "{name}: {text}");
        assert!(text.contains("send a JPEG, PNG or WebP"), "{name}: {text}");
    }
    let long_text = "ё".repeat(600);
    assert!(matches!(error(long_text.as_bytes()), DecodeError::NotAPhoto { found: FileKind::Text }));
    assert!(matches!(error(b""), DecodeError::Empty));
}

#[test]
fn a_file_above_the_limit_of_bytes_is_refused() {
    let limits = DecodeLimits { max_bytes: 100, ..DecodeLimits::default() };
    let found = decode(&read("images/420.jpg"), &limits).unwrap_err();
    assert!(matches!(found, DecodeError::TooManyBytes { actual: 1196, limit: 100 }), "{found}");
}

#[test]
fn size_is_checked_before_anything_is_allocated() {
    for (name, bytes) in
        [("PNG", png_header(30_000, 30_000)), ("JPEG", jpeg_of(30_000, 30_000, 200)), ("WebP", vp8l(16_000, 16_000))]
    {
        let start = Instant::now();
        let found = error(&bytes);
        assert!(start.elapsed() < AT_ONCE, "{name} took {:?}", start.elapsed());
        assert!(matches!(found, DecodeError::TooManyPixels { limit: 50_000_000, .. }), "{name}: {found}");
    }
    let found = error(&png_header(30_000, 30_000)).to_string();
    assert!(found.contains("30000 x 30000") && found.contains("900.0 million") && found.contains("50.0"), "{found}");
    // Exactly at the limit is allowed.
    let limits = DecodeLimits { max_pixels: 45 * 37, ..DecodeLimits::default() };
    assert!(decode(&read("images/rgb.png"), &limits).is_ok());
    let limits = DecodeLimits { max_pixels: 45 * 37 - 1, ..DecodeLimits::default() };
    for name in ["rgb.png", "420.jpg", "lossy.webp", "lossless.webp", "alpha.webp"] {
        let found = decode(&read(&format!("images/{name}")), &limits).unwrap_err();
        assert!(matches!(found, DecodeError::TooManyPixels { width: 45, height: 37, .. }), "{name}: {found}");
    }
}

#[test]
fn a_canvas_does_not_hide_a_larger_frame() {
    // The extended header of WebP says 1 x 1, the image inside is larger than allowed.
    let mut canvas = b"VP8X\x0a\0\0\0\0\0\0\0".to_vec();
    canvas.extend([0; 6]);
    let mut file = vp8l(16_000, 16_000);
    file.splice(12..12, canvas);
    assert!(matches!(error(&file), DecodeError::TooManyPixels { width: 16_000, .. }));
}

#[test]
fn a_claim_of_many_pixels_in_a_few_bytes_is_refused_before_they_are_allocated() {
    let start = Instant::now();
    let found = error(&jpeg_of(7_000, 7_000, 300));
    assert!(matches!(found, DecodeError::Truncated { format: Format::Jpeg }), "{found}");
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
}

#[test]
fn a_thousand_scans_are_refused_at_once() {
    let bomb = with_more_scans(&read("images/progressive-420.jpg"), 1_000);
    let start = Instant::now();
    let found = error(&bomb);
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
    assert!(matches!(found, DecodeError::TooManyScans { limit: 100, actual } if actual > 1_000), "{found}");
    // The limit is configurable, downwards too.
    let limits = DecodeLimits { max_scans: 3, ..DecodeLimits::default() };
    let found = decode(&read("images/progressive-420.jpg"), &limits).unwrap_err();
    assert!(matches!(found, DecodeError::TooManyScans { limit: 3, actual: 10 }), "{found}");
    // A sequential file has one scan a component at most, whatever the limit.
    let found = error(&with_more_scans(&read("images/420.jpg"), 50));
    assert!(matches!(found, DecodeError::Damaged { format: Format::Jpeg, .. }), "{found}");
}

#[test]
fn few_scans_of_many_pixels_are_as_bad_as_many_of_few() {
    let file = read("images/progressive-420.jpg");
    let pixels = decode(&file, &DecodeLimits::default()).expect("it is sound").as_raw().len() as u64 / 3;
    let within =
        |times: u64| decode(&file, &DecodeLimits { max_scan_pixels: times * pixels, ..DecodeLimits::default() });
    assert!(within(9).is_ok(), "ten scans of which most hold one component, or small ones");
    let found = within(5).expect_err("more than five times its pixels");
    assert!(matches!(found, DecodeError::TooMuchScanning { limit, .. } if limit == 5 * pixels), "{found}");
    // What a full-sized image of 100 scans would take ten seconds for is refused by its headers.
    let start = Instant::now();
    let (width, height) = (7_000_u16.to_be_bytes(), 7_000_u16.to_be_bytes());
    let mut bomb = with_more_scans(&file, 30);
    let frame = bomb.windows(2).position(|marker| marker == [0xff, 0xc2]).expect("a frame header");
    bomb[frame + 5..frame + 9].copy_from_slice(&[height, width].concat());
    let found = error(&bomb);
    assert!(matches!(found, DecodeError::TooMuchScanning { limit: 1_000_000_000, .. }), "{found}");
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
}

#[test]
fn what_a_file_will_take_is_known_before() {
    use vision::decode::memory;
    assert_eq!(memory(&vp8l(7_000, 7_000)), 49_000_000 * 10);
    assert_eq!(memory(&png_header(7_000, 7_000)), 49_000_000 * 10);
    assert_eq!(memory(&jpeg_of(7_000, 7_000, 300)), 49_000_000 * 6);
    for name in ALL {
        let file = read(&format!("images/{name}"));
        let pixels = decode(&file, &DecodeLimits::default()).expect(name).as_raw().len() as u64 / 3;
        let each = memory(&file) / pixels;
        assert!((6..=14).contains(&each) && memory(&file).is_multiple_of(pixels), "{name}: {each} bytes a pixel");
    }
    for other in [&b""[..], b"GIF89a", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", &png_header(7, 7)[..20]] {
        assert_eq!(memory(other), 0, "{other:?}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_never_half_an_image() {
    for name in ALL {
        let file = read(&format!("images/{name}"));
        // Behind the last bytes of pixels a file may go on with checksums and an end marker.
        let spare = match name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("png") => 12 + 4 + 4,
            Some("webp") => 1,
            _ => 2 + SLACK,
        };
        for length in 1..file.len() - spare {
            match decode(&file[..length], &DecodeLimits::default()) {
                Ok(_) => panic!("{name} cut to {length} of {} bytes was taken", file.len()),
                Err(DecodeError::Truncated { .. }) => {}
                // So little is left that nobody can tell what it was.
                Err(DecodeError::NotAPhoto { .. }) if length < 12 => {}
                Err(other) => panic!("{name} cut to {length} of {} bytes: {other}", file.len()),
            }
        }
    }
}

/// What the decoder reads ahead: a JPEG that lacks no more than this can only miss the very last blocks.
const SLACK: usize = 12;

const ALL: &[&str] = &[
    "420.jpg",
    "444.jpg",
    "grey.jpg",
    "cmyk.jpg",
    "restarts-420.jpg",
    "progressive-420.jpg",
    "restarts-progressive.jpg",
    "grey-progressive.jpg",
    "large-420.jpg",
    "rgb.png",
    "palette.png",
    "grey16.png",
    "lossy.webp",
    "lossless.webp",
    "alpha.webp",
    "orientation-8.webp",
];

#[test]
fn a_cut_jpeg_that_was_closed_again_is_no_image_either() {
    for name in
        ["420.jpg", "444.jpg", "grey.jpg", "restarts-420.jpg", "progressive-420.jpg", "large-420.jpg", "cmyk.jpg"]
    {
        let file = read(&format!("images/{name}"));
        let scan = file.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
        let first_scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        // In the last scan of a progressive file only the last bit of some coefficients would be missing.
        let until = if name.starts_with("progressive") { scan } else { file.len() - 2 - SLACK };
        for length in first_scan + 20..until {
            let mut closed = file[..length].to_vec();
            if closed.ends_with(&[0xff]) {
                closed.push(0);
            }
            closed.extend([0xff, 0xd9]);
            let found = decode(&closed, &DecodeLimits::default());
            assert!(found.is_err(), "{name} cut to {length} of {} bytes and closed was taken", file.len());
        }
    }
}

#[test]
fn rare_variants_are_named() {
    let arithmetic = replaced(&read("images/420.jpg"), b"\xff\xc0", b"\xff\xc9");
    let deep = {
        let mut file = read("images/420.jpg");
        let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        file[frame + 4] = 12;
        file
    };
    for (bytes, words) in [
        (arithmetic, "this JPEG uses lossless, hierarchical or arithmetic coding"),
        (deep, "this JPEG uses 12 bits a channel"),
        (read("images/animated.webp"), "this WebP uses animation"),
    ] {
        let found = error(&bytes);
        assert!(matches!(found, DecodeError::Unsupported { .. }), "{found}");
        assert!(found.to_string().contains(words), "{found}");
    }
}

#[test]
fn a_broken_header_is_damage_not_a_panic() {
    let no_size = |mut file: Vec<u8>, place: usize, bytes: usize| {
        file[place..place + bytes].fill(0);
        file
    };
    let jpeg = read("images/420.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    for (name, bytes) in [
        ("width 0", no_size(jpeg.clone(), frame + 7, 2)),
        ("height 0", no_size(jpeg.clone(), frame + 5, 2)),
        ("sampling 0", no_size(jpeg.clone(), frame + 11, 1)),
        ("no frame", b"\xff\xd8\xff\xd9".to_vec()),
        ("two frames", [&jpeg[..frame], &jpeg[frame..frame + 19], &jpeg[frame..]].concat()),
        ("PNG width 0", no_size(read("images/rgb.png"), 16, 4)),
        ("PNG without a header", replaced(&read("images/rgb.png"), b"IHDR", b"IDAT")),
        ("PNG without a palette", replaced(&read("images/palette.png"), b"PLTE", b"pLTE")),
        ("WebP without an image", replaced(&read("images/lossy.webp"), b"VP8 ", b"VP8?")),
    ] {
        let found = error(&bytes);
        assert!(matches!(found, DecodeError::Damaged { .. }), "{name}: {found}");
        assert!(found.to_string().contains("damaged"), "{name}: {found}");
    }
}

/// Flat files of real encoders for the mutations below.
fn originals() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = ALL.iter().map(|name| read(&format!("images/{name}"))).collect();
    for name in
        ["411.jpg", "440.jpg", "ycck.jpg", "interlaced.png", "animated.png", "alpha-lossless.webp", "animated.webp"]
    {
        files.push(read(&format!("images/{name}")));
    }
    let image = RgbImage::from_fn(300, 200, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, x as u8]));
    let mut webp = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut webp)
        .write_image(image.as_raw(), 300, 200, ExtendedColorType::Rgb8)
        .expect("memory takes any image");
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).expect("memory takes any image");
    files.extend([webp, png.into_inner()]);
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Whatever is done to a file, it is an image of positive size or an error: no panic, no endless loop.
    #[test]
    fn mutated_files_never_panic(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        doubled in prop::option::of((any::<prop::sample::Index>(), 1..64_usize)),
    ) {
        let files = originals();
        let mut file = which.get(&files).clone();
        for (place, value) in flips {
            let place = place.index(file.len());
            file[place] = value;
        }
        if let Some((place, length)) = doubled {
            let start = place.index(file.len());
            let piece = file[start..(start + length).min(file.len())].to_vec();
            file.splice(start..start, piece);
        }
        if let Some(place) = cut {
            file.truncate(place.index(file.len()));
        }
        let limits = DecodeLimits { max_pixels: 4_000_000, ..DecodeLimits::default() };
        let start = Instant::now();
        match decode(&file, &limits) {
            Ok(image) => prop_assert!(image.width() > 0 && image.height() > 0),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        prop_assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    }

    #[test]
    fn random_bytes_never_panic(start in prop::sample::select(vec![
        &b"\xff\xd8"[..], b"\xff\xd8\xff\xc0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"RIFF\x40\0\0\0WEBPVP8 ", b""
    ]), rest in prop::collection::vec(any::<u8>(), 0..400)) {
        let limits = DecodeLimits { max_pixels: 4_000_000, ..DecodeLimits::default() };
        let _ = decode(&[start, &rest].concat(), &limits);
    }
}

/// A PNG of that size that ends behind its header.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    file
}

/// A sound small JPEG that claims another size and has no more than `tail` bytes of pixels.
fn jpeg_of(width: u16, height: u16, tail: usize) -> Vec<u8> {
    let mut file = read("images/420.jpg");
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("the marker");
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).expect("the marker");
    file.truncate(scan + 14 + tail);
    file.extend([0xff, 0xd9]);
    file
}

/// The header of a lossless WebP of that size with a few bytes of nothing behind it.
fn vp8l(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"RIFF\x1c\0\0\0WEBPVP8L\x10\0\0\0\x2f".to_vec();
    file.extend(((width - 1) | ((height - 1) << 14)).to_le_bytes());
    file.extend([0; 11]);
    file
}

/// The JPEG with its last scan repeated.
fn with_more_scans(file: &[u8], times: usize) -> Vec<u8> {
    let scan = file.windows(2).rposition(|pair| pair == [0xff, 0xda]).expect("the marker");
    let body = &file[scan..file.len() - 2];
    [&file[..file.len() - 2], &body.repeat(times), &[0xff, 0xd9]].concat()
}

fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = file.windows(from.len()).position(|part| part == from).expect("the bytes to replace");
    [&file[..place], to, &file[place + from.len()..]].concat()
}
