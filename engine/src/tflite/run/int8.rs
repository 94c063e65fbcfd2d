//! Operators on int8, in integers as the reference kernels compute them. Functions with exponentials and roots are computed in
//! floats and rounded: a table would hold the same.

use super::fixed::Multiplier;
use super::float::{last_axis, softmax};
use super::loops::{Sweep, broadcast, concat, pad, reduce, resize};
use super::{Work, dequantized, pick, quantized};
use crate::tflite::graph::{Activation, Op, Quantization, Tensor, Values};
use crate::tflite::shape::{axis_of, ints};

/// Bits that sums are scaled up by, so that both terms keep their digits.
const ADD_SHIFT: u32 = 20;

fn bytes(values: &Values) -> &[i8] {
    match values {
        Values::I8(values) => values,
        Values::F32(_) | Values::I32(_) => &[],
    }
}

fn meaning(tensor: &Tensor) -> (f64, i32) {
    let whole = tensor.quantization.as_ref().and_then(Quantization::whole);
    whole.map_or((1.0, 0), |(scale, zero)| (f64::from(scale), zero))
}

/// The result as int8: zero point added, cut to what the activation lets through.
#[derive(Clone, Copy)]
struct Store {
    zero: i32,
    low: i32,
    high: i32,
}

impl Store {
    fn of(output: &Tensor, activation: Activation) -> Self {
        let (scale, zero) = meaning(output);
        let at = |value: f32| zero.saturating_add((value / scale as f32).round() as i32);
        let (low, high) = match activation {
            Activation::None => (-128, 127),
            Activation::Relu => (at(0.0).clamp(-128, 127), 127),
            Activation::Relu6 => (at(0.0).clamp(-128, 127), at(6.0).clamp(-128, 127)),
        };
        Self { zero, low, high: high.max(low) }
    }

    fn put(self, value: i32) -> i8 {
        value.saturating_add(self.zero).clamp(self.low, self.high) as i8
    }
}

/// Sums of products, per channel.
struct Layer<'a> {
    zero: i32,
    multipliers: Vec<Multiplier>,
    bias: &'a [i32],
    store: Store,
}

impl<'a> Layer<'a> {
    fn of(work: &Work<'a>, activation: Activation, channels: usize) -> Self {
        let ((input, zero), (output, _)) = (meaning(work.tensors[0]), meaning(work.output));
        let scales = work.tensors[1].quantization.as_ref().map_or(&[][..], |meaning| &meaning.scales);
        let scale = |channel: usize| f64::from(scales.get(channel).or(scales.first()).copied().unwrap_or(1.0));
        let bias = match work.values.get(2) {
            Some(Values::I32(bias)) => bias.as_slice(),
            _ => &[],
        };
        let multipliers = (0..channels).map(|channel| Multiplier::of(input * scale(channel) / output)).collect();
        Self { zero, multipliers, bias, store: Store::of(work.output, activation) }
    }

    fn start(&self, channel: usize) -> i32 {
        self.bias.get(channel).copied().unwrap_or(0)
    }

    fn add(&self, sum: i32, x: i8, w: i8) -> i32 {
        sum.wrapping_add((i32::from(x) - self.zero) * i32::from(w))
    }

    fn dot(&self, sum: i32, x: &[i8], w: &[i8]) -> i32 {
        x.iter().zip(w).fold(sum, |sum, (x, w)| self.add(sum, *x, *w))
    }

    fn finish(&self, sum: i32, channel: usize) -> i8 {
        self.store.put(self.multipliers[channel].of_int(sum))
    }
}

/// The result of an operator whose tensors were checked.
pub(super) fn compute(work: &Work<'_>) -> Values {
    if let (Op::Quantize, Some(Values::F32(x)), Some(to)) = (work.op, work.values.first(), &work.output.quantization) {
        return Values::I8(quantized(x, to));
    }
    let x = work.values.first().map_or(&[][..], |values| bytes(values));
    let shape = work.tensors.first().map_or(&[][..], |tensor| tensor.shape.as_slice());
    let out_shape = work.output.shape.as_slice();
    let list = |at: usize| ints(&work.tensors, at, "").unwrap_or(&[]);
    let sweep = |kernel, window| Sweep { input: shape, output: out_shape, kernel, window };
    let kernel = || [work.tensors[1].shape[1], work.tensors[1].shape[2]];
    let weights = || bytes(work.values[1]);
    let rescaled = |activation: Activation| {
        let ((from, zero), (to, _)) = (meaning(work.tensors[0]), meaning(work.output));
        let (by, store) = (Multiplier::of(from / to), Store::of(work.output, activation));
        x.iter().map(|x| store.put(by.of_int(i32::from(*x) - zero))).collect()
    };
    let in_floats =
        |function: &dyn Fn(&[f32]) -> Vec<f32>| match (&work.tensors[0].quantization, &work.output.quantization) {
            (Some(from), Some(to)) => quantized(&last_axis(&dequantized(x, from), shape, function), to),
            _ => Vec::new(),
        };
    Values::I8(match work.op {
        Op::FullyConnected(activation) => {
            let [outputs, depth] = work.tensors[1].shape[..] else { return Values::I8(Vec::new()) };
            let (layer, weights) = (Layer::of(work, activation, outputs), weights());
            let of = |x: &[i8], channel: usize| {
                layer.finish(layer.dot(layer.start(channel), x, &weights[channel * depth..][..depth]), channel)
            };
            x.chunks_exact(depth).flat_map(|x| (0..outputs).map(|channel| of(x, channel)).collect::<Vec<_>>()).collect()
        }
        Op::Conv2d(window, activation) => {
            let layer = Layer::of(work, activation, out_shape[3]);
            sweep(kernel(), window).dense(
                (x, weights()),
                |channel| layer.start(channel),
                |sum, x, w| layer.dot(sum, x, w),
                |sum, channel| layer.finish(sum, channel),
            )
        }
        Op::DepthwiseConv2d(window, activation) => {
            let layer = Layer::of(work, activation, out_shape[3]);
            sweep(kernel(), window).depthwise(
                (x, weights()),
                |channel| layer.start(channel),
                |sum, x, w| layer.add(sum, x, w),
                |sum, channel| layer.finish(sum, channel),
            )
        }
        Op::AveragePool2d(window, kernel, activation) => {
            let store = Store { zero: 0, ..Store::of(work.output, activation) };
            sweep(kernel, window).pool(
                x,
                0_i32,
                |sum, x| sum.wrapping_add(x.into()),
                |sum, count| {
                    let count = (count.max(1) as i32).max(1);
                    store.put(if sum > 0 { sum + count / 2 } else { sum - count / 2 } / count)
                },
            )
        }
        Op::MaxPool2d(window, kernel, activation) => {
            let store = Store { zero: 0, ..Store::of(work.output, activation) };
            sweep(kernel, window).pool(x, -128_i32, |max, x| max.max(x.into()), |max, _| store.put(max))
        }
        Op::Mean(_) => mean(work, x, shape, list(1)),
        Op::Add(activation) => add(work, activation),
        Op::Mul(activation) => {
            let ((a, a_zero), (b, b_zero)) = (meaning(work.tensors[0]), meaning(work.tensors[1]));
            let by = Multiplier::of(a * b / meaning(work.output).0);
            let store = Store::of(work.output, activation);
            let other = (weights(), work.tensors[1].shape.as_slice());
            broadcast((x, shape), other, out_shape, |a, b| {
                store.put(by.of_int((i32::from(a) - a_zero) * (i32::from(b) - b_zero)))
            })
        }
        Op::Relu => rescaled(Activation::Relu),
        Op::Relu6 => rescaled(Activation::Relu6),
        Op::Quantize => rescaled(Activation::None),
        Op::ResizeNearest { align_corners, half_pixel_centers } => {
            resize(x, shape, out_shape, (align_corners, half_pixel_centers))
        }
        Op::Concat(axis) => {
            let parts: Vec<_> = work
                .values
                .iter()
                .zip(&work.tensors)
                .map(|(values, tensor)| (bytes(values), tensor.shape.as_slice()))
                .collect();
            concat(&parts, axis_of(axis, shape.len()).unwrap_or(0))
        }
        Op::Reshape | Op::Dequantize => x.to_vec(),
        Op::Slice | Op::Transpose => pick(work, x),
        Op::Softmax(beta) => in_floats(&|row| softmax(row, beta)),
        Op::Logistic => in_floats(&|row| row.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()),
        Op::L2Normalize => in_floats(&|row| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
        }),
        Op::Pad => pad(x, shape, list(1), out_shape, meaning(work.output).1 as i8),
    })
}

fn mean(work: &Work<'_>, x: &[i8], shape: &[usize], axes: &[i32]) -> Vec<i8> {
    let mut reduced = vec![false; shape.len()];
    axes.iter().filter_map(|axis| axis_of(*axis, shape.len())).for_each(|axis| reduced[axis] = true);
    let ((from, zero), (to, _)) = (meaning(work.tensors[0]), meaning(work.output));
    let sums = reduce(x, shape, &reduced, 0_i32, |sum, x| sum.wrapping_add(i32::from(x) - zero));
    let by = Multiplier::of(from / to).divided(x.len() / sums.len().max(1));
    let store = Store::of(work.output, Activation::None);
    sums.into_iter().map(|sum| store.put(by.of_int(sum))).collect()
}

fn add(work: &Work<'_>, activation: Activation) -> Vec<i8> {
    let ((a, a_zero), (b, b_zero)) = (meaning(work.tensors[0]), meaning(work.tensors[1]));
    let larger = 2.0 * a.max(b);
    let (by_a, by_b) = (Multiplier::of(a / larger), Multiplier::of(b / larger));
    let by = Multiplier::of(larger / (f64::from(1 << ADD_SHIFT) * meaning(work.output).0));
    let store = Store::of(work.output, activation);
    let of = |at: usize| (bytes(work.values[at]), work.tensors[at].shape.as_slice());
    broadcast(of(0), of(1), &work.output.shape, |a, b| {
        let a = by_a.of_int((i32::from(a) - a_zero) << ADD_SHIFT);
        let b = by_b.of_int((i32::from(b) - b_zero) << ADD_SHIFT);
        store.put(by.of_int(a.wrapping_add(b)))
    })
}
