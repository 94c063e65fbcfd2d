//! What trainers share: optimisers against PyTorch's, and runs that go on as if nothing had happened.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use candle_nn::{Init, VarBuilder};
use engine::{Precision, Weights};
use serde::Deserialize;
use train::core::{
    Checkpoint, CheckpointError, Decay, Ema, Gradients, Optimizer, OptimizerKind, Parameters, Progress, Rates, Schedule,
};

const ADAMW: OptimizerKind = OptimizerKind::AdamW { beta2: 0.999, epsilon: 1e-8 };

#[derive(Deserialize)]
struct Pair {
    weight: [[f32; 3]; 2],
    bias: [f32; 2],
}

#[derive(Deserialize)]
struct Steps {
    #[serde(flatten)]
    start: Pair,
    gradients: Vec<Pair>,
    sgd: Pair,
    adamw: Pair,
}

fn parameters(start: &Pair) -> Parameters {
    let device = Device::Cpu;
    let mut weights = Weights::new(Path::new("start"));
    weights.insert("layer.weight", &[2, 3], start.weight.as_flattened().to_vec()).unwrap();
    weights.insert("layer.bias", &[2], start.bias.to_vec()).unwrap();
    let parameters = Parameters::new(1, Some(weights), &device);
    let vb = parameters.builder().pp("layer");
    vb.get((2, 3), "weight").unwrap();
    vb.get(2, "bias").unwrap();
    parameters
}

/// Gradients `g`, as a loss `sum(parameter * g)` gives them.
fn gradients(parameters: &Parameters, g: &Pair) -> Gradients {
    let vars = parameters.trainable();
    let part = |name: &str, g: Tensor| (vars[name].as_tensor() * g).unwrap().sum_all().unwrap();
    let weight = part("layer.weight", Tensor::new(&g.weight, &Device::Cpu).unwrap());
    let bias = part("layer.bias", Tensor::new(&g.bias, &Device::Cpu).unwrap());
    Gradients::of(&vars, (weight + bias).unwrap().backward().unwrap())
}

#[test]
fn optimizers_step_as_pytorchs_do() {
    let steps = include_bytes!("../fixtures/optimizer/steps.json");
    let steps: Steps = serde_json::from_slice(steps).unwrap();
    let rates = Rates { learning_rate: 0.05, bias_learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01 };
    for (kind, expected) in [(OptimizerKind::Sgd, &steps.sgd), (ADAMW, &steps.adamw)] {
        let parameters = parameters(&steps.start);
        let mut optimizer = Optimizer::new(kind, parameters.trainable());
        for g in &steps.gradients {
            optimizer.step(&gradients(&parameters, g), &rates).unwrap();
        }
        let found =
            |name: &str| parameters.all()[name].as_detached_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let pairs = found("layer.weight").into_iter().zip(expected.weight.as_flattened().iter().copied());
        for (found, expected) in pairs.chain(found("layer.bias").into_iter().zip(expected.bias)) {
            assert!((found - expected).abs() < 2e-6, "{kind:?}: {found}, PyTorch {expected}");
        }
    }
}

#[test]
fn gradients_are_measured_clipped_and_summed() {
    let start = Pair { weight: [[0.0; 3]; 2], bias: [0.0; 2] };
    let parameters = parameters(&start);
    let g = Pair { weight: [[3.0, 0.0, 0.0], [0.0; 3]], bias: [0.0, 4.0] };
    let mut sum = gradients(&parameters, &g);
    assert!((sum.norm().unwrap() - 5.0).abs() < 1e-12);
    sum.add(gradients(&parameters, &g)).unwrap();
    assert!((sum.clip(2.5).unwrap() - 10.0).abs() < 1e-12);
    assert!((sum.norm().unwrap() - 2.5).abs() < 1e-6);
    assert_eq!(sum.first_not_finite().unwrap(), None);
    let broken = Pair { weight: [[0.0, f32::NAN, 0.0], [0.0; 3]], bias: [0.0; 2] };
    assert_eq!(gradients(&parameters, &broken).first_not_finite().unwrap(), Some("layer.weight"));
    assert!(gradients(&parameters, &broken).norm().unwrap().is_nan());
}

#[test]
fn a_parameter_starts_alike_whatever_stands_beside_it() {
    let build = |names: &[&str], seed| {
        let parameters = Parameters::new(seed, None, &Device::Cpu);
        let vb: VarBuilder<'_> = parameters.builder();
        for name in names {
            vb.get_with_hints((8, 4, 3, 3), name, candle_nn::init::DEFAULT_KAIMING_NORMAL).unwrap();
        }
        let values = |(name, var): (String, candle_core::Var)| {
            (name, var.as_detached_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap())
        };
        parameters.all().into_iter().map(values).collect::<BTreeMap<_, _>>()
    };
    let (alone, beside) = (build(&["b"], 5), build(&["a", "b", "c"], 5));
    assert_eq!(alone["b"], beside["b"]);
    assert_ne!(beside["a"], beside["b"]);
    assert_ne!(alone["b"], build(&["b"], 6)["b"]);
    // He et al.: variance 2 over fan-in.
    let variance = alone["b"].iter().map(|v| v * v).sum::<f32>() / alone["b"].len() as f32;
    assert!((variance / (2.0 / 36.0) - 1.0).abs() < 0.25, "{variance}");
}

#[test]
fn weights_to_start_from_are_matched_by_name_and_shape() {
    let mut start = Weights::new(Path::new("start.safetensors"));
    start.insert("same", &[2], vec![7.0, 8.0]).unwrap();
    start.insert("other", &[3], vec![1.0; 3]).unwrap();
    let parameters = Parameters::new(0, Some(start), &Device::Cpu);
    let vb = parameters.builder();
    assert_eq!(vb.get(2, "same").unwrap().to_vec1::<f32>().unwrap(), [7.0, 8.0]);
    assert_eq!(vb.get_with_hints(2, "other", Init::Const(0.5)).unwrap().to_vec1::<f32>().unwrap(), [0.5; 2]);
    vb.get_with_hints(1, "new", Init::Const(0.0)).unwrap();
    vb.get_with_hints(1, "norm.running_var", Init::Const(1.0)).unwrap();
    let transfer = parameters.transfer();
    assert!(transfer.taken.contains("same") && transfer.fresh.contains("new"));
    assert_eq!(transfer.other_shape["other"], (vec![2], vec![3]));
    assert!(!parameters.trainable().contains_key("norm.running_var"));
    assert!(vb.get(3, "same").is_err(), "one name, two shapes");
}

#[test]
fn the_rate_warms_up_and_falls() {
    let schedule = Schedule {
        base: 0.01,
        last: 0.01,
        decay: Decay::Linear,
        steps: 1000,
        warmup: 100,
        warmup_bias: 0.1,
        momentum: 0.937,
        warmup_momentum: 0.8,
        weight_decay: 5e-4,
    };
    let first = schedule.at(0);
    assert_eq!((first.learning_rate, first.bias_learning_rate, first.momentum), (0.0, 0.1, 0.8));
    assert!((schedule.at(1000).learning_rate - 1e-4).abs() < 1e-12);
    assert!((schedule.at(5000).learning_rate - 1e-4).abs() < 1e-12);
    let half = Schedule { decay: Decay::Cosine, ..schedule }.at(500);
    assert!((half.learning_rate - 0.01 * 0.505).abs() < 1e-12 && (half.momentum - 0.937).abs() < 1e-12);
}

struct Run {
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Ema,
}

impl Run {
    fn new() -> Self {
        let parameters = parameters(&Pair { weight: [[0.3, -0.1, 0.2]; 2], bias: [0.0, 1.0] });
        let optimizer = Optimizer::new(ADAMW, parameters.trainable());
        let ema = Ema::new(&parameters.all(), 0.99, 10.0).unwrap();
        Self { parameters, optimizer, ema }
    }

    fn steps(&mut self, steps: std::ops::Range<u64>) {
        for step in steps {
            let value = (step as f32 * 0.37).sin();
            let g = Pair { weight: [[value, -value, 0.5], [0.1, value * value, 1.0]], bias: [value, 0.2] };
            let rates = Rates { learning_rate: 0.01, bias_learning_rate: 0.02, momentum: 0.9, weight_decay: 0.01 };
            self.optimizer.step(&gradients(&self.parameters, &g), &rates).unwrap();
            self.ema.update(&self.parameters.all()).unwrap();
        }
    }

    fn bits(&self) -> Vec<u32> {
        let ema = self.ema.weights(Path::new("ema")).unwrap();
        let now = self.parameters.all().into_values();
        let now = now.flat_map(|var| var.as_detached_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap());
        now.chain(ema.iter().flat_map(|(_, _, values)| values.to_vec())).map(f32::to_bits).collect()
    }
}

fn progress() -> Progress {
    Progress {
        architecture: "layer".to_owned(),
        epochs: 2,
        steps: 20,
        batches: 3,
        best: Some(0.5),
        best_epoch: Some(1),
        seed: 1,
        extra: serde_json::json!({ "patience": 4 }),
    }
}

#[test]
fn a_resumed_run_is_the_same_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut whole = Run::new();
    whole.steps(0..40);

    let mut first = Run::new();
    first.steps(0..20);
    Checkpoint::save(&path, &first.parameters, &first.optimizer, &first.ema, &progress()).unwrap();
    let mut second = Run::new();
    let checkpoint = Checkpoint::open(&path, "layer", &Device::Cpu).unwrap();
    let found = checkpoint.restore(&second.parameters, &mut second.optimizer, &mut second.ema).unwrap();
    assert_eq!(found, progress());
    second.steps(20..40);
    assert_eq!(second.bits(), whole.bits());
}

#[test]
fn other_files_are_no_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let run = Run::new();
    Checkpoint::save(&path, &run.parameters, &run.optimizer, &run.ema, &progress()).unwrap();
    let other = Checkpoint::open(&path, "yolov8n", &Device::Cpu).unwrap_err();
    assert!(matches!(other, CheckpointError::OtherArchitecture { .. }), "{other}");
    assert!(other.to_string().contains("is of layer, this run trains yolov8n"), "{other}");

    let plain = folder.path().join("weights.safetensors");
    run.ema.weights(&plain).unwrap().save(&plain, Precision::F32).unwrap();
    let error = Checkpoint::open(&plain, "layer", &Device::Cpu).unwrap_err();
    assert!(matches!(error, CheckpointError::NotOne { .. }), "{error}");

    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(Checkpoint::open(&path, "layer", &Device::Cpu), Err(CheckpointError::Engine(_))));
}
