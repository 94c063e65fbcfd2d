//! HEIC through libheif, where it is installed: in a process of its own, upright, bounded.
//!
//! The images are those that fuzzing begins with (fuzz/corpus/make.py): what `png/rgb.png` shows, coded by HEVC.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::RgbImage;
use vision::decode::heic;

use crate::shelf::{Workplace, stderr};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name)
}

fn helper(arguments: &[&str], file: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shelf"))
        .arg(heic::HELPER_ARGUMENT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // One that refuses its arguments does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(file);
    child.wait_with_output().expect("it ends")
}

/// Whether libheif is there; said aloud where it is not.
fn installed() -> bool {
    let found = helper(&["probe"], b"").status.success();
    if !found {
        eprintln!("skipped: libheif is not installed (apt install libheif1)");
    }
    found
}

fn file(name: &str) -> (Vec<u8>, [String; 2]) {
    let bytes = std::fs::read(corpus(&format!("heic/{name}"))).expect("it is kept");
    let (width, height) = heic::shown_size(&bytes).expect("a sound file");
    (bytes, [width.to_string(), height.to_string()])
}

fn decoded(name: &str) -> RgbImage {
    let (bytes, [width, height]) = file(name);
    // The coded image is somewhat larger than the shown one.
    let output = helper(&[&width, &height, "64", "64"], &bytes);
    assert!(output.status.success(), "{name}: {}", stderr(&output));
    let pixels = output.stdout.strip_prefix(b"heif-rgb").expect("pixels").to_vec();
    RgbImage::from_raw(width.parse().expect("a number"), height.parse().expect("a number"), pixels).expect("all pixels")
}

/// Mean difference of 8-bit values.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

/// With its alpha, which the decoder of photos lays on white.
fn png(name: &str) -> image::DynamicImage {
    let bytes = std::fs::read(corpus(name)).expect("it is kept");
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).expect("a PNG")
}

#[test]
fn images_come_out_upright_and_in_their_colours() {
    if !installed() {
        return;
    }
    /// Of HEVC with colours at half size, on a steep pattern of 24 x 18 pixels: 0.1 (grey) to 11.0 by another build of the
    /// decoder; a picture that is mirrored or has red and blue exchanged differs by more than 38.
    const LOSS: f64 = 16.0;
    let rgb = png("png/rgb.png").into_rgb8();
    let check = |name: &str, expected: &RgbImage| {
        let off = difference(&decoded(name), expected);
        assert!(off < LOSS, "{name} differs by {off:.1}");
    };
    check("plain.heic", &rgb);
    // Turned by the file's own transformation; its EXIF says the same and does not turn it once more.
    check("on_its_side.heic", &image::imageops::rotate90(&rgb));
    let grey = image::DynamicImage::ImageRgb8(rgb.clone()).into_luma8();
    check("gray.heic", &image::DynamicImage::ImageLuma8(grey).into_rgb8());
    // Laid on white, as PNG is.
    let mut on_white = png("png/rgba.png").into_rgba8();
    for pixel in on_white.pixels_mut() {
        let [r, g, b, a] = pixel.0.map(u32::from);
        *pixel = image::Rgba([r, g, b, 255].map(|v| ((v * a + 255 * (255 - a)) / 255) as u8));
    }
    check("alpha.heic", &image::DynamicImage::ImageRgba8(on_white).into_rgb8());
}

#[test]
fn what_is_wrong_ends_the_helper_alone() {
    if !installed() {
        return;
    }
    let (bytes, [width, height]) = file("plain.heic");
    let check = |arguments: &[&str], bytes: &[u8], part: &str| {
        let output = helper(arguments, bytes);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
        assert!(!output.stdout.starts_with(b"heif-rgb"), "{arguments:?}");
    };
    check(&["25", &height, "64", "64"], &bytes, "another size");
    // Larger than was said, so more memory than was allowed for: refused before it is decoded.
    check(&[&width, &height, "4", "4"], &bytes, "");
    check(&[&width, &height, "64", "64"], &bytes[..bytes.len() / 2], "");
    check(&[&width, &height, "64", "64"], b"", "");
    check(&[&width], &bytes, "not a command");
    check(&["-1", "1", "1", "1"], &bytes, "not a command");
}

#[test]
fn photos_from_phones_are_recognised() {
    let place = Workplace::empty();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let photo = corpus("heic/on_its_side.heic").canonicalize().expect("it is kept");
    let mut command = place.command(&["recognize", photo.to_str().expect("a path"), "--json"]);
    command.current_dir(&root).env("AI_V2_PIPELINE_CONFIG", root.join("configs/pipeline.yaml"));
    let output = command.env("AI_V2_EMBEDDINGS_PATH", place.path("none")).output().expect("the binary runs");
    let said = stderr(&output);
    if installed() {
        let text = String::from_utf8_lossy(&output.stdout);
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}"));
        assert_eq!((&answer["image"]["width"], &answer["image"]["height"]), (&18.into(), &24.into()), "{answer}");
    } else if said.contains("HEIC") {
        assert!(said.contains("apt install libheif1") && said.contains("Most Compatible"), "{said}");
    }
}
