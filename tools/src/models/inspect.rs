//! `shelf models inspect`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use detector::load::ARCHITECTURE_KEY;
use detector::model::Architecture;
use engine::{Weights, onnx};
use vision::{ModelCard, Sha256};

use super::tflite;

/// Show what a weights file holds: tensors, inputs, outputs, metadata, model card
#[derive(Args)]
pub(crate) struct InspectArgs {
    /// A .onnx, .safetensors, .pth or .tflite file
    file: PathBuf,
    /// List every tensor
    #[arg(long)]
    tensors: bool,
}

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let path = &args.file;
    let size = path.metadata().with_context(|| format!("cannot open {}", path.display()))?.len();
    println!("{:<14}{} ({:.1} MB)", "file", path.display(), size as f64 / 1e6);
    println!("{:<14}{}", "sha256", Sha256::of_file(path)?);

    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tflite")) {
        return tflite::run(path, args.tensors);
    }
    let weights = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
        let model = onnx::Model::read(path)?;
        println!("{:<14}ONNX, opset {}", "format", model.opset());
        for (label, values) in [("input", model.inputs()), ("output", model.outputs())] {
            for value in values {
                println!("{label:<14}{} {} [{}]", value.name, value.kind, value.shape.join(", "));
            }
        }
        let operators: Vec<String> = model.operators().iter().map(|(name, n)| format!("{name} x{n}")).collect();
        println!("{:<14}{}", "operators", operators.join(", "));
        for (key, value) in model.metadata() {
            let value: String = value.chars().take(100).collect();
            println!("{:<14}{key} = {value}", "metadata");
        }
        Weights::from_onnx(&model)?
    } else {
        let torch = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("pth") || e.eq_ignore_ascii_case("pt"));
        println!("{:<14}{}", "format", if torch { "PyTorch state dict" } else { "safetensors" });
        Weights::open(path)?
    };
    println!("{:<14}{} in {} tensors", "parameters", thousands(weights.parameters()), weights.len());
    match Architecture::infer(|name| weights.shape(name).map(<[usize]>::to_vec)) {
        Ok(found) => {
            let stated = weights.metadata().get(ARCHITECTURE_KEY).and_then(|name| name.parse().ok());
            let found = stated.map_or(found, |design| found.named(design));
            println!("{:<14}{}, {} classes", "architecture", found.design(), found.classes);
        }
        Err(_) => match super::backbone(&weights) {
            Some(backbone) => println!("{:<14}{backbone}", "architecture"),
            None => println!("{:<14}neither YOLOv8 nor EfficientNet by its tensors", "architecture"),
        },
    }
    if args.tensors {
        for (name, shape, _) in weights.iter() {
            println!("{:<14}{name} {shape:?}", "tensor");
        }
    }
    match ModelCard::read_beside(path)? {
        Some(card) => println!("{:<14}{}", "card", serde_json::to_string_pretty(&card)?),
        None => println!("{:<14}none at {}", "card", ModelCard::path_for(path).display()),
    }
    Ok(())
}

/// `3157200` -> `3,157,200`.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).expect("digits")).collect();
    groups.join(",")
}
