//! What comes out of an operator, and what it takes.

use super::error::Misfit;
use super::graph::{Op, Padding, Tensor, Values, Window};

/// Maximum number of axes.
pub(super) const MAX_RANK: usize = 6;

/// The integers of a constant input.
pub(super) fn ints<'a>(inputs: &[&'a Tensor], at: usize, what: &'static str) -> Result<&'a [i32], Misfit> {
    match inputs.get(at).and_then(|tensor| tensor.constant.as_ref()) {
        Some(Values::I32(values)) => Ok(values),
        Some(other) => Err(Misfit::Element { what, found: other.element() }),
        None => Err(Misfit::NotConstant { what }),
    }
}

/// Length of a side of the result, and zeros before the side.
pub(super) fn side(length: usize, kernel: usize, stride: usize, padding: Padding) -> (usize, usize) {
    match padding {
        Padding::Same => {
            let out = length.div_ceil(stride);
            let needed = (out.saturating_sub(1) * stride + kernel).saturating_sub(length);
            (out, needed / 2)
        }
        Padding::Valid => ((length + stride).saturating_sub(kernel) / stride, 0),
    }
}

/// The shape of the result.
///
/// # Errors
/// When the operator cannot work on these tensors.
pub(super) fn infer(op: &Op, inputs: &[&Tensor]) -> Result<Vec<usize>, Misfit> {
    let shapes = || Misfit::Shapes { shapes: inputs.iter().map(|tensor| tensor.shape.clone()).collect() };
    let wanted = match op {
        Op::FullyConnected(_) | Op::Conv2d(..) | Op::DepthwiseConv2d(..) => 2..=3,
        Op::Mean(_) | Op::Add(_) | Op::Mul(_) | Op::ResizeNearest { .. } => 2..=2,
        Op::Reshape | Op::Transpose | Op::Pad => 2..=2,
        Op::Slice => 3..=3,
        Op::Concat(_) => 1..=64,
        _ => 1..=1,
    };
    if !wanted.contains(&inputs.len()) {
        return Err(Misfit::Inputs { found: inputs.len() });
    }
    let x = inputs[0].shape.as_slice();
    if x.is_empty() && !matches!(op, Op::Add(_) | Op::Mul(_) | Op::Reshape) {
        return Err(shapes());
    }
    let has_bias = |outputs: usize| inputs.get(2).is_none_or(|bias| bias.shape == [outputs]);
    match op {
        Op::FullyConnected(_) => {
            let [outputs, depth] = inputs[1].shape[..] else { return Err(shapes()) };
            if x.last() != Some(&depth) || !has_bias(outputs) {
                return Err(shapes());
            }
            Ok(vec![x[..x.len() - 1].iter().product(), outputs])
        }
        Op::Conv2d(window, _) => {
            let ([n, _, _, channels], [outputs, h, w, depth]) = (x, &inputs[1].shape[..]) else { return Err(shapes()) };
            if channels != depth || !has_bias(*outputs) {
                return Err(shapes());
            }
            windowed(*n, x, [*h, *w], *window, *outputs).ok_or_else(shapes)
        }
        Op::DepthwiseConv2d(window, _) => {
            let ([n, _, _, channels], [1, h, w, depth]) = (x, &inputs[1].shape[..]) else { return Err(shapes()) };
            if channels != depth || !has_bias(*channels) {
                return Err(shapes());
            }
            windowed(*n, x, [*h, *w], *window, *channels).ok_or_else(shapes)
        }
        Op::AveragePool2d(window, kernel, _) | Op::MaxPool2d(window, kernel, _) => {
            let [n, _, _, channels] = x else { return Err(shapes()) };
            windowed(*n, x, *kernel, *window, *channels).ok_or_else(shapes)
        }
        Op::Mean(keep) => {
            let mut reduced = vec![false; x.len()];
            for axis in ints(inputs, 1, "the list of axes")? {
                *axis_of(*axis, x.len()).and_then(|axis| reduced.get_mut(axis)).ok_or_else(shapes)? = true;
            }
            let kept = x.iter().zip(&reduced);
            Ok(kept.filter(|(_, gone)| *keep || !**gone).map(|(len, gone)| if *gone { 1 } else { *len }).collect())
        }
        Op::Add(_) | Op::Mul(_) => broadcast(x, &inputs[1].shape).ok_or_else(shapes),
        Op::ResizeNearest { .. } => {
            let ([n, _, _, channels], [height, width]) = (x, ints(inputs, 1, "the size")?) else {
                return Err(shapes());
            };
            Ok(vec![*n, positive(*height, "the height")?, positive(*width, "the width")?, *channels])
        }
        Op::Concat(axis) => {
            let axis = axis_of(*axis, x.len()).ok_or_else(shapes)?;
            let mut out = x.to_vec();
            for other in &inputs[1..] {
                let same = |(at, len): (usize, &usize)| at == axis || x.get(at) == Some(len);
                if other.shape.len() != x.len() || !other.shape.iter().enumerate().all(same) {
                    return Err(shapes());
                }
                out[axis] = out[axis].saturating_add(other.shape[axis]);
            }
            Ok(out)
        }
        Op::Reshape => reshaped(inputs[0].len(), ints(inputs, 1, "the shape")?).ok_or_else(shapes),
        Op::Slice => {
            let (begins, sizes) = (ints(inputs, 1, "the list of beginnings")?, ints(inputs, 2, "the list of sizes")?);
            if begins.len() != x.len() || sizes.len() != x.len() {
                return Err(shapes());
            }
            let part = |((len, begin), size): ((&usize, &i32), &i32)| {
                let left = len.checked_sub(usize::try_from(*begin).ok()?)?;
                let size = if *size == -1 { left } else { usize::try_from(*size).ok()? };
                (1..=left).contains(&size).then_some(size)
            };
            x.iter().zip(begins).zip(sizes).map(part).collect::<Option<Vec<_>>>().ok_or_else(shapes)
        }
        Op::Transpose => {
            let order = ints(inputs, 1, "the order of axes")?;
            let mut taken = vec![false; x.len()];
            let axis = |axis: &i32| {
                let axis = axis_of(*axis, x.len())?;
                (!std::mem::replace(&mut taken[axis], true)).then(|| x[axis])
            };
            let out = order.iter().map(axis).collect::<Option<Vec<_>>>();
            out.filter(|out| out.len() == x.len()).ok_or_else(shapes)
        }
        Op::Pad => {
            let paddings = ints(inputs, 1, "the list of paddings")?;
            if paddings.len() != 2 * x.len() || inputs[1].shape != [x.len(), 2] {
                return Err(shapes());
            }
            let around = |pair: &[i32]| pair.iter().try_fold(0, |sum, pad| Some(sum + usize::try_from(*pad).ok()?));
            let out = x.iter().zip(paddings.chunks(2)).map(|(len, pair)| len.checked_add(around(pair)?));
            out.collect::<Option<Vec<_>>>().ok_or_else(shapes)
        }
        Op::Relu | Op::Relu6 | Op::Softmax(_) | Op::Logistic | Op::L2Normalize | Op::Quantize | Op::Dequantize => {
            Ok(x.to_vec())
        }
    }
}

fn windowed(n: usize, x: &[usize], kernel: [usize; 2], window: Window, outputs: usize) -> Option<Vec<usize>> {
    const MAX_SIDE: usize = 1 << 16;
    let sound = |kernel: usize, stride: usize| (1..=MAX_SIDE).contains(&kernel) && (1..=MAX_SIDE).contains(&stride);
    if !(0..2).all(|at| sound(kernel[at], window.stride[at])) {
        return None;
    }
    let [height, width] = [0, 1].map(|at| side(x[1 + at], kernel[at], window.stride[at], window.padding).0);
    Some(vec![n, height, width, outputs])
}

/// An axis counted from the first or, negative, from the last.
pub(super) fn axis_of(axis: i32, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    usize::try_from(axis).ok().filter(|axis| *axis < rank)
}

fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let joined = |at: usize| match (length(a, at), length(b, at)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    (0..rank).map(joined).collect()
}

fn reshaped(len: usize, wanted: &[i32]) -> Option<Vec<usize>> {
    if wanted.len() > MAX_RANK || wanted.iter().filter(|size| **size == -1).count() > 1 {
        return None;
    }
    let known = wanted
        .iter()
        .filter(|size| **size != -1)
        .try_fold(1_usize, |all, size| all.checked_mul(usize::try_from(*size).ok()?))?;
    let open = len.checked_div(known).unwrap_or(0);
    let out: Vec<usize> = wanted.iter().map(|size| usize::try_from(*size).unwrap_or(open)).collect();
    (out.iter().try_fold(1_usize, |all, size| all.checked_mul(*size))? == len).then_some(out)
}

fn positive(value: i32, what: &'static str) -> Result<usize, Misfit> {
    let sound = usize::try_from(value).ok().filter(|value| (1..=1 << 16).contains(value));
    sound.ok_or(Misfit::Range { what, value: value.into() })
}
