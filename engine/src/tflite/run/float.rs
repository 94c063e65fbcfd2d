//! Operators on 32-bit floats.

use super::loops::{Sweep, broadcast, concat, pad, reduce, resize};
use super::pick;
use super::{Work, dequantized};
use crate::tflite::graph::{Activation, Op, Values};
use crate::tflite::shape::{axis_of, ints};

/// Keeps a division finite, as in the reference kernel.
const MIN_LENGTH: f32 = 1e-6;

fn cut(value: f32, activation: Activation) -> f32 {
    match activation {
        Activation::None => value,
        Activation::Relu => value.max(0.0),
        Activation::Relu6 => value.clamp(0.0, 6.0),
    }
}

fn floats(values: &Values) -> &[f32] {
    match values {
        Values::F32(values) => values,
        Values::I8(_) | Values::I32(_) => &[],
    }
}

/// The result of an operator whose tensors were checked.
pub(super) fn compute(work: &Work<'_>) -> Values {
    let x = work.values.first().map_or(&[][..], |values| floats(values));
    let shape = work.tensors.first().map_or(&[][..], |tensor| tensor.shape.as_slice());
    let out_shape = work.output.shape.as_slice();
    let other = |at: usize| work.values.get(at).map_or(&[][..], |values| floats(values));
    let bias = |channel: usize| other(2).get(channel).copied().unwrap_or(0.0);
    let dot = |sum: f32, x: &[f32], w: &[f32]| sum + dot(x, w);
    let list = |at: usize| ints(&work.tensors, at, "").unwrap_or(&[]);
    let sweep = |kernel, window| Sweep { input: shape, output: out_shape, kernel, window };
    let kernel = || [work.tensors[1].shape[1], work.tensors[1].shape[2]];
    Values::F32(match work.op {
        Op::FullyConnected(activation) => {
            let [outputs, depth] = work.tensors[1].shape[..] else { return Values::F32(Vec::new()) };
            let row = |x: &[f32]| -> Vec<f32> {
                let of = |channel: usize| dot(0.0, x, &other(1)[channel * depth..][..depth]) + bias(channel);
                (0..outputs).map(|channel| cut(of(channel), activation)).collect()
            };
            x.chunks_exact(depth).flat_map(row).collect()
        }
        Op::Conv2d(window, activation) => sweep(kernel(), window).dense(
            (x, other(1)),
            |_| 0.0,
            dot,
            |sum, channel| cut(sum + bias(channel), activation),
        ),
        Op::DepthwiseConv2d(window, activation) => sweep(kernel(), window).depthwise(
            (x, other(1)),
            |_| 0.0,
            |sum: f32, x, w| sum + x * w,
            |sum, channel| cut(sum + bias(channel), activation),
        ),
        Op::AveragePool2d(window, kernel, activation) => sweep(kernel, window).pool(
            x,
            0.0,
            |sum: f32, x| sum + x,
            |sum, count| cut(sum / count.max(1) as f32, activation),
        ),
        Op::MaxPool2d(window, kernel, activation) => sweep(kernel, window).pool(
            x,
            f32::NEG_INFINITY,
            |max: f32, x| max.max(x),
            |max, count| cut(if count == 0 { 0.0 } else { max }, activation),
        ),
        Op::Mean(_) => {
            let mut reduced = vec![false; shape.len()];
            list(1).iter().filter_map(|axis| axis_of(*axis, shape.len())).for_each(|axis| reduced[axis] = true);
            let sums = reduce(x, shape, &reduced, 0.0_f32, |sum, x| sum + x);
            let count = x.len() / sums.len().max(1);
            sums.into_iter().map(|sum| sum / count.max(1) as f32).collect()
        }
        Op::Add(activation) => {
            let b = (other(1), work.tensors[1].shape.as_slice());
            broadcast((x, shape), b, out_shape, |a, b| cut(a + b, activation))
        }
        Op::Mul(activation) => {
            let b = (other(1), work.tensors[1].shape.as_slice());
            broadcast((x, shape), b, out_shape, |a, b| cut(a * b, activation))
        }
        Op::Relu => x.iter().map(|x| cut(*x, Activation::Relu)).collect(),
        Op::Relu6 => x.iter().map(|x| cut(*x, Activation::Relu6)).collect(),
        Op::ResizeNearest { align_corners, half_pixel_centers } => {
            resize(x, shape, out_shape, (align_corners, half_pixel_centers))
        }
        Op::Concat(axis) => {
            let parts: Vec<_> = work
                .values
                .iter()
                .zip(&work.tensors)
                .map(|(values, tensor)| (floats(values), tensor.shape.as_slice()))
                .collect();
            concat(&parts, axis_of(axis, shape.len()).unwrap_or(0))
        }
        Op::Reshape | Op::Quantize => x.to_vec(),
        Op::Slice | Op::Transpose => pick(work, x),
        Op::Softmax(beta) => last_axis(x, shape, |row| softmax(row, beta)),
        Op::Logistic => x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        Op::Pad => pad(x, shape, list(1), out_shape, 0.0),
        Op::L2Normalize => last_axis(x, shape, |row| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(MIN_LENGTH);
            row.iter().map(|x| x / length).collect()
        }),
        Op::Dequantize => match (work.values[0], &work.tensors[0].quantization) {
            (Values::I8(values), Some(meaning)) => dequantized(values, meaning),
            _ => Vec::new(),
        },
    })
}

/// Sum of products, in eight sums that are added at the end: always in the same order.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    a_rest.iter().zip(b_rest).fold(sums.iter().sum(), |sum, (a, b)| sum + a * b)
}

/// Rows along the last axis.
pub(super) fn last_axis(x: &[f32], shape: &[usize], row: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
    x.chunks(shape.last().copied().unwrap_or(1).max(1)).flat_map(row).collect()
}

/// `exp(beta x)` over its sum.
pub(super) fn softmax(row: &[f32], beta: f32) -> Vec<f32> {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|x| ((x - max) * beta).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
