//! The same weights on both engines, in one run: milliseconds per image, interleaved so that a machine that slows down slows
//! both.
//!
//! ```sh
//! cargo run --release -p tools --example engines -- --csv docs/results/engines.csv
//! ```
//!
//! The networks are those of the configuration (or of `AI_V2_DETECTOR_MODEL` and `AI_V2_CLASSIFIER_MODEL`), which must be ONNX
//! files both engines can read. Times hold everything a caller waits for: resize, inference, decoding of the output.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use pipeline::config::{EngineName, Overrides, PipelineConfig};
use pipeline::load::{load_detector, load_embedder};
use vision::{DetectOptions, Detector, Embedder, RgbImage, Tiling};

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "configs/pipeline.yaml")]
    config: PathBuf,
    /// Rounds; the median is reported
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    #[arg(long)]
    csv: Option<PathBuf>,
}

/// An image that is neither flat nor noise.
fn image(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |scale: u32| ((x * scale + seed * 37) ^ (y * (scale + 3))) as u8;
        image::Rgb([wave(3), wave(5), wave(7)])
    })
}

fn milliseconds(images: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3 / images as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let overrides = Overrides {
        detector_model: path("AI_V2_DETECTOR_MODEL"),
        embedder_model: path("AI_V2_CLASSIFIER_MODEL"),
        gallery_path: None,
    };
    let config = PipelineConfig::read(&args.config, &overrides)?;
    let with = |name| {
        let mut config = config.clone();
        config.engine.name = name;
        config
    };
    let (ort, candle) = (with(EngineName::Onnxruntime), with(EngineName::Candle));
    let detectors = [load_detector(&ort)?, load_detector(&candle)?];
    let embedders = [load_embedder(&ort)?, load_embedder(&candle)?];

    let photo = [image(640, 640, 1)];
    let options = DetectOptions { tiling: Tiling::Off, ..DetectOptions::default() };
    let crops: Vec<RgbImage> = (0..8).map(|seed| image(90, 240, seed)).collect();
    let workloads: [(&str, usize); 3] =
        [("detector, one 640x640 photo", 1), ("embedder, one crop", 1), ("embedder, 8 crops", 8)];
    let run = |workload: usize, engine: usize| -> anyhow::Result<f64> {
        let images = workloads[workload].1;
        let mut result = Ok(());
        let time = milliseconds(images, || {
            result = match workload {
                0 => detectors[engine].detect(&photo, &options).map(drop),
                _ => embedders[engine].embed(&crops[..images]).map(drop),
            };
        });
        result?;
        Ok(time)
    };

    let mut csv = format!(
        "# command: cargo run --release -p tools --example engines (median of {} interleaved rounds)\n# {}\n# {}\n# {}\n# {}\n\
         workload,onnxruntime_ms_per_picture,candle_ms_per_picture,ratio\n",
        args.rounds,
        detectors[0].describe(),
        detectors[1].describe(),
        embedders[0].describe(),
        embedders[1].describe()
    );
    for (workload, (name, _)) in workloads.iter().enumerate() {
        let mut times = [Vec::new(), Vec::new()];
        for engine in [0, 1] {
            run(workload, engine)?; // warm-up
        }
        for _ in 0..args.rounds {
            for engine in [0, 1] {
                times[engine].push(run(workload, engine)?);
            }
        }
        let [ort, candle] = times.map(median);
        csv += &format!("\"{name}\",{ort:.2},{candle:.2},{:.1}\n", candle / ort);
    }
    print!("{csv}");
    if let Some(path) = &args.csv {
        fs::write(path, csv)?;
    }
    Ok(())
}
