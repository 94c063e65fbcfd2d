//! Bottles found on labelled photos, with and without tiles, as CSV.
//!
//! ```text
//! cargo run -p detector --example shelf_report -- WEIGHTS MIN FOLDER... > docs/results/shelf_scenes_yolov8n.csv
//! ```
//!
//! Photos with fewer than MIN bottles are left out. `FOLDER@2` repeats every photo 2 x 2 times in one: the same facings on a
//! wider shelf, photographed by a camera of as much higher resolution. A folder holds `*.jpg` with labels in YOLO's text format beside them (`scene.txt`), or in a folder `labels` beside the
//! folder. Class 0 is a bottle. A true box counts as found when a detection of class `bottle` overlaps it with IoU >= .5; each
//! detection, the surest first, takes the free true box that it overlaps most.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use detector::{LoadOptions, YoloDetector, load};
use vision::{BBox, DecodeLimits, DetectOptions, Detection, Detector, RgbImage};

const IOU: f32 = 0.5;

const GRIDS: [&str; 7] = ["off", "auto", "2x1", "2x2", "3x2", "3x3", "4x4"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, min, folders @ ..] = arguments.as_slice() else {
        return Err("usage: shelf_report WEIGHTS MIN FOLDER[@TIMES]...".into());
    };
    let min: usize = min.parse()?;
    let detector = load(Path::new(weights), &LoadOptions::default())?;
    // The default cuts the list at 300, too short for the repeated shelves.
    let options = DetectOptions { max_detections: 1000, ..DetectOptions::default() };
    println!(
        "# command: cargo run -p detector --example shelf_report -- {}",
        arguments.iter().map(|path| short(path)).collect::<Vec<_>>().join(" ")
    );
    println!("# detector: {}", detector.describe());
    println!(
        "# confidence {}, NMS IoU {}, class-agnostic; match at IoU {IOU}, class bottle",
        options.confidence, options.iou
    );
    println!("set,tiles,photos,photos_tiled,bottles,detections,matched,recall,precision");
    for folder in folders {
        let (path, times) = folder.split_once('@').unwrap_or((folder, "1"));
        let mut photos = read(Path::new(path), times.parse()?)?;
        photos.retain(|photo| photo.bottles.len() >= min);
        for grid in GRIDS {
            let options = DetectOptions { tiling: grid.parse()?, ..options.clone() };
            println!("{},{grid},{}", short(folder), Row::measure(&detector, &photos, &options)?);
        }
    }
    Ok(())
}

/// What one setting finds on one set.
#[derive(Default)]
struct Row {
    photos: usize,
    tiled: usize,
    bottles: usize,
    detections: usize,
    matched: usize,
}

impl Row {
    fn measure(detector: &YoloDetector, photos: &[Photo], options: &DetectOptions) -> Result<Self, Box<dyn Error>> {
        let bottle = detector.classes().iter().position(|name| name == "bottle").ok_or("the model knows no bottles")?;
        let mut row = Self { photos: photos.len(), ..Self::default() };
        for photo in photos {
            let images = std::slice::from_ref(&photo.image);
            let seen = detector.detect_detailed(images, options)?.remove(0);
            row.tiled += usize::from(seen.trace.passes.len() > 1);
            let found: Vec<Detection> = seen.detections.into_iter().filter(|d| d.class.index() == bottle).collect();
            row.bottles += photo.bottles.len();
            row.detections += found.len();
            row.matched += matched(&found, &photo.bottles);
        }
        Ok(row)
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { photos, tiled, bottles, detections, matched } = self;
        let fraction = |of: usize| *matched as f64 / of as f64;
        let (recall, precision) = (fraction(*bottles), fraction(*detections));
        write!(f, "{photos},{tiled},{bottles},{detections},{matched},{recall:.4},{precision:.4}")
    }
}

struct Photo {
    image: RgbImage,
    bottles: Vec<BBox>,
}

impl Photo {
    /// Side by side and above one another.
    fn repeated(self, times: u32) -> Self {
        let (width, height) = self.image.dimensions();
        let image =
            RgbImage::from_fn(width * times, height * times, |x, y| *self.image.get_pixel(x % width, y % height));
        let places = (0..times * times).map(|i| ((i % times * width) as f32, (i / times * height) as f32));
        let bottles = places.flat_map(|(x, y)| self.bottles.iter().map(move |b| b.translate(x, y))).collect();
        Self { image, bottles }
    }
}

fn read(folder: &Path, times: u32) -> Result<Vec<Photo>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jpg" || extension == "png"));
    files.sort();
    files.iter().map(|file| Ok(read_photo(file)?.repeated(times))).collect()
}

fn read_photo(file: &Path) -> Result<Photo, Box<dyn Error>> {
    let image = vision::decode(&fs::read(file)?, &DecodeLimits::default())?;
    let beside = file.with_extension("txt");
    let in_labels = || Some(file.parent()?.parent()?.join("labels").join(beside.file_name()?));
    let labels = if beside.exists() { beside } else { in_labels().ok_or("no labels")? };
    let (width, height) = (image.width() as f32, image.height() as f32);
    let mut bottles = Vec::new();
    for line in fs::read_to_string(&labels)?.lines() {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f32>, _>>()?;
        if let [0.0, x, y, w, h] = numbers[..] {
            bottles.push(BBox::from_center(x * width, y * height, w * width, h * height));
        }
    }
    Ok(Photo { image, bottles })
}

fn matched(found: &[Detection], truth: &[BBox]) -> usize {
    let mut free = truth.to_vec();
    for detection in found {
        let overlap = |b: &BBox| b.iou(&detection.bbox);
        let best = (0..free.len()).max_by(|&a, &b| overlap(&free[a]).total_cmp(&overlap(&free[b])));
        if let Some(best) = best.filter(|&best| overlap(&free[best]) >= IOU) {
            free.swap_remove(best);
        }
    }
    truth.len() - free.len()
}

/// Paths in reports start below the shared data.
fn short(path: &str) -> String {
    path.rsplit_once("shared/data/").map_or(path.to_owned(), |(_, rest)| format!("$SHELF_DATA/{rest}"))
}
