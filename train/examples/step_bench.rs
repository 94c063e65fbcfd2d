//! Times of whole networks: YOLOv8n and EfficientNet-B0, a training step (forward and backward, no optimiser) and inference,
//! with random weights.
//!
//! `cargo run --release -p train --example step_bench [-- FILTER]`; `step_bench.py` beside it times PyTorch and ONNX Runtime
//! on the same networks. Columns: name, median ms, fastest ms, peak memory in MiB so far.
//!
//! `SHELF_BENCH_DEVICE=cuda` (a build by `scripts/cuda-bench.sh`) trains larger batches on a GPU, in f32 and in mixed precision;
//! so does `step_bench.py cuda`.

use std::collections::HashMap;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use detector::model::{Architecture, Scale, YoloV8};
use engine::efficientnet::layers::{Pointwise, pool};
use engine::efficientnet::{Backbone, Build, Config, Norms, Variant};
use engine::ops::widen;

fn measure(name: &str, repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    work()?;
    let mut times = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{name},{:.1},{:.1},{}", times[repeats / 2], times[0], peak_mebibytes());
    Ok(())
}

fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

fn detached(map: &VarMap) -> HashMap<String, Tensor> {
    let variables = map.data().lock().expect("not poisoned");
    variables.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect()
}

/// All batch norms folded: every `X.bias` beside `X.weight` exists.
fn folded(names: &VarMap, device: &Device) -> VarBuilder<'static> {
    let mut tensors = detached(names);
    let weights: Vec<_> = tensors.iter().filter(|(name, t)| name.ends_with(".conv.weight") && t.rank() == 4).collect();
    let biases: Vec<_> = weights
        .iter()
        .map(|(name, t)| {
            (name.replace(".weight", ".bias"), Tensor::zeros(t.dims()[0], DType::F32, device).expect("zeros"))
        })
        .collect();
    tensors.extend(biases);
    VarBuilder::from_tensors(tensors, DType::F32, device)
}

fn main() -> Result<()> {
    train::core::memory::keep_freed();
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |name: &str| name.contains(&filter);
    let place = std::env::var("SHELF_BENCH_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
    let device: Device = (*engine::Device::parse(&place).map_err(candle_core::Error::wrap)?).clone();
    let square = |t: &Tensor| widen(t)?.sqr()?.mean_all();
    println!("network,median_ms,fastest_ms,peak_mib");

    let map = VarMap::new();
    let architecture = Architecture::yolo(Scale::N, 80);
    let yolo = YoloV8::load(VarBuilder::from_varmap(&map, DType::F32, &device), architecture)?;
    let fixed = YoloV8::load(folded(&map, &device), architecture)?;
    let config = Config::of(Variant::B0);
    let live = Build { config: &config, norms: Norms::Live { momentum: 0.1 } };
    let vb = VarBuilder::from_varmap(&map, DType::F32, &device).pp("b0");
    let backbone = Backbone::load(&vb, live)?;
    let head = Pointwise::load(&vb, ("conv_head", "bn2"), (320, config.head), Some(config.activation), live)?;
    let static_vb = VarBuilder::from_tensors(detached(&map), DType::F32, &device).pp("b0");
    let still = Build::folded(&config);
    let still_backbone = Backbone::load(&static_vb, still)?;
    let still_head =
        Pointwise::load(&static_vb, ("conv_head", "bn2"), (320, config.head), Some(config.activation), still)?;
    if device.is_cuda() {
        for (precision, dtype) in [("f32", DType::F32), ("bf16", DType::BF16)] {
            let images =
                |batch: usize, side: usize| Tensor::rand(0_f32, 1.0, (batch, 3, side, side), &device)?.to_dtype(dtype);
            let name = format!("yolov8n train b16 640 {precision}");
            if wanted(&name) {
                let images = images(16, 640)?;
                measure(&name, 15, || {
                    let y = yolo.forward_t(&images, true)?;
                    let loss = (square(&y.distances)? + square(&y.classes)?)?;
                    std::hint::black_box(loss.backward()?);
                    device.synchronize()
                })?;
            }
            let name = format!("b0 train b64 224 {precision}");
            if wanted(&name) {
                let images = images(64, 224)?;
                measure(&name, 15, || {
                    let loss = square(&pool(&head.forward_t(&backbone.forward_t(&images, true)?, true)?)?)?;
                    std::hint::black_box(loss.backward()?);
                    device.synchronize()
                })?;
            }
        }
        return Ok(());
    }
    engine::on_threads(|| {
        let train_yolo = |name: &str, batch: usize, side: usize| {
            let images = Tensor::rand(0_f32, 1.0, (batch, 3, side, side), &device)?;
            measure(name, 7, || {
                let y = yolo.forward_t(&images, true)?;
                std::hint::black_box((square(&y.distances)? + square(&y.classes)?)?.backward()?);
                Ok(())
            })
        };
        if wanted("yolov8n train b4 640") {
            train_yolo("yolov8n train b4 640", 4, 640)?;
        }
        if wanted("yolov8n train b4 320") {
            train_yolo("yolov8n train b4 320", 4, 320)?;
        }
        if wanted("yolov8n infer b1 640") {
            let images = Tensor::rand(0_f32, 1.0, (1, 3, 640, 640), &device)?;
            measure("yolov8n infer b1 640", 25, || fixed.predict(&images).map(drop))?;
        }
        for (name, batch) in [("b0 infer b1 224", 1), ("b0 infer b8 224", 8)] {
            if wanted(name) {
                let images = Tensor::rand(0_f32, 1.0, (batch, 3, 224, 224), &device)?;
                measure(name, 25, || {
                    pool(&still_head.forward_t(&still_backbone.forward_t(&images, false)?, false)?).map(drop)
                })?;
            }
        }
        if wanted("b0 train b32 160") {
            let images = Tensor::rand(0_f32, 1.0, (32, 3, 160, 160), &device)?;
            measure("b0 train b32 160", 7, || {
                let y = pool(&head.forward_t(&backbone.forward_t(&images, true)?, true)?)?;
                std::hint::black_box(square(&y)?.backward()?);
                Ok(())
            })?;
        }
        Ok(())
    })
}
