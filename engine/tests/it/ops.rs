//! The operations against PyTorch's. `tests/fixtures/ops/make_ops.py` made the numbers.

use std::sync::LazyLock;

use candle_core::{DType, Tensor, Var};
use engine::Device;
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
    let scale = expected.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
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
