//! EfficientNet in candle against timm.

use std::path::Path;

use candle_core::{Device as Candle, Tensor};
use classifier::import;
use classifier::model::{EmbedderNetwork, Heads};
use engine::backbones;
use engine::{Backbone, Device, EngineError, Network as _, Precision, Weights};
use serde::Deserialize;

use crate::support::{Random, close};

/// Made by `fixtures/efficientnet.py` with timm 1.0.31 and PyTorch 2.15.0.
const FIXTURE: &str = include_str!("fixtures/efficientnet.json");
/// Sums of a thousand products in another order, through fifty layers.
const RELATIVE: f32 = 1e-4;

#[derive(Deserialize)]
struct Fixture {
    parameters: std::collections::BTreeMap<String, usize>,
    networks: std::collections::BTreeMap<String, Reference>,
}

#[derive(Deserialize)]
struct Reference {
    gain: f64,
    tensors: Vec<String>,
    features_l2: Vec<f32>,
    features_first8: Vec<Vec<f32>>,
    logits_first8: Vec<Vec<f32>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(FIXTURE).unwrap()
}

/// The numbers that the script gives to a tensor of this name; `gain` scales matrices.
fn formula(name: &str, shape: &[usize], gain: f64) -> Vec<f32> {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut random = Random::new(hash);
    let count = shape.iter().product();
    let values = std::iter::repeat_with(|| random.value()).take(count);
    let parent = name.rsplit('.').nth(1).unwrap_or_default();
    if shape.len() >= 2 && name != "input" {
        let fan_in: usize = shape[1..].iter().product();
        let scale = (gain * (3.0 / fan_in as f64).sqrt()) as f32;
        values.map(|v| v * scale).collect()
    } else if name.ends_with("running_var") {
        values.map(|v| 1.0 + 0.5 * v).collect()
    } else if parent.contains("bn") && name.ends_with("weight") {
        values.map(|v| 1.0 + 0.2 * v).collect()
    } else if name == "input" {
        values.collect()
    } else {
        values.map(|v| 0.2 * v).collect()
    }
}

/// The weights of a reference network, straight from timm's own list of tensors.
fn weights(reference: &Reference) -> Weights {
    let mut weights = Weights::new(Path::new("formula"));
    for tensor in &reference.tensors {
        let (name, shape) = tensor.split_once(' ').unwrap();
        let shape: Vec<usize> = shape.split('x').map(|size| size.parse().unwrap()).collect();
        weights.insert(name, &shape, formula(name, &shape, reference.gain)).unwrap();
    }
    weights
}

fn input(shape: [usize; 4]) -> Tensor {
    Tensor::from_vec(formula("input", &shape, 0.0), &shape, &Candle::Cpu).unwrap()
}

fn backbone(name: &str) -> &'static dyn Backbone {
    name.parse().unwrap()
}

fn load(weights: &Weights, backbone: &dyn Backbone) -> Result<EmbedderNetwork, EngineError> {
    weights.build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, Heads::of(weights)))
}

fn answers(network: &EmbedderNetwork, input: &Tensor) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let outputs = network.forward(input).unwrap();
    assert_eq!(outputs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), network.outputs());
    let rows = |name: &str| {
        let found = outputs.iter().find(|(output, _)| output == name);
        found.map(|(_, tensor)| tensor.to_vec2().unwrap()).unwrap_or_default()
    };
    (rows("embedding"), rows("logits"))
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|v| v * v).sum::<f32>().sqrt()
}

#[test]
fn networks_answer_as_timm_does() {
    let input = input([2, 3, 64, 75]);
    for (name, reference) in fixture().networks {
        let weights = weights(&reference);
        let network = load(&weights, backbone(&name)).unwrap();
        assert_eq!(weights.unused(), Vec::<&str>::new(), "{name}: every tensor of timm's is used");
        let (features, logits) = answers(&network, &input);
        for row in 0..2 {
            let scale = norm(&features[row]);
            close(&[scale], &reference.features_l2[row..=row], RELATIVE * scale, &name);
            close(&features[row][..8], &reference.features_first8[row], RELATIVE * scale, &name);
            let scale = norm(&logits[row]);
            close(&logits[row][..8], &reference.logits_first8[row], RELATIVE * scale, &name);
        }
    }
}

#[test]
fn parameters_are_as_many_as_published() {
    // Millions, of the paper's table 2; of Lite0, of its model card.
    for (name, published) in [("b0", 5.3), ("b1", 7.8), ("b2", 9.1), ("b3", 12.2), ("b4", 19.3), ("lite0", 4.7)]
        .map(|(n, p)| (format!("efficientnet_{n}"), p))
    {
        let backbone = backbone(&name);
        let count: usize = backbone
            .convolutions()
            .iter()
            .map(|(name, shape)| {
                // A convolution has a batch norm (gamma, beta) after it, or a bias inside squeeze-and-excitation.
                let extra = if name.contains(".se.") { 1 } else { 2 };
                shape.iter().product::<usize>() + extra * shape[0]
            })
            .sum();
        let count = count + backbone.features() * 1000 + 1000;
        assert!((count as f64 / 1e6 - published).abs() < 0.06, "{name}: {count}");
        let timm = if name == "efficientnet_lite0" { format!("tf_{name}") } else { name };
        assert_eq!(count, fixture().parameters[&timm], "{timm}");
    }
}

/// The same weights with every batch norm folded into its convolution, in double precision.
fn folded(weights: &Weights, epsilon: f64) -> Weights {
    let tensors: std::collections::BTreeMap<&str, (&[usize], &[f32])> =
        weights.iter().map(|(name, shape, values)| (name, (shape, values))).collect();
    let mut result = Weights::new(Path::new("folded"));
    for (name, (shape, values)) in &tensors {
        let bare = !name.contains(".bn") && !name.starts_with("bn");
        if shape.len() != 4 || name.contains(".se.") {
            if bare {
                result.insert(*name, shape, values.to_vec()).unwrap();
            }
            continue;
        }
        let conv = name.strip_suffix(".weight").unwrap();
        let norm = norm_of(conv, &tensors.keys().copied().collect::<Vec<_>>());
        let of = |part: &str| tensors[format!("{norm}.{part}").as_str()].1;
        let per_filter = values.len() / shape[0];
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for filter in 0..shape[0] {
            let scale = f64::from(of("weight")[filter]) / (f64::from(of("running_var")[filter]) + epsilon).sqrt();
            weight.extend(values[filter * per_filter..][..per_filter].iter().map(|&v| (f64::from(v) * scale) as f32));
            bias.push((f64::from(of("bias")[filter]) - f64::from(of("running_mean")[filter]) * scale) as f32);
        }
        result.insert(*name, shape, weight).unwrap();
        result.insert(format!("{conv}.bias"), &[shape[0]], bias).unwrap();
    }
    result
}

/// timm numbers the batch norms of a block in the order of its convolutions.
fn norm_of(conv: &str, all: &[&str]) -> String {
    let Some((block, layer)) = conv.rsplit_once('.') else {
        return if conv == "conv_stem" { "bn1" } else { "bn2" }.to_owned();
    };
    let widens = all.contains(&format!("{block}.conv_pwl.weight").as_str());
    let norm = match (layer, widens) {
        ("conv_pw", true) | ("conv_dw", false) => "bn1",
        ("conv_dw", true) | ("conv_pw", false) => "bn2",
        _ => "bn3",
    };
    format!("{block}.{norm}")
}

#[test]
fn folded_weights_answer_the_same() {
    let fixture = fixture();
    let weights = weights(&fixture.networks["efficientnet_b0"]);
    let backbone = backbone("efficientnet_b0");
    let folded = folded(&weights, backbone.norm_epsilon());
    assert!(folded.len() < weights.len());
    let input = input([1, 3, 40, 33]);
    let (a, _) = answers(&load(&weights, backbone).unwrap(), &input);
    let (b, _) = answers(&load(&folded, backbone).unwrap(), &input);
    close(&a[0], &b[0], 1e-4 * norm(&a[0]), "folded");
}

#[test]
fn an_embedding_head_replaces_the_features() {
    let fixture = fixture();
    let mut weights = weights(&fixture.networks["tf_efficientnet_lite0"]);
    weights.insert("embedding.weight", &[12, 1280], formula("embedding.weight", &[12, 1280], 1.0)).unwrap();
    let backbone = backbone("efficientnet_lite0");
    let heads = Heads::of(&weights);
    assert_eq!((heads.embedding, heads.classes), (Some(12), Some(1000)));
    let input = input([1, 3, 64, 64]);
    let with = load(&weights, backbone).unwrap();
    let bare = weights
        .build(&Device::cpu(), |vb| EmbedderNetwork::load(vb, backbone, Heads { embedding: None, classes: None }))
        .unwrap();
    let (embedding, _) = answers(&with, &input);
    let (features, logits) = answers(&bare, &input);
    assert!(logits.is_empty());
    let matrix = formula("embedding.weight", &[12, 1280], 1.0);
    let expected: Vec<f32> = matrix
        .chunks_exact(1280)
        .map(|row| row.iter().zip(&features[0]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32)
        .collect();
    close(&embedding[0], &expected, 1e-4 * norm(&expected), "embedding");
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let fixture = fixture();
    let reference = &fixture.networks["efficientnet_b0"];
    let weights = weights(reference);
    let name = "blocks.3.1.conv_dw.weight";
    let without = weights.renamed(|tensor| (tensor != name).then(|| tensor.to_owned())).unwrap();
    let error = load(&without, backbone("efficientnet_b0")).err().unwrap().to_string();
    assert!(error.contains(name) && error.contains("is missing"), "{error}");
    let error = load(&weights, backbone("efficientnet_b2")).err().unwrap().to_string();
    assert!(error.contains("[48, 144, 1, 1]") || error.contains("should be"), "{error}");
}

#[test]
fn foreign_layouts_are_imported() {
    let fixture = fixture();
    let native = folded(&weights(&fixture.networks["tf_efficientnet_lite0"]), 1e-3);
    // Back to the names of the PyTorch ports, which count blocks through.
    let backbone = backbone("efficientnet_lite0");
    let mut ported = Weights::new(Path::new("ported"));
    for block in 0..16 {
        for layer in ["_expand_conv", "_depthwise_conv", "_project_conv"] {
            for part in ["weight", "bias"] {
                let name = format!("blocks.{block}.{layer}.{part}");
                let Some(original) = backbone.native_name(&name) else { continue };
                let found = native.iter().find(|(name, ..)| *name == original);
                let (_, shape, values) = found.unwrap_or_else(|| panic!("{name} -> {original}"));
                ported.insert(name, shape, values.to_vec()).unwrap();
            }
        }
    }
    for (name, shape, values) in native.iter().filter(|(name, ..)| !name.starts_with("blocks.")) {
        ported.insert(name.replace("classifier", "fc"), shape, values.to_vec()).unwrap();
    }
    ported.insert("zero", &[], vec![0.0]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ported.safetensors");
    ported.save(&path, Precision::F32).unwrap();
    let imported = import(&path, None).unwrap();
    assert_eq!(imported.backbone.to_string(), "efficientnet_lite0");
    assert_eq!(imported.heads, Heads { embedding: None, classes: Some(1000) });
    let all =
        |weights: &Weights| weights.iter().map(|(n, s, v)| (n.to_owned(), s.to_vec(), v.to_vec())).collect::<Vec<_>>();
    assert_eq!(all(&imported.weights), all(&native));

    let error = import(&path, Some("efficientnet_b0".parse().unwrap())).unwrap_err().to_string();
    assert!(error.contains("says efficientnet_b0, but its weights are efficientnet_lite0"), "{error}");
    ported.insert("blocks.20.0.conv_dw.weight", &[1, 1, 3, 3], vec![0.0; 9]).unwrap();
    ported.save(&path, Precision::F32).unwrap();
    let error = import(&path, None).unwrap_err().to_string();
    assert!(error.contains("no EfficientNet"), "{error}");
}

#[test]
fn timm_layouts_are_imported_as_they_are() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b2.safetensors");
    weights(&fixture.networks["efficientnet_b2"]).save(&path, Precision::F32).unwrap();
    for (asked, shown) in [(None, "efficientnet_b2"), (Some("tf_efficientnet_b2"), "tf_efficientnet_b2")] {
        let imported = import(&path, asked.map(|name| name.parse().unwrap())).unwrap();
        assert_eq!(imported.backbone.to_string(), shown);
        assert_eq!(imported.weights.len(), fixture.networks["efficientnet_b2"].tensors.len());
    }
}

#[test]
fn every_size_runs_at_its_resolution_without_weights_of_its_own() {
    // Shapes only: the smallest input that every stride divides, through all sizes with weights by formula.
    for backbone in backbones::all() {
        let mut weights = Weights::new(Path::new("formula"));
        for (name, shape) in backbone.convolutions() {
            weights.insert(name.as_str(), &shape, formula(&name, &shape, 1.0)).unwrap();
            let bias = name.replace(".weight", ".bias");
            weights.insert(bias.as_str(), &shape[..1], formula(&bias, &shape[..1], 1.0)).unwrap();
        }
        let network = load(&weights, backbone).unwrap();
        let input = input([1, 3, 32, 32]);
        assert_eq!(network.features(&input).unwrap().dims(), [1, backbone.features(), 1, 1], "{backbone}");
    }
}
