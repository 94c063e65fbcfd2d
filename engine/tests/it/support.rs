//! Fixtures, the reference numbers, and the one comparer.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use candle_core::{Module, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, VarBuilder};
use engine::{CandleSession, Device, InputShape, Network, Output, Session, Weights};
use ndarray::{Array4, ArrayView4};
use serde_json::Value;

pub(crate) use development::shared_data;

/// Largest difference of two engines that add the same `f32` products in another order.
pub(crate) const TOLERANCE_F32: f32 = 2e-6;
/// The same for 11-bit arithmetic on numbers around one.
#[cfg(feature = "ort")]
pub(crate) const TOLERANCE_F16: f32 = 4e-3;

/// A real detector, in the shared data.
pub(crate) const YOLO: &str = "weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx";

/// What the reference says.
pub(crate) static EXPECTED: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
});

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The image that make.py calls `test_image(shape)`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small numbers, rounded as numpy does"
)]
pub(crate) fn test_image(shape: [usize; 4]) -> Array4<f32> {
    let pixel = |i: usize| (((i * 7919) % 255) as f64 / 127.5 - 1.0) as f32;
    let count = shape.iter().product();
    Array4::from_shape_vec(shape, (0..count).map(pixel).collect()).unwrap()
}

pub(crate) fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|size| usize::try_from(size.as_u64().unwrap()).unwrap()).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "they were f32 when they were written")]
pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// Whether `found` is what the reference gives, by name, order, shape and value.
pub(crate) fn assert_outputs(found: &[Output], expected: &Value, tolerance: f32, who: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{who}: number of outputs");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.name, expected["name"], "{who}");
        assert_eq!(found.array.shape(), sizes(&expected["shape"]), "{who}: shape of {}", found.name);
        let values = floats(&expected["values"]);
        for (at, (found_value, value)) in found.array.iter().zip(&values).enumerate() {
            // Written so that NaN fails.
            let near = (found_value - value).abs() <= tolerance * value.abs().max(1.0);
            assert!(near, "{who}: {} at {at} is {found_value}, the reference says {value}", found.name);
        }
    }
}

/// The network of tiny.onnx, written for candle.
pub(crate) struct Tiny {
    conv: Conv2d,
}

impl Tiny {
    pub(crate) fn load(vb: &VarBuilder<'_>) -> candle_core::Result<Self> {
        let config = Conv2dConfig { padding: 1, stride: 2, ..Conv2dConfig::default() };
        Ok(Self { conv: candle_nn::conv2d(3, 8, 3, config, vb.pp("conv"))? })
    }
}

impl Network for Tiny {
    fn forward(&self, input: &Tensor) -> candle_core::Result<Vec<(String, Tensor)>> {
        let features = self.conv.forward(input)?.relu()?;
        let pooled = features.mean((2, 3))?;
        Ok(vec![("features".to_owned(), features), ("pooled".to_owned(), pooled)])
    }

    fn outputs(&self) -> Vec<String> {
        vec!["features".to_owned(), "pooled".to_owned()]
    }
}

pub(crate) const ANY_IMAGE: InputShape = InputShape { batch: None, channels: 3, height: None, width: None };

pub(crate) fn candle_tiny(device: &Device) -> CandleSession {
    let weights = Weights::open(&fixture("tiny.onnx")).unwrap();
    let network = weights.build(device, |vb| Tiny::load(&vb)).unwrap();
    assert!(weights.unused().is_empty());
    CandleSession::new(Box::new(network), ANY_IMAGE, weights.metadata().clone(), device)
}

#[cfg(feature = "ort")]
pub(crate) fn ort_tiny(options: &engine::OrtOptions) -> engine::OrtSession {
    engine::OrtSession::open(&fixture("tiny.onnx"), options).unwrap()
}

/// Every session over the network of tiny.onnx that this build can run here.
pub(crate) fn sessions() -> Vec<Box<dyn Session>> {
    let devices = Device::parse("cuda").into_iter().chain([Device::cpu()]);
    let candle = devices.map(|device| Box::new(candle_tiny(&device)) as Box<dyn Session>);
    candle.chain(ort_sessions()).collect()
}

#[cfg(not(feature = "ort"))]
fn ort_sessions() -> Vec<Box<dyn Session>> {
    vec![]
}

#[cfg(feature = "ort")]
fn ort_sessions() -> Vec<Box<dyn Session>> {
    use engine::{ExecutionProvider, OrtOptions, PoolPlan};
    let pools = [(1, 1, false), (2, 1, false), (1, 2, false), (2, 1, true)];
    let pools = pools.map(|(sessions, threads_per_session, wide_when_idle)| OrtOptions {
        pool: PoolPlan { sessions, threads_per_session },
        wide_when_idle,
        ..OrtOptions::default()
    });
    // The library of `make setup` has the CPU alone; ORT_DYLIB_PATH brings another one here.
    let there = engine::ort::available(None).unwrap().providers;
    let others = ["cuda", "openvino:CPU:f32"].map(|text| text.parse::<ExecutionProvider>().unwrap());
    let others = others.into_iter().filter(|provider| there.iter().any(|name| name == provider.name()));
    let others = others.map(|provider| OrtOptions { providers: vec![provider], ..OrtOptions::default() });
    let open = |options: OrtOptions| {
        let session = ort_tiny(&options);
        let provider = options.providers.first().map_or("CPU", ExecutionProvider::name);
        assert!(session.info().provider.contains(provider), "{:?}", session.info());
        Box::new(session) as Box<dyn Session>
    };
    pools.into_iter().chain(others).map(open).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "a view, as Session::run takes it")]
pub(crate) fn run(session: &dyn Session, input: ArrayView4<'_, f32>) -> Vec<Output> {
    session.run(input).unwrap()
}
