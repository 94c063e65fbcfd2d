//! EfficientNet's trunk: its depthwise convolution against candle's own, and training mode against inference.

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use engine::Weights;
use engine::efficientnet::depthwise::{Pad, depthwise_conv2d};
use engine::efficientnet::{Build, Config, Norms, Trunk, VARIANTS, Variant};
use proptest::prelude::*;

/// candle's own grouped convolution over a padded picture.
fn reference(x: &Tensor, weight: &Tensor, stride: usize, pad: Pad) -> Tensor {
    let x = x.pad_with_zeros(2, pad.top, pad.bottom).unwrap().pad_with_zeros(3, pad.left, pad.right).unwrap();
    let groups = x.dim(1).unwrap();
    x.conv2d(weight, 0, stride, 1, groups).unwrap()
}

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn is_candles(
        seed: u64, batch in 1_usize..4, channels in 1_usize..6, height in 1_usize..20, width in 1_usize..40,
        (k, l) in (1_usize..6, 1_usize..6), stride in 1_usize..4,
        (top, bottom, left, right) in (0_usize..4, 0_usize..4, 0_usize..4, 0_usize..4),
    ) {
        prop_assume!(height + top + bottom >= k && width + left + right >= l);
        // candle's own convolution wants square kernels only where it pads; here it does not.
        let x = noise_tensor(seed, &[batch, channels, height, width]);
        let weight = noise_tensor(seed ^ 1, &[channels, 1, k, l]);
        let pad = Pad { top, bottom, left, right };
        let ours = depthwise_conv2d(&x, &weight, stride, pad).unwrap();
        let candles = reference(&x, &weight, stride, pad);
        prop_assert_eq!(ours.dims(), candles.dims());
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        close(&flat(&ours), &flat(&candles), 1e-5, "depthwise");
    }
}

#[test]
fn takes_views_and_other_types() {
    let x = noise_tensor(3, &[2, 9, 7, 4]);
    let weight = noise_tensor(4, &[4, 1, 3, 3]);
    let view = x.permute((0, 3, 1, 2)).unwrap();
    let pad = Pad { top: 1, bottom: 1, left: 1, right: 1 };
    let flat = |t: &Tensor| t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let expected = flat(&reference(&view.contiguous().unwrap(), &weight, 2, pad));
    close(&flat(&depthwise_conv2d(&view, &weight, 2, pad).unwrap()), &expected, 1e-5, "view");
    let (x64, w64) = (view.to_dtype(DType::F64).unwrap(), weight.to_dtype(DType::F64).unwrap());
    close(&flat(&depthwise_conv2d(&x64, &w64, 2, pad).unwrap()), &expected, 1e-5, "f64");
}

#[test]
fn refuses_what_does_not_fit() {
    let tensor = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let check = |x: &[usize], weight: &[usize], stride, expected: &str| {
        let error = depthwise_conv2d(&tensor(x), &tensor(weight), stride, Pad::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&[1, 4, 8, 8], &[5, 1, 3, 3], 1, "of 4 channels");
    check(&[1, 4, 8, 8], &[4, 2, 3, 3], 1, "of 4 channels");
    check(&[1, 4, 8, 8], &[4, 1, 3, 3], 0, "stride");
    check(&[1, 4, 2, 8], &[4, 1, 3, 3], 1, "3x3 kernel over 2x8");
    check(&[4, 8, 8], &[4, 1, 3, 3], 1, "rank");
}

#[test]
fn live_norms_compute_what_folded_ones_do_and_learn_when_told() {
    for variant in [Variant::Lite0, Variant::B0] {
        let config = Config::of(variant);
        let map = VarMap::new();
        let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        let live = Build { config: &config, norms: Norms::Live { momentum: 0.5 } };
        let trunk = Trunk::load(&vb, live).unwrap();
        let x = noise_tensor(5, &[2, 3, 64, 64]);
        let mean = || map.data().lock().unwrap()["bn1.running_mean"].as_tensor().to_vec1::<f32>().unwrap();
        trunk.forward_t(&x, false).unwrap();
        assert!(mean().iter().all(|&m| m == 0.0), "{variant}: inference learns nothing");
        for _ in 0..4 {
            trunk.forward_t(&x, true).unwrap();
        }
        assert!(mean().iter().any(|&m| m.abs() > 1e-6), "{variant}");

        let mut weights = Weights::new("live".as_ref());
        for (name, var) in map.data().lock().unwrap().iter() {
            let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            weights.insert(name.as_str(), var.dims(), values).unwrap();
        }
        let folded = weights.build(&Device::Cpu, |vb| Trunk::load(&vb, Build::folded(&config))).unwrap();
        assert_eq!(weights.unused(), Vec::<&str>::new(), "{variant}");
        let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [four, ten, last] = trunk.taps(&x, [4, 10, 15], false).unwrap();
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
    let trunk = Trunk::load(&vb, Build { config: &config, norms: Norms::Live { momentum: 0.03 } }).unwrap();
    let features = trunk.forward_t(&noise_tensor(6, &[2, 3, 64, 64]), true).unwrap();
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
