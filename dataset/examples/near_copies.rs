//! How many copies are found as near-duplicates after what copies go through, how many strangers are taken for copies, and how
//! long the search takes: `near_copies DATA [CSV]`, where DATA holds folders of images.
//!
//! Writes `docs/results/near_copies.csv`. A stranger is another image of the folders; many of those "strangers" are in truth
//! the same object a moment later, so the last metric is an upper bound.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dataset::check::NearRule;
use dataset::check::near::NearIndex;
use dataset::check::phash::{CHANGES, Frame, ImageSignature};
use image::{Rgb, RgbImage, imageops};
use rayon::prelude::*;

/// Images that copies are made of.
const ORIGINALS: usize = 96;
/// Hashes in the timed search.
const MANY: usize = 100_000;
/// As `check` has it for what was turned or cropped.
const CHANGED_DISTANCE: u32 = 7;

type Copy = (&'static str, fn(&RgbImage) -> RgbImage);

const COPIES: &[Copy] = &[
    ("half size", |i| shrunk(i, i.width() / 2, i.height() / 2)),
    ("squeezed to 3:4", |i| shrunk(i, i.width() * 3 / 4, i.height())),
    ("0.6 of the brightness", |i| mapped(i, |v| v * 0.6)),
    ("mirrored", |i| imageops::flip_horizontal(i)),
    ("turned by 3 degrees", |i| turned(i, 3.0)),
    ("turned by 7 degrees", |i| turned(i, -7.0)),
    ("turned by 10 degrees", |i| turned(i, 10.0)),
    ("turned by 14 degrees", |i| turned(i, 14.0)),
    ("turned by 10 degrees and mirrored", |i| imageops::flip_horizontal(&turned(i, 10.0))),
    ("cropped by 3 % a side", |i| cropped(i, [0.03; 4])),
    ("cropped by 5 % a side", |i| cropped(i, [0.05; 4])),
    ("cropped by 8 % a side", |i| cropped(i, [0.08; 4])),
    ("cropped by 10 % a side", |i| cropped(i, [0.10; 4])),
    ("cropped by 8 % on two sides", |i| cropped(i, [0.08, 0.0, 0.0, 0.08])),
    ("cropped by 12 % on one side", |i| cropped(i, [0.12, 0.0, 0.0, 0.0])),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("name the folder with the images")?);
    let output = arguments.next().unwrap_or_else(|| "docs/results/near_copies.csv".to_owned());
    let mut files = Vec::new();
    images(&root, &mut files)?;
    files.sort();
    let signatures: Vec<ImageSignature> = files
        .par_iter()
        .filter_map(|path| dataset::image_file::load(path).ok())
        .map(|image| ImageSignature::of(&image))
        .collect();
    let stride = (files.len() / ORIGINALS).max(1);
    let originals: Vec<&PathBuf> = files.iter().step_by(stride).take(ORIGINALS).collect();
    let rule = NearRule::default();
    let mut csv = format!(
        "# cargo run --release -p dataset --example near_copies; {} images, copies of {} of them; at most {} bits, correlation \
         from {}\nwhat,found_unchanged,found,of\n",
        signatures.len(),
        originals.len(),
        rule.distance,
        rule.correlation
    );
    for (name, copy) in COPIES {
        let found: Vec<(bool, bool)> = originals
            .par_iter()
            .map(|path| {
                let image = dataset::image_file::load(path)?;
                let (one, other) = (ImageSignature::of(&image), ImageSignature::of(&copy(&image)));
                let plain = plain(&one, &other, rule);
                Ok((plain, plain || changed(&one, &other, rule) || changed(&other, &one, rule)))
            })
            .collect::<Result<_, dataset::image_file::ImageFileError>>()?;
        let count = |pick: fn(&(bool, bool)) -> bool| found.iter().filter(|f| pick(f)).count();
        let line = format!("{name},{},{},{}\n", count(|f| f.0), count(|f| f.1), found.len());
        print!("{line}");
        csv += &line;
    }
    let strangers: Vec<(usize, usize)> = (0..signatures.len())
        .into_par_iter()
        .map(|a| {
            let rest = &signatures[a + 1..];
            let near = rest.iter().filter(|b| plain(&signatures[a], b, rule)).count();
            let all = rest
                .iter()
                .filter(|b| {
                    plain(&signatures[a], b, rule)
                        || changed(&signatures[a], b, rule)
                        || changed(b, &signatures[a], rule)
                })
                .count();
            (near, all)
        })
        .collect();
    let pairs = signatures.len() * (signatures.len() - 1) / 2;
    let sum = |pick: fn(&(usize, usize)) -> usize| strangers.iter().map(pick).sum::<usize>();
    let line = format!("pairs of different images,{},{},{pairs}\n", sum(|s| s.0), sum(|s| s.1));
    print!("{line}");
    csv += &line;
    csv += &search();
    dataset::files::write_atomic(Path::new(&output), |writer| writer.write_all(csv.as_bytes()))?;
    Ok(())
}

fn images(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            images(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|e| ["jpg", "jpeg", "png"].iter().any(|known| e.eq_ignore_ascii_case(known)))
        {
            files.push(path);
        }
    }
    Ok(())
}

fn plain(one: &ImageSignature, other: &ImageSignature, rule: NearRule) -> bool {
    [(one.hash, false), (ImageSignature::mirrored(one.hash), true)].into_iter().any(|(hash, mirrored)| {
        (hash ^ other.hash).count_ones() <= rule.distance && one.correlation(other, mirrored) >= rule.correlation
    })
}

fn changed(one: &ImageSignature, other: &ImageSignature, rule: NearRule) -> bool {
    CHANGES.iter().zip(one.changed).any(|(change, hash)| {
        let target = if change.frame == Frame::Whole { other.hash } else { other.middle };
        [(hash, false), (ImageSignature::mirrored(hash), true)].into_iter().any(|(hash, mirrored)| {
            (hash ^ target).count_ones() <= CHANGED_DISTANCE
                && one.likeness(change, other, mirrored) >= rule.correlation
        })
    })
}

/// Times looking up 100,000 hashes, each in all its forms, among one another.
fn search() -> String {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let hashes: Vec<u64> = (0..MANY).map(|_| next()).collect::<BTreeSet<_>>().into_iter().collect();
    let began = Instant::now();
    let index = NearIndex::new(&hashes);
    let found: usize = hashes
        .par_iter()
        .map(|&hash| {
            let plain = [hash, ImageSignature::mirrored(hash)]
                .map(|query| index.near(query, NearRule::default().distance).len());
            // As many other queries as changes, spread like hashes of images.
            let changed = (1..=CHANGES.len() as u32).flat_map(|k| {
                let query = hash.rotate_left(4 * k) ^ u64::from(k).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                [query, ImageSignature::mirrored(query)]
            });
            plain.iter().sum::<usize>() + changed.map(|query| index.near(query, CHANGED_DISTANCE).len()).sum::<usize>()
        })
        .sum();
    let seconds = began.elapsed().as_secs_f64();
    let line = format!(
        "# search of {MANY} hashes among themselves with {} forms each, {} threads: {seconds:.2} s ({found} hits)\n",
        2 + 2 * CHANGES.len(),
        rayon::current_num_threads()
    );
    print!("{line}");
    line
}

fn mapped(image: &RgbImage, change: impl Fn(f32) -> f32) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        Rgb(image.get_pixel(x, y).0.map(|v| change(f32::from(v)).clamp(0.0, 255.0) as u8))
    })
}

/// Nearest pixels: what small programs do to make images smaller.
fn shrunk(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width.max(1), height.max(1), |x, y| {
        *image.get_pixel(x * image.width() / width.max(1), y * image.height() / height.max(1))
    })
}

fn turned(image: &RgbImage, degrees: f32) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (sin, cos) = degrees.to_radians().sin_cos();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let (dx, dy) = (x as f32 - w / 2.0, y as f32 - h / 2.0);
        let (sx, sy) = (w / 2.0 + dx * cos - dy * sin, h / 2.0 + dx * sin + dy * cos);
        let inside = sx >= 0.0 && sy >= 0.0 && sx < w && sy < h;
        if inside { *image.get_pixel(sx as u32, sy as u32) } else { Rgb([0; 3]) }
    })
}

/// Fractions cut off on the left, above, on the right, below.
fn cropped(image: &RgbImage, [left, top, right, bottom]: [f32; 4]) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (x, y) = ((left * w) as u32, (top * h) as u32);
    let (width, height) = ((w * (1.0 - left - right)) as u32, (h * (1.0 - top - bottom)) as u32);
    imageops::crop_imm(image, x, y, width.max(1), height.max(1)).to_image()
}
