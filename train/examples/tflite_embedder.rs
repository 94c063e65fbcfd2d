//! An embedder as TFLite on real crops: the interpreter that phones have, in floats and int8, beside the network.
//!
//! ```text
//! cargo run --release -p train --example tflite_embedder -- EMBEDDER.safetensors PYTHON OUT COUNT NAME=FOLDER...
//! ```
//!
//! FOLDER holds a folder of crops for each SKU. Of each set, COUNT crops are taken, evenly from all SKUs with several; every
//! second of a SKU is known, the others are to be told by the nearest known one. PYTHON has ai-edge-litert. OUT gets
//! `fp32.tflite` and `int8.tflite`; int8 is calibrated on 64 of the known crops of all sets. Prints CSV.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use classifier::model::{EmbedderNetwork, Heads};
use engine::tflite::{cost, encode, pixels};
use engine::{Backbone, CandleSession, Device, Session as _, Weights};
use ndarray::{Array4, Axis};
use train::export::classifier::{ExportOptions, onnx};
use train::export::tflite;
use vision::ModelCard;
use vision::preprocess::Region;

/// Crops that ranges are taken from.
const CALIBRATION: usize = 64;

/// A set of crops as the network takes them, each of a SKU.
struct Set {
    name: String,
    images: Vec<Array4<f32>>,
    skus: Vec<usize>,
    /// Known ones; the others are told by them.
    known: Vec<bool>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [embedder, python, out, count, sets @ ..] = arguments.as_slice() else {
        return Err("EMBEDDER.safetensors PYTHON OUT COUNT NAME=FOLDER...".into());
    };
    let (embedder, out) = (Path::new(embedder), Path::new(out));
    let card = ModelCard::read_beside(embedder)?.ok_or("there is no card beside the embedder")?;
    let weights = Weights::open(embedder)?;
    let backbone: &dyn Backbone = card.architecture.parse()?;
    let size = (card.preprocess.height as usize, card.preprocess.width as usize);
    let options = ExportOptions { size, description: card.name.clone(), license: card.license.clone() };
    let graph = tflite::graph(&onnx(&weights, backbone, &options)?, size)?;
    let heads = Heads { classes: None, ..Heads::of(&weights) };
    let network = weights.build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, heads))?;
    let network = CandleSession::of_images(Box::new(network), BTreeMap::new(), &Device::cpu());

    let read = |set: &String| {
        let (name, folder) = set.split_once('=').ok_or("write NAME=FOLDER")?;
        read(name, Path::new(folder), count.parse()?, &card)
    };
    let sets = sets.iter().map(read).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let learned: Vec<&Array4<f32>> = sets
        .iter()
        .flat_map(|set| set.images.iter().zip(&set.known).filter(|(_, known)| **known).map(|(image, _)| image))
        .collect();
    let chosen = (0..CALIBRATION.min(learned.len())).map(|at| learned[at * learned.len() / CALIBRATION].clone());
    let int8 = tflite::quantize(&graph, chosen, &|_| false)?;
    fs::create_dir_all(out)?;
    for (name, graph) in [("fp32", &graph), ("int8", &int8)] {
        fs::write(out.join(format!("{name}.tflite")), encode(graph))?;
    }

    println!(
        "# cargo run --release -p train --example tflite_embedder: {} in TFLite by ai-edge-litert, one thread, no delegates",
        embedder.file_name().unwrap_or_default().display()
    );
    println!(
        "# top-1: every second crop of a SKU is known, the others are told by the nearest known one; cosines with the network"
    );
    println!(
        "set,crops,skus,type,bytes,multiply_adds,arena_bytes,mean_cosine,min_cosine,top1_network,top1,difference,ms_per_crop"
    );
    for set in &sets {
        let exact: Vec<Vec<f32>> = set
            .images
            .iter()
            .map(|image| Ok(network.run(image.view())?.remove(0).array.into_raw_vec_and_offset().0))
            .collect::<Result<_, Box<dyn Error>>>()?;
        let raw = out.join("crops.f32");
        let values = set.images.iter().flat_map(|image| pixels(&image.index_axis(Axis(0), 0)));
        fs::write(&raw, values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
        for (name, graph) in [("fp32", &graph), ("int8", &int8)] {
            let file = out.join(format!("{name}.tflite"));
            let (said, milliseconds) = interpreted(Path::new(python), &file, &raw, set.images.len())?;
            let cosines: Vec<f64> = exact.iter().zip(&said).map(|(a, b)| cosine(a, b)).collect();
            let (before, after) = (top1(set, &exact), top1(set, &said));
            println!(
                "{},{},{},{name},{},{},{},{:.5},{:.5},{before:.4},{after:.4},{:+.4},{milliseconds:.2}",
                set.name,
                set.images.len(),
                set.skus.iter().max().map_or(0, |most| most + 1),
                fs::metadata(&file)?.len(),
                cost(graph).multiply_adds,
                cost(graph).arena_bytes,
                cosines.iter().sum::<f64>() / cosines.len() as f64,
                cosines.iter().copied().fold(1.0, f64::min),
                after - before,
            );
        }
        fs::remove_file(raw)?;
    }
    Ok(())
}

/// Crops of SKUs that have several, evenly.
fn read(name: &str, folder: &Path, count: usize, card: &ModelCard) -> Result<Set, Box<dyn Error>> {
    let sorted = |folder: &Path| -> Result<Vec<PathBuf>, Box<dyn Error>> {
        let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    };
    let mut all = Vec::new();
    for folder in sorted(folder)?.into_iter().filter(|path| path.is_dir()) {
        let files = sorted(&folder)?;
        if files.len() >= 2 {
            all.extend(files.into_iter().map(|file| (file, folder.clone())));
        }
    }
    let taken = (0..count.min(all.len())).map(|at| &all[at * all.len() / count.min(all.len())]);
    let mut set = Set { name: name.to_owned(), images: Vec::new(), skus: Vec::new(), known: Vec::new() };
    let mut places: BTreeMap<&Path, (usize, usize)> = BTreeMap::new();
    let plan = &card.preprocess;
    for (file, folder) in taken {
        let Ok(image) = dataset::image_file::load(file) else { continue };
        let next = places.len();
        let (sku, seen) = places.entry(folder).or_insert((next, 0));
        let mut input = Array4::zeros((1, 3, plan.height as usize, plan.width as usize));
        plan.apply(&image, Region::whole(&image), input.index_axis_mut(Axis(0), 0));
        set.images.push(input);
        set.skus.push(*sku);
        set.known.push(seen.is_multiple_of(2));
        *seen += 1;
    }
    Ok(set)
}

/// An embedding a crop, and milliseconds of the processor for one.
type Interpreted = (Vec<Vec<f32>>, f64);

/// What the interpreter says of all crops, and milliseconds of the processor for one.
fn interpreted(python: &Path, file: &Path, raw: &Path, count: usize) -> Result<Interpreted, Box<dyn Error>> {
    const SCRIPT: &str = "
import sys, time, numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType
model, raw, out = sys.argv[1:]
kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
run = Interpreter(model_path=model, num_threads=1, experimental_op_resolver_type=kind)
run.allocate_tensors()
[a], [b] = run.get_input_details(), run.get_output_details()
crops = numpy.memmap(raw, numpy.float32, 'r').reshape(-1, *a['shape'])
said, spent = [], 0.0
for crop in crops:
    if a['dtype'] == numpy.int8:
        scale, zero = a['quantization']
        crop = numpy.clip(numpy.round(crop / scale) + zero, -128, 127).astype(numpy.int8)
    run.set_tensor(a['index'], crop)
    start = time.process_time()
    run.invoke()
    spent += time.process_time() - start
    answer = run.get_tensor(b['index']).astype(numpy.float32)
    if b['dtype'] == numpy.int8:
        answer = (answer - b['quantization'][1]) * b['quantization'][0]
    said.append(answer.ravel())
numpy.stack(said).astype('<f4').tofile(out)
open(out + '.ms', 'w').write(repr(1000 * spent / len(crops)))
";
    let out = raw.with_extension("said");
    let status = Command::new(python).args(["-c", SCRIPT]).args([file, raw, &out]).status()?;
    if !status.success() {
        return Err(format!("{} failed: is ai-edge-litert installed?", python.display()).into());
    }
    let bytes = fs::read(&out)?;
    let all: Vec<f32> = bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let times = PathBuf::from(format!("{}.ms", out.display()));
    let milliseconds = fs::read_to_string(&times)?.parse()?;
    fs::remove_file(out)?;
    fs::remove_file(times)?;
    Ok((all.chunks_exact(all.len() / count.max(1)).map(<[f32]>::to_vec).collect(), milliseconds))
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Fraction of those that are not known whose nearest known one is of their SKU.
fn top1(set: &Set, embeddings: &[Vec<f32>]) -> f64 {
    let known: Vec<usize> = (0..set.skus.len()).filter(|at| set.known[*at]).collect();
    let asked: Vec<usize> = (0..set.skus.len()).filter(|at| !set.known[*at]).collect();
    let right = asked.iter().filter(|at| {
        let near = |other: &&usize| cosine(&embeddings[**at], &embeddings[**other]);
        known
            .iter()
            .max_by(|a, b| near(a).total_cmp(&near(b)))
            .is_some_and(|nearest| set.skus[*nearest] == set.skus[**at])
    });
    right.count() as f64 / asked.len().max(1) as f64
}
