//! EfficientNet's backbone: training mode against inference.

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use engine::Weights;
use engine::backbone::Norms;
use engine::efficientnet::{Backbone, Build, Config, VARIANTS, Variant};

/// Numbers in -1..1 that look random and are the same everywhere.
fn noise_tensor(seed: u64, shape: &[usize]) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{what}: number {at} is {found}, not {expected} +- {tolerance}");
    }
}

#[test]
fn live_norms_compute_what_folded_ones_do_and_learn_when_told() {
    for variant in [Variant::Lite0, Variant::B0] {
        let config = Config::of(variant);
        let map = VarMap::new();
        let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        let live = Build { config: &config, norms: Norms::Live { momentum: 0.5 } };
        let backbone = Backbone::load(&vb, live).unwrap();
        let x = noise_tensor(5, &[2, 3, 64, 64]);
        let mean = || map.data().lock().unwrap()["bn1.running_mean"].as_tensor().to_vec1::<f32>().unwrap();
        backbone.forward_t(&x, false).unwrap();
        assert!(mean().iter().all(|&m| m == 0.0), "{variant}: inference learns nothing");
        for _ in 0..4 {
            backbone.forward_t(&x, true).unwrap();
        }
        assert!(mean().iter().any(|&m| m.abs() > 1e-6), "{variant}");

        let mut weights = Weights::new("live".as_ref());
        for (name, var) in map.data().lock().unwrap().iter() {
            let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            weights.insert(name.as_str(), var.dims(), values).unwrap();
        }
        let folded = weights.build(&Device::Cpu, |vb| Backbone::load(&vb, Build::folded(&config))).unwrap();
        assert_eq!(weights.unused(), Vec::<&str>::new(), "{variant}");
        let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [four, ten, last] = backbone.taps(&x, [4, 10, 15], false).unwrap();
        assert_eq!(four.dims(), [2, 40, 8, 8], "{variant}");
        assert_eq!(ten.dims(), [2, 112, 4, 4], "{variant}");
        let last = flat(last);
        let scale = last.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        close(&last, &flat(folded.forward_t(&x, false).unwrap()), 1e-4 * scale, variant.as_str());
        assert!(folded.taps(&x, [4, 16], false).is_err(), "there is no block 16");
    }
}

#[test]
fn gradients_reach_every_weight() {
    let config = Config::of(Variant::B0);
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let backbone = Backbone::load(&vb, Build { config: &config, norms: Norms::Live { momentum: 0.03 } }).unwrap();
    let features = backbone.forward_t(&noise_tensor(6, &[2, 3, 64, 64]), true).unwrap();
    let gradients = (&features * noise_tensor(7, features.dims())).unwrap().sum_all().unwrap().backward().unwrap();
    for (name, var) in map.data().lock().unwrap().iter() {
        if name.contains("running_") {
            continue;
        }
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let largest = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(largest > 0.0 && largest.is_finite(), "{name}: {largest}");
    }
}

#[test]
fn every_size_gives_features_at_strides_8_16_and_32() {
    for variant in VARIANTS {
        let blocks = Config::of(variant).blocks();
        let stride = |until: usize| blocks[..=until].iter().map(|b| b.stride).product::<usize>() * 2;
        let last_of = |stage: usize| blocks.iter().rposition(|b| b.stage == stage).unwrap();
        assert_eq!([2, 4, 6].map(|stage| stride(last_of(stage))), [8, 16, 32], "{variant}");
    }
}
