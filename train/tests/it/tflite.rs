//! Detectors and embedders as TFLite: they say what the network says, in floats and nearly so in int8, and the interpreter that
//! phones have says the same of the files.

use std::path::{Path, PathBuf};

use ::classifier::model::{EmbedderNetwork, Heads};
use detector::model::fold::fold_all;
use detector::model::{Architecture, DetectorNetwork};
use engine::tflite::{Graph, Values, encode, from_onnx, pixels, quantized, run};
use engine::{CandleSession, Device, Session, Weights};
use ndarray::{Array4, Axis};
use train::core::Parameters;
use train::export::classifier as embedder;
use train::export::detector::{ExportOptions, Size, int8, onnx, parity};
use train::export::tflite;
use vision::ModelCard;
use vision::preprocess::Region;

use crate::interpreter::{python, reference};
use crate::support::noise;

const DESIGNS: [&str; 3] = ["yolov8n", "efficientnet_lite0-yolov8n", "efficientnet_b0-yolov8n"];
const SIDES: (usize, usize) = (64, 96);

/// A network with weights as training starts with.
fn fresh(design: &str) -> (Weights, Architecture) {
    let architecture = Architecture::of(design.parse().unwrap(), 4);
    let parameters = Parameters::new(7, None, &Device::cpu());
    DetectorNetwork::load(parameters.builder(), architecture).unwrap();
    let ema = train::core::Ema::new(&parameters.all(), 0.0, 1.0).unwrap();
    (ema.weights(Path::new("fresh.safetensors")).unwrap(), architecture)
}

fn detector_file(weights: &Weights, architecture: Architecture, size: Size) -> Vec<u8> {
    let options = ExportOptions {
        batch: Some(1),
        size,
        names: ["bottle", "can", "glass", "other"].map(str::to_owned).to_vec(),
        side: 96,
        description: "a test".to_owned(),
        license: "none".to_owned(),
        nms: None,
    };
    onnx(weights, architecture, &options).unwrap()
}

fn image(seed: u64) -> Array4<f32> {
    let values = noise(seed, 3 * SIDES.0 * SIDES.1).into_iter().map(|value| (value + 1.0) / 2.0).collect();
    Array4::from_shape_vec((1, 3, SIDES.0, SIDES.1), values).unwrap()
}

/// What the network takes of an image.
fn input(graph: &Graph, image: &Array4<f32>) -> Vec<Values> {
    let pixels = pixels(&image.index_axis(Axis(0), 0));
    let input = graph.tensor(graph.inputs()[0]);
    vec![match &input.quantization {
        Some(meaning) => Values::I8(quantized(&pixels, meaning)),
        None => Values::F32(pixels),
    }]
}

fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Values::I8(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Values::I32(values) => values.iter().map(|value| f64::from(*value)).collect(),
    }
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn detectors_say_what_the_network_says() {
    let mut jobs = Vec::new();
    for design in DESIGNS {
        let (weights, architecture) = fresh(design);
        let folded = fold_all(&weights, architecture.backbone).unwrap();
        let network = folded.build(&Device::cpu(), |vb| DetectorNetwork::load(vb, architecture)).unwrap();
        let network = CandleSession::of_images(Box::new(network), std::collections::BTreeMap::new(), &Device::cpu());
        let file = detector_file(&weights, architecture, Size::Fixed { height: SIDES.0, width: SIDES.1 });
        let graph = tflite::graph(&file, SIDES).unwrap_or_else(|error| panic!("{design}: {error}"));
        let session = tflite::session(graph.clone()).unwrap();
        let found = parity::check_of(&session, &network, &image(3)).unwrap_or_else(|error| panic!("{design}: {error}"));
        println!("{design}: {found:?}");
        // Several images at once are several runs.
        let two = ndarray::concatenate![Axis(0), image(3), image(4)];
        let answers = session.run(two.view()).unwrap().remove(0).array;
        assert_eq!(answers.shape()[..2], [2, 8], "{design}");
        assert_eq!(
            answers.index_axis(Axis(0), 1),
            session.run(image(4).view()).unwrap()[0].array.index_axis(Axis(0), 0)
        );

        let int8 = int8::quantize_tflite(&graph, architecture.design(), (10..14).map(image)).unwrap();
        assert!(encode(&int8).len() * 100 < encode(&graph).len() * 38, "{design} in int8 is large");
        // Boxes and scores stay floats: one scale cannot hold both.
        assert!(!int8.is_int8() && int8.tensor(int8.inputs()[0]).quantization.is_some(), "{design}");
        for graph in [graph, int8] {
            let inputs = input(&graph, &image(5));
            jobs.push((design, graph, inputs));
        }
    }
    let Some(python) = python() else { return };
    let asked: Vec<_> = jobs.iter().map(|(_, graph, inputs)| (encode(graph), vec![inputs.clone()])).collect();
    let said = reference(&python, &asked);
    for ((design, graph, inputs), said) in jobs.iter().zip(said) {
        let found = numbers(&run(graph, inputs).unwrap()[0]);
        let said = &said[0][0];
        assert_eq!(found.len(), said.len());
        let scores = found.len() / 2;
        let furthest = |rows: std::ops::Range<usize>| {
            rows.map(|at| (found[at] - said[at]).abs())
                .fold(0.0_f64, |most, next| if next <= most { most } else { next })
        };
        let (boxes, scores) = (furthest(0..scores), furthest(scores..found.len()));
        println!("{design}: boxes differ from the interpreter's by {boxes} px, scores by {scores}");
        // All int8 is the same to the bit; what differs is how floats are summed up behind it, and before.
        assert!(boxes <= 0.02 && scores <= 1e-4, "{design}: {boxes} {scores}");
    }
}

#[test]
fn an_operator_without_counterpart_is_named() {
    let (weights, architecture) = fresh("yolov8n");
    let error = tflite::graph(&detector_file(&weights, architecture, Size::Any), SIDES).unwrap_err().to_string();
    assert!(error.contains("operator") && error.contains("cannot be written as TFLite"), "{error}");
}

/// The embedder that ships.
fn shipped() -> (Weights, ModelCard) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/classifier/shelf-v3-native.safetensors");
    (Weights::open(&path).unwrap(), ModelCard::read_beside(&path).unwrap().unwrap())
}

/// Images of the example's SKUs as the embedder takes them, by SKU.
fn crops(card: &ModelCard) -> Vec<(PathBuf, Array4<f32>)> {
    let skus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/skus");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(skus)
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    paths.sort();
    let plan = &card.preprocess;
    let read = |path: PathBuf| {
        let image = dataset::image_file::load(&path).unwrap();
        let mut input = Array4::zeros((1, 3, plan.height as usize, plan.width as usize));
        plan.apply(&image, Region::whole(&image), input.index_axis_mut(Axis(0), 0));
        (path.parent().unwrap().to_owned(), input)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn the_embedder_that_ships_says_the_same_in_floats_and_nearly_in_int8() {
    let (weights, card) = shipped();
    let backbone: &dyn engine::Backbone = card.architecture.parse().unwrap();
    let size = (card.preprocess.height as usize, card.preprocess.width as usize);
    let options = embedder::ExportOptions { size, description: String::new(), license: String::new() };
    let graph = tflite::graph(&embedder::onnx(&weights, backbone, &options).unwrap(), size).unwrap();
    let heads = Heads { classes: None, ..Heads::of(&weights) };
    let network = weights.build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, heads)).unwrap();
    let network = CandleSession::of_images(Box::new(network), std::collections::BTreeMap::new(), &Device::cpu());
    let crops = crops(&card);
    assert!(crops.len() >= 6, "{} images", crops.len());
    let session = tflite::session(graph.clone()).unwrap();
    let found = embedder::parity_of(&session, &network, &crops[0].1).unwrap();
    assert!(found > 0.99999, "{found}");

    let calibration: Vec<Array4<f32>> = crops.iter().step_by(2).take(6).map(|(_, image)| image.clone()).collect();
    let int8 = tflite::quantize(&graph, calibration.into_iter(), &|_| false).unwrap();
    assert!(int8.is_int8() && encode(&int8).len() * 100 < encode(&graph).len() * 30);
    assert_eq!(int8.tensor(int8.outputs()[0]).shape, [1, card.embedding_dim.unwrap()]);

    let Some(python) = python() else { return };
    let jobs: Vec<_> = [&graph, &int8]
        .map(|graph| (encode(graph), crops.iter().map(|(_, image)| input(graph, image)).collect::<Vec<_>>()))
        .into();
    let said = reference(&python, &jobs);
    let (floats, int8s): (Vec<&Vec<f64>>, Vec<&Vec<f64>>) =
        (said[0].iter().map(|run| &run[0]).collect(), said[1].iter().map(|run| &run[0]).collect());
    // The output's zero point is 0, so a cosine of int8 is one of what they mean.
    let worst = floats.iter().zip(&int8s).map(|(a, b)| cosine(a, b)).fold(1.0, f64::min);
    println!("the interpreter's int8 and floats have a cosine of at least {worst}");
    assert!(worst > 0.95, "{worst}");
    for (at, (sku, image)) in crops.iter().enumerate().take(3) {
        let ours = network.run(image.view()).unwrap()[0].array.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let found = cosine(&ours, floats[at]);
        assert!(found > 0.9999, "{}: {found}", sku.display());
        let ours = numbers(&run(&int8, &input(&int8, image)).unwrap()[0]);
        let found = cosine(&ours, int8s[at]);
        assert!(found > 0.995, "{} in int8, ours and the interpreter's: {found}", sku.display());
    }
    // Whom an image looks like stays the same.
    let nearest = |all: &[&Vec<f64>], at: usize| {
        (0..all.len())
            .filter(|other| *other != at)
            .max_by(|a, b| cosine(all[at], all[*a]).total_cmp(&cosine(all[at], all[*b])))
    };
    let same = (0..crops.len())
        .filter(|at| nearest(&floats, *at).map(|a| &crops[a].0) == nearest(&int8s, *at).map(|b| &crops[b].0));
    assert!(same.count() * 10 >= crops.len() * 9);
}

#[test]
fn what_is_no_network_of_an_image_is_refused() {
    let model = engine::onnx::Model::decode(
        Path::new("x"),
        engine::onnx::GraphBuilder::new("x").encode(&Default::default()).into(),
    );
    let error = from_onnx(&model.unwrap(), (8, 8)).unwrap_err().to_string();
    assert!(error.contains("0 inputs"), "{error}");
}
