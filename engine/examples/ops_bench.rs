//! Times of the operations of YOLOv8n and EfficientNet-B0, layer by layer, forward and with gradients.
//!
//! `cargo run --release -p engine --example ops_bench [-- FILTER]`; `ops_bench.py` beside it times PyTorch on the same shapes.
//! Columns: name, forward ms, forward and backward ms, percent of `--peak` GFLOP/s for both.

use std::time::Instant;

use candle_core::{Device, Result, Tensor, Var};
use engine::ops::{Conv2d, Padding, conv2d};

/// name, (batch, channels, side), outputs, kernel, stride, groups
type Layer = (&'static str, (usize, usize, usize), usize, usize, usize, usize);

const LAYERS: &[Layer] = &[
    ("yolo stem 3x3 s2 3-16 @640", (4, 3, 640), 16, 3, 2, 1),
    ("yolo down 3x3 s2 16-32 @320", (4, 16, 320), 32, 3, 2, 1),
    ("yolo 1x1 32-32 @160", (4, 32, 160), 32, 1, 1, 1),
    ("yolo 3x3 16-16 @160", (4, 16, 160), 16, 3, 1, 1),
    ("yolo down 3x3 s2 32-64 @160", (4, 32, 160), 64, 3, 2, 1),
    ("yolo 1x1 128-64 @80", (4, 128, 80), 64, 1, 1, 1),
    ("yolo 3x3 32-32 @80", (4, 32, 80), 32, 3, 1, 1),
    ("yolo head 3x3 64-64 @80", (4, 64, 80), 64, 3, 1, 1),
    ("yolo head 3x3 80-80 @80", (4, 80, 80), 80, 3, 1, 1),
    ("yolo head 1x1 80-80 @80", (4, 80, 80), 80, 1, 1, 1),
    ("yolo down 3x3 s2 64-128 @80", (4, 64, 80), 128, 3, 2, 1),
    ("yolo 1x1 384-128 @40", (4, 384, 40), 128, 1, 1, 1),
    ("yolo 3x3 64-64 @40", (4, 64, 40), 64, 3, 1, 1),
    ("yolo down 3x3 s2 128-256 @40", (4, 128, 40), 256, 3, 2, 1),
    ("yolo 1x1 512-256 @20", (4, 512, 20), 256, 1, 1, 1),
    ("yolo 3x3 128-128 @20", (4, 128, 20), 128, 3, 1, 1),
    ("b0 stem 3x3 s2 3-32 @160", (32, 3, 160), 32, 3, 2, 1),
    ("b0 dw 3x3 32 @80", (32, 32, 80), 32, 3, 1, 32),
    ("b0 1x1 16-96 @80", (32, 16, 80), 96, 1, 1, 1),
    ("b0 dw 3x3 s2 96 @80", (32, 96, 80), 96, 3, 2, 96),
    ("b0 1x1 96-24 @40", (32, 96, 40), 24, 1, 1, 1),
    ("b0 1x1 24-144 @40", (32, 24, 40), 144, 1, 1, 1),
    ("b0 dw 5x5 s2 144 @40", (32, 144, 40), 144, 5, 2, 144),
    ("b0 dw 5x5 240 @20", (32, 240, 20), 240, 5, 1, 240),
    ("b0 1x1 240-40 @20", (32, 240, 20), 40, 1, 1, 1),
    ("b0 1x1 80-480 @10", (32, 80, 10), 480, 1, 1, 1),
    ("b0 dw 5x5 672 @10", (32, 672, 10), 672, 5, 1, 672),
    ("b0 1x1 672-112 @10", (32, 672, 10), 112, 1, 1, 1),
    ("b0 dw 5x5 1152 @5", (32, 1152, 5), 1152, 5, 1, 1152),
    ("b0 1x1 192-1152 @5", (32, 192, 5), 1152, 1, 1, 1),
    ("b0 1x1 1152-192 @5", (32, 1152, 5), 192, 1, 1, 1),
    ("b0 1x1 320-1280 @5", (32, 320, 5), 1280, 1, 1, 1),
];

/// The fastest of repeats that take about a second.
fn fastest(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    for _ in 0..60 {
        let one = Instant::now();
        work()?;
        best = best.min(one.elapsed().as_secs_f64());
        if start.elapsed().as_secs_f64() > 0.6 {
            break;
        }
    }
    Ok(best * 1e3)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filter = arguments.first().map_or("", String::as_str);
    let peak: f64 = std::env::var("PEAK_GFLOPS").ok().and_then(|p| p.parse().ok()).unwrap_or(f64::NAN);
    let device = Device::Cpu;
    println!("layer,forward_ms,forward_backward_ms,forward_peak_percent,forward_backward_peak_percent");
    for &(name, (batch, channels, side), outputs, kernel, stride, groups) in
        LAYERS.iter().filter(|layer| layer.0.contains(filter))
    {
        let conv = Conv2d { stride, padding: Padding::all(kernel / 2), groups };
        let x = Tensor::randn(0_f32, 1.0, (batch, channels, side, side), &device)?;
        let w = Tensor::randn(0_f32, 0.1, (outputs, channels / groups, kernel, kernel), &device)?;
        let (forward, both) = engine::on_threads(|| {
            let forward = fastest(|| conv2d(&x, &w, None, conv).map(drop))?;
            let (x, w) = (Var::from_tensor(&x)?, Var::from_tensor(&w)?);
            let seed = conv2d(&x, &w, None, conv)?.detach();
            let both = fastest(|| {
                let y = conv2d(&x, &w, None, conv)?;
                // The gradient of the sum of squares, halved, is `seed` itself: hand it over without other work.
                let store = y.apply_op2(&seed, Inject)?.backward()?;
                std::hint::black_box(store.get(&w));
                Ok(())
            })?;
            Ok::<_, candle_core::Error>((forward, both))
        })?;
        let out = side.div_ceil(stride);
        let flops = 2.0 * (batch * outputs * out * out * channels / groups * kernel * kernel) as f64;
        let (once, thrice) = (flops / forward / 1e6 / peak * 100.0, 3.0 * flops / both / 1e6 / peak * 100.0);
        println!("{name},{forward:.3},{both:.3},{once:.0},{thrice:.0}");
    }
    Ok(())
}

/// A scalar whose gradient towards the first input is the second: starts the way back without passes of its own.
struct Inject;

impl candle_core::CustomOp2 for Inject {
    fn name(&self) -> &'static str {
        "inject"
    }

    fn cpu_fwd(
        &self,
        _: &candle_core::CpuStorage,
        _: &candle_core::Layout,
        _: &candle_core::CpuStorage,
        _: &candle_core::Layout,
    ) -> Result<(candle_core::CpuStorage, candle_core::Shape)> {
        Ok((candle_core::CpuStorage::F32(vec![0.0]), ().into()))
    }

    fn bwd(&self, _: &Tensor, seed: &Tensor, _: &Tensor, _: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(seed.clone()), None))
    }
}
