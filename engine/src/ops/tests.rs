//! Gradients against finite differences in `f64`; the vectorised loops of every instruction set against `f64`.

use std::sync::LazyLock;

use candle_core::{DType, Device, Result, Tensor, Var};
use proptest::prelude::*;

use super::kernel::Isa;
use super::*;

/// Where the tests compute: a CPU, or what `SHELF_TEST_DEVICE` names (`make cuda-test`).
fn device() -> Device {
    static DEVICE: LazyLock<crate::Device> = LazyLock::new(|| {
        let name = std::env::var("SHELF_TEST_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
        crate::Device::parse(&name).unwrap()
    });
    (**DEVICE).clone()
}

/// Numbers between -1 and 1 that look random and are always the same.
fn noise(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let count = shape.iter().product();
    let values: Vec<f64> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
    .take(count)
    .collect();
    Tensor::from_vec(values, shape, &device()).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The gradients of `sum(f(inputs) * noise)`.
fn gradients(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Vec<Tensor> {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let y = f(&tensors).unwrap();
    let weights = noise(y.dims(), 99).to_dtype(y.dtype()).unwrap();
    let store = (y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    vars.iter().map(|var| store.get(var).unwrap().clone()).collect()
}

/// Compares [`gradients`] with central differences.
fn check_gradients(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    const STEP: f64 = 1e-5;
    let analytic = gradients(inputs, &f);
    let loss = |inputs: &[Tensor]| {
        let y = f(inputs).unwrap();
        let weights = noise(y.dims(), 99);
        values(&(y * weights).unwrap()).iter().sum::<f64>()
    };
    for (i, input) in inputs.iter().enumerate() {
        let (numbers, analytic) = (values(input), values(&analytic[i]));
        for at in 0..numbers.len() {
            let moved = |by: f64| {
                let mut numbers = numbers.clone();
                numbers[at] += by;
                let mut inputs = inputs.to_vec();
                inputs[i] = Tensor::from_vec(numbers, input.shape(), &device()).unwrap();
                loss(&inputs)
            };
            let numeric = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let error = (numeric - analytic[at]).abs();
            assert!(error <= 1e-7 * (1.0 + numeric.abs()), "input {i}, number {at}: {} for {numeric}", analytic[at]);
        }
    }
}

fn conv(stride: usize, [top, bottom, left, right]: [usize; 4], groups: usize) -> Conv2d {
    Conv2d { stride, padding: Padding { top, bottom, left, right }, groups }
}

/// Sizes of one convolution.
#[derive(Debug, Clone, Copy)]
struct Case {
    x: [usize; 4],
    outputs: usize,
    kernel: [usize; 2],
    conv: Conv2d,
}

impl Case {
    fn tensors(&self) -> Vec<Tensor> {
        let weight = [self.outputs, self.x[1] / self.conv.groups, self.kernel[0], self.kernel[1]];
        vec![noise(&self.x, 1), noise(&weight, 2), noise(&[self.outputs], 3)]
    }
}

fn odd_cases() -> Vec<Case> {
    let case = |x, outputs, kernel, conv| Case { x, outputs, kernel, conv };
    vec![
        case([2, 3, 5, 4], 4, [3, 3], conv(1, [1, 1, 1, 1], 1)),
        case([2, 2, 7, 6], 3, [3, 3], conv(2, [1, 1, 1, 1], 1)),
        case([1, 3, 6, 7], 2, [3, 3], conv(2, [0, 1, 0, 1], 1)),
        case([2, 5, 4, 3], 3, [1, 1], conv(1, [0; 4], 1)),
        case([1, 2, 5, 7], 2, [1, 1], conv(2, [0; 4], 1)),
        case([1, 2, 3, 4], 2, [1, 1], conv(1, [1, 0, 2, 1], 1)),
        // Gradients whose grid is higher than they are.
        case([1, 1, 3, 24], 1, [3, 1], conv(3, [1, 0, 1, 0], 1)),
        case([2, 1, 9, 8], 2, [5, 5], conv(3, [2, 1, 0, 2], 1)),
        case([1, 2, 8, 7], 3, [6, 6], conv(2, [2, 2, 2, 2], 1)),
        case([1, 2, 6, 9], 2, [2, 5], conv(2, [0, 1, 2, 2], 1)),
        case([2, 4, 5, 6], 4, [3, 3], conv(1, [1, 1, 1, 1], 4)),
        case([2, 3, 7, 5], 3, [5, 5], conv(2, [1, 2, 1, 2], 3)),
        case([1, 3, 6, 6], 3, [3, 3], conv(2, [0, 1, 0, 1], 3)),
        case([1, 4, 5, 5], 6, [3, 3], conv(1, [1, 1, 1, 1], 2)),
        case([1, 2, 4, 5], 4, [3, 3], conv(1, [1, 1, 1, 1], 2)),
    ]
}

#[test]
fn convolution_gradients_are_right() {
    for case in odd_cases() {
        let tensors = case.tensors();
        check_gradients(&tensors, |t| conv2d(&t[0], &t[1], Some(&t[2]), case.conv));
        check_gradients(&tensors[..2], |t| conv2d(&t[0], &t[1], None, case.conv));
    }
}

#[test]
fn convolution_is_candles() {
    for case in odd_cases() {
        let (tensors, p) = (case.tensors(), case.conv.padding);
        let x = tensors[0].pad_with_zeros(2, p.top, p.bottom).unwrap().pad_with_zeros(3, p.left, p.right).unwrap();
        let theirs = x.conv2d(&tensors[1], 0, case.conv.stride, 1, case.conv.groups).unwrap();
        let ours = conv2d(&tensors[0], &tensors[1], None, case.conv).unwrap();
        assert_eq!(ours.dims(), theirs.dims(), "{case:?}");
        assert_close(&ours, &theirs, 1e-12, &format!("{case:?}"));
    }
}

fn assert_close(ours: &Tensor, theirs: &Tensor, tolerance: f64, what: &str) {
    let (ours, theirs) = (values(ours), values(theirs));
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(1.0, |max: f64, value| max.max(value.abs()));
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert!((ours - theirs).abs() <= tolerance * scale, "{what}: number {at} is {ours}, not {theirs}");
    }
}

/// Results and gradients in `f32`, with every instruction set, against `f64`.
fn check_f32(case: &Case) {
    let tensors = case.tensors();
    let exact = conv2d(&tensors[0], &tensors[1], Some(&tensors[2]), case.conv).unwrap();
    let exact_gradients = gradients(&tensors, |t| conv2d(&t[0], &t[1], Some(&t[2]), case.conv));
    // Filters' gradients are sums over all pixels; errors of sums of either sign grow with the root of their length.
    let pixels = (exact.elem_count() / case.outputs) as f64;
    let tolerance = 4e-6 * (pixels / 64.0).sqrt().max(1.0);
    let single: Vec<Tensor> = tensors.iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
    for isa in Isa::all() {
        let what = format!("{isa:?} {case:?}");
        let run = |t: &[Tensor]| conv::conv2d_with(isa, &t[0], &t[1], Some(&t[2]), case.conv);
        assert_close(&run(&single).unwrap(), &exact, 2e-6, &what);
        for (ours, exact) in gradients(&single, run).iter().zip(&exact_gradients) {
            assert_close(ours, exact, tolerance, &what);
        }
    }
}

#[test]
fn single_precision_agrees_on_odd_shapes() {
    odd_cases().iter().for_each(check_f32);
}

#[test]
fn single_precision_agrees_across_tiles_and_strips() {
    let case = |x, outputs, kernel, conv| Case { x, outputs, kernel, conv };
    let same = [1, 1, 1, 1];
    for case in [
        case([1, 3, 70, 96], 9, [3, 3], conv(1, same, 1)),
        case([2, 17, 33, 41], 12, [3, 3], conv(2, same, 1)),
        case([1, 130, 20, 20], 24, [3, 3], conv(1, same, 1)),
        case([5, 40, 7, 7], 19, [1, 1], conv(1, [0; 4], 1)),
        case([3, 8, 64, 48], 16, [1, 1], conv(1, [0; 4], 1)),
        case([2, 6, 50, 47], 6, [5, 5], conv(2, [2, 2, 1, 2], 6)),
        case([1, 5, 64, 64], 5, [3, 3], conv(1, same, 5)),
        case([3, 2, 64, 72], 2, [3, 3], conv(1, same, 2)),
    ] {
        check_f32(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn single_precision_agrees(
        (batch, channels, outputs) in (1_usize..4, 1_usize..12, 1_usize..20),
        (height, width) in (1_usize..30, 1_usize..60),
        (k, l) in (1_usize..7, 1_usize..7),
        stride in 1_usize..4,
        padding in proptest::array::uniform4(0_usize..4),
        depthwise in any::<bool>(),
    ) {
        prop_assume!(height + padding[0] + padding[1] >= k && width + padding[2] + padding[3] >= l);
        let (outputs, groups) = if depthwise { (channels, channels) } else { (outputs, 1) };
        let conv = conv(stride, padding, groups);
        check_f32(&Case { x: [batch, channels, height, width], outputs, kernel: [k, l], conv });
    }
}

#[test]
fn parts_of_channels_need_no_copy() {
    let (x, w) = (noise(&[3, 8, 6, 5], 1).to_dtype(DType::F32).unwrap(), noise(&[4, 3, 3, 3], 2));
    let w = w.to_dtype(DType::F32).unwrap();
    let part = x.narrow(1, 2, 3).unwrap();
    assert!(!part.is_contiguous());
    let conv = conv(1, [1; 4], 1);
    let (viewed, copied) = (conv2d(&part, &w, None, conv), conv2d(&part.contiguous().unwrap(), &w, None, conv));
    assert_eq!(values(&viewed.unwrap()), values(&copied.unwrap()));
    let turned = x.transpose(2, 3).unwrap();
    assert!(conv2d(&turned, &noise(&[2, 8, 3, 3], 5).to_dtype(DType::F32).unwrap(), None, conv).is_ok());
}

#[test]
fn results_do_not_depend_on_threads() {
    let case = Case { x: [3, 24, 40, 33], outputs: 40, kernel: [3, 3], conv: conv(1, [1; 4], 1) };
    let single: Vec<Tensor> = case.tensors().iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let f = |t: &[Tensor]| {
                let y = conv2d(&t[0], &t[1], Some(&t[2]), case.conv)?;
                let (y, ..) = batch_norm_act(&y, &t[2], &t[2], 1e-3, Activation::Silu)?;
                Ok(y)
            };
            let mut all: Vec<f64> = values(&f(&single).unwrap());
            gradients(&single, f).iter().for_each(|g| all.extend(values(g)));
            all
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3) && one == run(7));
}

#[test]
fn fused_inference_is_the_same_function() {
    for activation in [Activation::Identity, Activation::Silu, Activation::Relu6] {
        for case in odd_cases() {
            let single: Vec<Tensor> = case.tensors().iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
            let fused = conv2d_act(&single[0], &single[1], &single[2], case.conv, activation).unwrap();
            let apart = conv2d(&single[0], &single[1], Some(&single[2]), case.conv).unwrap();
            assert_close(&fused, &activate(&apart, activation).unwrap(), 1e-6, &format!("{case:?}"));
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let x = noise(&[1, 4, 5, 5], 1);
    let bad = |w: &[usize], conv: Conv2d| conv2d(&x, &noise(w, 2), None, conv).is_err();
    assert!(bad(&[2, 3, 3, 3], conv(1, [0; 4], 1)));
    assert!(bad(&[3, 2, 3, 3], conv(1, [0; 4], 2)));
    assert!(bad(&[2, 4, 7, 3], conv(1, [0; 4], 1)));
    assert!(bad(&[2, 4, 3, 3], conv(0, [0; 4], 1)));
    assert!(bad(&[2, 4, 3, 3], conv(1, [0; 4], 0)));
    assert!(conv2d(&x, &noise(&[2, 4, 3, 3], 2), Some(&noise(&[3], 3)), conv(1, [0; 4], 1)).is_err());
    assert!(max_pool2d(&x, 2, 1, Padding::all(2)).is_err());
    assert!(max_pool2d(&x, 7, 1, Padding::all(0)).is_err());
    assert!(upsample_nearest2d(&x, 0).is_err());
    assert!(batch_norm(&x, &noise(&[3], 1), &noise(&[4], 1), 1e-3).is_err());
}

#[test]
fn pool_gradients_are_right() {
    for (kernel, stride, padding) in [
        (2, 2, Padding::default()),
        (3, 2, Padding::all(1)),
        (5, 1, Padding::all(2)),
        (3, 3, Padding { top: 0, bottom: 2, left: 1, right: 0 }),
    ] {
        // Distinct numbers: no ties within a step of the difference.
        let x = (noise(&[2, 2, 7, 6], 4) * 10.0).unwrap();
        check_gradients(&[x], |t| max_pool2d(&t[0], kernel, stride, padding));
    }
}

#[test]
fn padding_of_a_pool_is_below_everything() {
    let x = (noise(&[1, 1, 4, 4], 4) - 5.0).unwrap();
    let y = max_pool2d(&x, 5, 1, Padding::all(2)).unwrap();
    assert!(values(&y).iter().all(|&value| value < 0.0));
    let x = Tensor::new(&[[[[1.0, f32::NAN], [2.0, 3.0]]]], &device()).unwrap();
    assert!(values(&max_pool2d(&x, 2, 2, Padding::default()).unwrap())[0].is_nan());
}

#[test]
fn pools_composed_of_candles_operations_agree() {
    for (height, width, kernel, padding) in [(1, 1, 5, 2), (2, 2, 5, 2), (9, 4, 3, 1), (6, 7, 3, 0), (5, 5, 1, 0)] {
        let x = (noise(&[2, 2, height, width], 4) - 3.0).unwrap();
        let padding = Padding::all(padding);
        let (ours, composed) = (max_pool2d(&x, kernel, 1, padding), pool::composed(&x, kernel, padding));
        assert_eq!(values(&ours.unwrap()), values(&composed.unwrap()), "{height}x{width}");
    }
}

#[test]
fn upsampling_repeats_pixels() {
    let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], (1, 1, 2, 2), &device()).unwrap();
    let y = upsample_nearest2d(&x, 2).unwrap();
    assert_eq!(values(&y), [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4].map(f64::from));
}

#[test]
fn ties_go_to_the_first() {
    let x = Var::from_tensor(&Tensor::zeros((1, 1, 2, 3), DType::F32, &device()).unwrap()).unwrap();
    let store = max_pool2d(&x, 2, 1, Padding::default()).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(values(store.get(&x).unwrap()), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn upsampling_gradients_add_up() {
    for factor in [1, 2, 3] {
        // A second use of the input: candle's own operation forgets it.
        check_gradients(&[noise(&[2, 3, 3, 4], 5)], |t| upsample_nearest2d(&(&t[0] * &t[0])?, factor));
        check_gradients(&[noise(&[2, 3, 3, 4], 5)], |t| {
            let up = upsample_nearest2d(&t[0], factor)?;
            up * t[0].sum_all()?.reshape((1, 1, 1, 1))?.broadcast_as((2, 3, 3 * factor, 4 * factor))?
        });
    }
}

const ACTIVATIONS: [Activation; 5] =
    [Activation::Identity, Activation::Silu, Activation::Relu, Activation::Relu6, Activation::Sigmoid];

#[test]
fn activation_gradients_are_right() {
    let x = (noise(&[3, 50], 6) * 9.0).unwrap();
    for activation in ACTIVATIONS {
        check_gradients(std::slice::from_ref(&x), |t| activate(&t[0], activation));
        let single = x.to_dtype(DType::F32).unwrap();
        for isa in Isa::all() {
            let run = |t: &Tensor| t.apply_op1(activation::Activate { activation, isa });
            assert_close(&run(&single).unwrap(), &activate(&x, activation).unwrap(), 3e-7, "activation");
            let exact = gradients(std::slice::from_ref(&x), |t| activate(&t[0], activation));
            let ours = gradients(std::slice::from_ref(&single), |t| run(&t[0]));
            assert_close(&ours[0], &exact[0], 1e-6, "activation");
        }
        let nan = activate(&Tensor::new(&[f32::NAN], &device()).unwrap(), activation).unwrap();
        assert!(values(&nan)[0].is_nan());
    }
}

#[test]
fn normalisation_gradients_are_right() {
    let tensors = [noise(&[2, 3, 4, 3], 7), noise(&[3], 8), noise(&[3], 9)];
    for activation in ACTIVATIONS {
        check_gradients(&tensors, |t| Ok(batch_norm_act(&t[0], &t[1], &t[2], 1e-3, activation)?.0));
        check_gradients(&tensors, |t| scale_shift_act(&t[0], &t[1], &t[2], activation));
    }
}

#[test]
fn channel_gradients_are_right() {
    check_gradients(&[noise(&[2, 3, 4, 3], 7)], |t| channel_means(&t[0]));
    check_gradients(&[noise(&[2, 3, 4, 3], 7), noise(&[2, 3], 8)], |t| scale_channels(&t[0], &t[1]));
}

#[test]
fn normalisation_in_single_precision_agrees() {
    // Far from zero: variances that are computed from sums of squares would be lost.
    let x = (noise(&[3, 4, 70, 65], 7) + 300.0).unwrap();
    let tensors = [x, noise(&[4], 8), noise(&[4], 9)];
    let single: Vec<Tensor> = tensors.iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
    // What single precision keeps of `x`.
    let tensors: Vec<Tensor> = single.iter().map(|t| t.to_dtype(DType::F64).unwrap()).collect();
    let run = |t: &[Tensor]| Ok(batch_norm_act(&t[0], &t[1], &t[2], 1e-3, Activation::Silu)?.0);
    assert_close(&run(&single).unwrap(), &run(&tensors).unwrap(), 2e-4, "normalised");
    for (ours, exact) in gradients(&single, run).iter().zip(gradients(&tensors, run)) {
        assert_close(ours, &exact, 2e-4, "gradient");
    }
    let (_, mean, variance) = batch_norm(&single[0], &single[1], &single[2], 1e-3).unwrap();
    let exact = tensors[0].mean((0, 2, 3)).unwrap();
    assert_close(&mean, &exact, 1e-6, "mean");
    let centred = tensors[0].broadcast_sub(&exact.reshape((1, 4, 1, 1)).unwrap()).unwrap();
    assert_close(&variance, &centred.sqr().unwrap().mean((0, 2, 3)).unwrap(), 1e-5, "variance");
    assert!(!mean.track_op() && !variance.track_op());
}

/// Sums of `bf16` products in `f32`, rounded to eight bits.
const HALF: f64 = 1.5e-2;

#[test]
fn mixed_precision_is_close() {
    let close = |inputs: &[Tensor], what: &str, f: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
        let single: Vec<Tensor> = inputs.iter().map(|t| t.to_dtype(DType::F32).unwrap()).collect();
        // The images in half precision, what they meet in full.
        let half = |t: &[Tensor]| {
            let mut t = t.to_vec();
            t[0] = t[0].to_dtype(DType::BF16)?;
            let y = f(&t)?;
            assert_eq!(y.dtype(), DType::BF16, "{what}");
            y.to_dtype(DType::F32)
        };
        assert_close(&half(&single).unwrap(), &f(inputs).unwrap(), HALF, what);
        for (half, exact) in gradients(&single, half).iter().zip(&gradients(inputs, f)) {
            assert_eq!(half.dtype(), DType::F32, "{what}: weights keep their type");
            assert_close(half, exact, HALF, &format!("{what}: gradient"));
        }
    };
    // candle has no product of bf16 matrices on a CPU.
    for case in odd_cases().iter().filter(|_| device().is_cuda()) {
        close(&case.tensors(), &format!("{case:?}"), &|t| conv2d(&t[0], &t[1], Some(&t[2]), case.conv));
    }
    let image = noise(&[2, 3, 8, 6], 7);
    let tensors = [image.clone(), noise(&[3], 8), noise(&[3], 9)];
    for activation in [Activation::Identity, Activation::Silu, Activation::Sigmoid] {
        close(&tensors, "norm", &|t| Ok(batch_norm_act(&t[0], &t[1], &t[2], 1e-3, activation)?.0));
        close(&tensors, "scale", &|t| scale_shift_act(&t[0], &t[1], &t[2], activation));
        close(&tensors[..1], "activation", &|t| activate(&t[0], activation));
    }
    close(&tensors[..1], "upsampling", &|t| upsample_nearest2d(&t[0], 2));
    close(&tensors[..1], "means", &|t| channel_means(&t[0]));
    let (_, mean, variance) =
        batch_norm(&image.to_dtype(DType::BF16).unwrap(), &tensors[1], &tensors[2], 1e-3).unwrap();
    let exact = batch_norm(&image, &tensors[1], &tensors[2], 1e-3).unwrap();
    assert_close(&mean, &exact.1, 5e-3, "mean");
    assert_close(&variance, &exact.2, 5e-3, "variance");
}
