//! Detections on a folder of COCO images, in COCO's results format (JSON), for `scripts/coco_map.py`.
//!
//! ```text
//! cargo run -p detector --example coco_predictions -- WEIGHTS FOLDER [onnxruntime|candle] > predictions.json
//! ```
//!
//! The protocol of the published metrics: letterbox to the full square, confidence .001, IoU .7, several classes per anchor,
//! at most 300 detections per image. `category_id` is the network's own class number, `image_id` the number in the file name.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use detector::{ClassChoice, EngineChoice, LoadOptions, ValidationOptions, load};
use vision::{DecodeLimits, Detector};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (weights, folder, engine) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [weights, folder] | [weights, folder, "onnxruntime"] => (weights, folder, EngineChoice::OnnxRuntime),
        [weights, folder, "candle"] => (weights, folder, EngineChoice::Candle),
        _ => return Err("usage: coco_predictions WEIGHTS FOLDER [onnxruntime|candle]".into()),
    };
    let options = LoadOptions { engine, classes: ClassChoice::All, ..LoadOptions::default() };
    let detector = load(Path::new(weights), &options)?;
    eprintln!("{}", detector.describe());

    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let mut out = std::io::stdout().lock();
    write!(out, "[")?;
    let mut first = true;
    for file in &files {
        let number: u64 = file.file_stem().and_then(|stem| stem.to_str()).ok_or("no file name")?.parse()?;
        let image = vision::decode(&fs::read(file)?, &DecodeLimits::default())?;
        for d in detector.detect_for_validation(&[image], &ValidationOptions::default())?.remove(0) {
            let b = d.bbox;
            write!(
                out,
                "{}\n{{\"image_id\":{number},\"category_id\":{},\"bbox\":[{},{},{},{}],\"score\":{}}}",
                if first { "" } else { "," },
                d.class.index(),
                b.x1,
                b.y1,
                b.width(),
                b.height(),
                d.confidence
            )?;
            first = false;
        }
    }
    writeln!(out, "\n]")?;
    Ok(())
}
