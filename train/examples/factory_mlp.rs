//! The network of `shelf factory train` on a table, and how long it took: to be set beside another library's.
//!
//! ```text
//! cargo run --release -p train --example factory_mlp -- TABLE.csv EPOCHS FOLDER
//! ```
//!
//! TABLE has a header, features, and the class as its last column. The first 70 of 100 rows are learned from, 15 are validated
//! with, 15 are for the test. FOLDER gets `model_fp32.tflite`, `model.tflite` (int8) and `rows.json`: scaled rows and classes
//! of all three parts. Prints JSON: seconds of the training, on the clock and of the processor, and accuracies.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use engine::tflite::{Graph, QuantizeOptions, encode, quantize, run_floats};
use serde_json::json;
use train::core::{RunFolder, Stop};
use train::mlp::fit::{best_path, open_network};
use train::mlp::network::argmax;
use train::mlp::{MlpLearner, MlpPlan, Rows, to_tflite};

const CALIBRATION: usize = 100;

type Parts = [Rows; 3];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [table, epochs, folder] = arguments.as_slice() else { return Err("TABLE.csv EPOCHS FOLDER".into()) };
    let folder = Path::new(folder);
    let (features, classes, parts) = read(&fs::read_to_string(table)?)?;
    let [train, validation, test] = &parts;
    let plan = MlpPlan {
        seed: 42,
        hidden: vec![64, 32],
        classes,
        dropout: 0.2,
        learning_rate: 1e-3,
        batch: 32,
        epochs: epochs.parse()?,
        patience: 0,
    };
    let run = tempfile::tempdir()?;
    let run = RunFolder::create(run.path(), "run")?;
    let (start, processor) = (Instant::now(), processor_seconds()?);
    MlpLearner::new(plan, train, validation, table)?.fit(&run, &mut (), &Stop::default())?;
    let (seconds, processor) = (start.elapsed().as_secs_f64(), processor_seconds()? - processor);
    let network = open_network(&best_path(&run))?;
    let graph = to_tflite(&network, "factory_mlp")?;
    let samples = train.x.chunks_exact(features).take(CALIBRATION).map(|row| vec![row.to_vec()]);
    let int8 = quantize(&graph, samples, QuantizeOptions::default())?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("model_fp32.tflite"), encode(&graph))?;
    fs::write(folder.join("model.tflite"), encode(&int8))?;
    let rows: Vec<_> = parts.iter().map(|rows| json!({"x": rows.x, "classes": rows.classes})).collect();
    let about = json!({"features": features, "classes": classes, "calibration": CALIBRATION, "parts": rows});
    fs::write(folder.join("rows.json"), about.to_string())?;
    let said = json!({
        "seconds": seconds,
        "processor_seconds": processor,
        "accuracy": accuracy(&graph, test, features)?,
        "int8_accuracy": accuracy(&int8, test, features)?,
    });
    println!("{said}");
    Ok(())
}

/// Columns, classes, and the rows of the three parts, scaled by the first.
fn read(text: &str) -> Result<(usize, usize, Parts), Box<dyn Error>> {
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    let lines: Vec<(&str, &str)> = text.lines().skip(1).filter_map(|line| line.rsplit_once(',')).collect();
    for (_, name) in &lines {
        names.insert(name, 0);
    }
    names.values_mut().zip(0..).for_each(|(place, at)| *place = at);
    let mut all = Rows::default();
    for (values, name) in &lines {
        for value in values.split(',') {
            all.x.push(value.parse()?);
        }
        all.classes.push(names[name]);
    }
    let count = lines.len();
    let features = all.x.len() / count.max(1);
    let ends = [0, count * 70 / 100, count * 85 / 100, count];
    let learned = &all.x[..ends[1] * features];
    let column = |at: usize| learned.iter().skip(at).step_by(features).map(|value| f64::from(*value));
    let scale: Vec<(f64, f64)> = (0..features)
        .map(|at| {
            let mean = column(at).sum::<f64>() / ends[1] as f64;
            let variance = column(at).map(|value| (value - mean).powi(2)).sum::<f64>() / ends[1] as f64;
            (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
        })
        .collect();
    for row in all.x.chunks_exact_mut(features) {
        row.iter_mut().zip(&scale).for_each(|(x, (mean, std))| *x = ((f64::from(*x) - mean) / std) as f32);
    }
    let part = |at: usize| Rows {
        x: all.x[ends[at] * features..ends[at + 1] * features].to_vec(),
        classes: all.classes[ends[at]..ends[at + 1]].to_vec(),
    };
    Ok((features, names.len(), [part(0), part(1), part(2)]))
}

fn accuracy(graph: &Graph, rows: &Rows, features: usize) -> Result<f64, Box<dyn Error>> {
    let mut right = 0;
    for (row, class) in rows.x.chunks_exact(features).zip(&rows.classes) {
        right += usize::from(argmax(&run_floats(graph, &[row.to_vec()])?[0]) == *class as usize);
    }
    Ok(right as f64 / rows.classes.len() as f64)
}

/// Seconds that this process kept processors busy, in hundredths.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let behind = stat.rsplit_once(')').ok_or("/proc/self/stat reads otherwise here")?.1;
    let ticks: Result<Vec<f64>, _> = behind.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}
