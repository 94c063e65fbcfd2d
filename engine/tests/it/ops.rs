//! The operations against PyTorch's. `tests/fixtures/ops/make_ops.py` made the numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

use candle_core::{DType, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use engine::Device;
use engine::backbone::Norms;
use engine::efficientnet::{Backbone, Build, Config, Variant};
use engine::ops::{Activation, Conv2d, Padding, batch_norm_act, conv2d, max_pool2d, upsample_nearest2d};
use serde_json::Value;

const CASES: &str = include_str!("../fixtures/ops/ops.json");

/// PyTorch computed in double precision and wrote seven digits.
const TOLERANCE: f64 = 1e-5;

/// A CPU, or what `SHELF_TEST_DEVICE` names.
fn device() -> candle_core::Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| {
        let name = std::env::var("SHELF_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
        Device::parse(&name).unwrap()
    });
    (**DEVICE).clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn tensor(value: &Value, dtype: DType) -> Tensor {
    let shape: Vec<usize> = numbers(&value["shape"]).into_iter().map(|size| size as usize).collect();
    Tensor::from_vec(numbers(&value["values"]), shape, &device()).unwrap().to_dtype(dtype).unwrap()
}

fn size(case: &Value, name: &str) -> usize {
    case[name].as_u64().unwrap() as usize
}

fn run(case: &Value, inputs: &[Tensor]) -> Tensor {
    let padding = || {
        let sides: Vec<usize> = numbers(&case["padding"]).into_iter().map(|side| side as usize).collect();
        Padding { top: sides[0], bottom: sides[1], left: sides[2], right: sides[3] }
    };
    let result = match case["name"].as_str().unwrap() {
        "conv" => {
            let conv = Conv2d { stride: size(case, "stride"), padding: padding(), groups: size(case, "groups") };
            conv2d(&inputs[0], &inputs[1], Some(&inputs[2]), conv)
        }
        "pool" => max_pool2d(&inputs[0], size(case, "kernel"), size(case, "stride"), padding()),
        "upsample" => upsample_nearest2d(&inputs[0], 2),
        "norm" => {
            let activation = match case["activation"].as_str().unwrap() {
                "identity" => Activation::Identity,
                "silu" => Activation::Silu,
                "relu" => Activation::Relu,
                "relu6" => Activation::Relu6,
                "sigmoid" => Activation::Sigmoid,
                other => panic!("no activation {other}"),
            };
            batch_norm_act(&inputs[0], &inputs[1], &inputs[2], 1e-3, activation).map(|(y, ..)| y)
        }
        other => panic!("no operation {other}"),
    };
    result.unwrap()
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let flat = |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (found, expected) = (flat(found), flat(expected));
    let scale = expected.iter().fold(1.0, |max: f64, value| max.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= TOLERANCE * scale, "{what}: number {at} is {found}, not {expected}");
    }
}

#[test]
fn results_and_gradients_are_pytorchs() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 15);
    for (number, case) in cases.iter().enumerate() {
        for dtype in [DType::F32, DType::F64] {
            let what = format!("case {number} ({}) in {dtype:?}", case["name"]);
            let inputs: Vec<Var> = case["inputs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| Var::from_tensor(&tensor(t, dtype)).unwrap())
                .collect();
            let tensors: Vec<Tensor> = inputs.iter().map(|var| var.as_tensor().clone()).collect();
            let y = run(case, &tensors);
            assert_close(&y, &tensor(&case["y"], dtype), &what);
            let gradients = (y * tensor(&case["weights"], dtype)).unwrap().sum_all().unwrap().backward().unwrap();
            for (input, expected) in inputs.iter().zip(case["gradients"].as_array().unwrap()) {
                assert_close(gradients.get(input).unwrap(), &tensor(expected, dtype), &what);
            }
        }
    }
}

/// Output of a whole backbone for a few images, and all gradients by name.
struct Trained {
    output: Tensor,
    gradients: Vec<(String, Tensor)>,
}

/// The first blocks, where `device` computes, with weights and images of these types.
fn trained(
    (variant, blocks): (Variant, usize),
    start: &HashMap<String, Tensor>,
    device: &candle_core::Device,
    (weights, input): (DType, DType),
) -> Trained {
    let var = |value: &Tensor| Var::from_tensor(&value.to_dtype(weights).unwrap().to_device(device).unwrap()).unwrap();
    let vars: HashMap<String, Var> = start.iter().map(|(name, value)| (name.clone(), var(value))).collect();
    let tensors = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let config = Config::of(variant);
    let build = Build { config: &config, norms: Norms::Live { momentum: 0.1 } };
    let backbone = Backbone::load(&VarBuilder::from_tensors(tensors, weights, device), build).unwrap();
    let value = |at: usize| f64::sin(at as f64 * 0.7).mul_add(2.0, f64::cos(at as f64 * 0.013));
    let images: Vec<f64> = (0..3 * 3 * 64 * 64).map(value).collect();
    let x = Tensor::from_vec(images, (3, 3, 64, 64), device).unwrap().to_dtype(input).unwrap();
    let [y] = backbone.taps(&x, [blocks - 1], true).unwrap();
    assert_eq!(y.dtype(), input);
    let y = y.to_dtype(weights).unwrap();
    // Not its square: what a norm has scaled has a mean square of one, whatever the weights.
    let wanted: Vec<f64> = (0..y.elem_count()).map(|at| f64::sin(at as f64 * 1.3)).collect();
    let wanted = Tensor::from_vec(wanted, y.shape(), device).unwrap().to_dtype(weights).unwrap();
    let found = (&y * wanted).unwrap().sum_all().unwrap().backward().unwrap();
    let back =
        |tensor: &Tensor| tensor.detach().to_device(&candle_core::Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
    let mut gradients: Vec<_> =
        vars.iter().filter_map(|(name, var)| Some((name.clone(), back(found.get(var)?)))).collect();
    gradients.sort_by(|a, b| a.0.cmp(&b.0));
    Trained { output: back(&y), gradients }
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    (a * b).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
}

#[test]
#[ignore = "needs a GPU, real or emulated: `make cuda-test` runs it"]
fn whole_networks_have_the_gradients_of_a_cpu() {
    assert!(device().is_cuda(), "SHELF_TEST_DEVICE names no GPU");
    let cpu = candle_core::Device::Cpu;
    for variant in [Variant::Lite0, Variant::B0] {
        let config = Config::of(variant);
        let map = VarMap::new();
        let build = Build { config: &config, norms: Norms::Live { momentum: 0.1 } };
        Backbone::load(&VarBuilder::from_varmap(&map, DType::F64, &cpu), build).unwrap();
        let start: HashMap<String, Tensor> =
            map.data().lock().unwrap().iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
        let whole_backbone = (variant, config.blocks().len());
        let exact = trained(whole_backbone, &start, &cpu, (DType::F64, DType::F64));
        let ours = trained(whole_backbone, &start, &device(), (DType::F64, DType::F64));
        assert_eq!(ours.gradients.len(), exact.gradients.len());
        assert!(ours.gradients.len() > 100, "{variant:?}: {} gradients", ours.gradients.len());
        let whole = exact.gradients.iter().map(|(_, t)| dot(t, t)).sum::<f64>().sqrt();
        for ((name, ours), (_, exact)) in ours.gradients.iter().zip(&exact.gradients) {
            let apart = (ours - exact).unwrap();
            let (apart, norm) = (dot(&apart, &apart).sqrt(), dot(exact, exact).sqrt());
            assert!(apart <= 1e-9 * (norm + 1e-3 * whole), "{variant:?} {name}: {apart:e} of {norm:e}");
        }
        // Half precision goes the same way: the angle between what comes out, and between all gradients. Of the first blocks:
        // deeper ones normalise over a dozen pixels here, where rounding the weights alone turns gradients by fifty degrees.
        let exact = trained((variant, 4), &start, &cpu, (DType::F64, DType::F64));
        let half = trained((variant, 4), &start, &device(), (DType::F32, DType::BF16));
        let angle = |a: &[&Tensor], b: &[&Tensor]| {
            let sum = |a: &[&Tensor], b: &[&Tensor]| a.iter().zip(b).map(|(a, b)| dot(a, b)).sum::<f64>();
            sum(a, b) / (sum(a, a) * sum(b, b)).sqrt()
        };
        let outputs = angle(&[&half.output], &[&exact.output]);
        let all = |of: &Trained| of.gradients.iter().map(|(_, t)| t.clone()).collect::<Vec<_>>();
        let (a, b) = (all(&half), all(&exact));
        let gradients = angle(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>());
        println!("{variant:?} in bf16: cosine of outputs {outputs:.4}, of gradients {gradients:.4}");
        assert!(outputs > 0.99 && gradients > 0.9, "{variant:?}: {outputs} {gradients}");
    }
}
