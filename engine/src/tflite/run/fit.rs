//! What kernels take: which numbers, with which scales.

use crate::tflite::error::Misfit;
use crate::tflite::graph::{Element, Op, Quantization, Tensor};

/// That an operator can work on tensors whose shapes fit.
///
/// # Errors
/// [`Misfit`], naming the tensor.
pub(in crate::tflite) fn check(op: &Op, inputs: &[&Tensor], output: &Tensor) -> Result<(), Misfit> {
    let x = inputs[0];
    match (op, x.element, output.element) {
        (Op::Quantize, Element::F32, Element::I8) => return whole(output, "the output"),
        (Op::Dequantize, Element::I8, Element::F32) => return whole(x, "the input"),
        (Op::Quantize, Element::I8, Element::I8) => {}
        (Op::Quantize | Op::Dequantize, found, _) => return Err(Misfit::Element { what: "the input", found }),
        (_, Element::F32, Element::F32) => return floats(op, inputs),
        (_, Element::I8, Element::I8) => {}
        (_, Element::I32, _) => return Err(Misfit::Element { what: "the input", found: x.element }),
        (.., found) => return Err(Misfit::Element { what: "the output", found }),
    }
    whole(x, "the input")?;
    whole(output, "the output")?;
    let same = x.quantization == output.quantization;
    let is = |scale: f32, zero: i32| output.quantization == Some(Quantization::of_tensor(scale, zero));
    let fits = match op {
        Op::FullyConnected(_) => return weighted(inputs, 0),
        Op::Conv2d(..) => return weighted(inputs, 0),
        Op::DepthwiseConv2d(..) => return weighted(inputs, 3),
        Op::Add(_) | Op::Mul(_) => {
            return of_kind(inputs[1], Element::I8).and_then(|()| whole(inputs[1], "the second input"));
        }
        Op::Concat(_) => {
            inputs.iter().try_for_each(|tensor| of_kind(tensor, Element::I8))?;
            inputs.iter().all(|tensor| tensor.quantization == output.quantization)
        }
        Op::AveragePool2d(..) | Op::MaxPool2d(..) | Op::ResizeNearest { .. } => same,
        Op::Reshape | Op::Slice | Op::Transpose | Op::Pad => same,
        Op::Softmax(_) | Op::Logistic => is(1.0 / 256.0, -128),
        Op::L2Normalize => is(1.0 / 128.0, 0),
        Op::Mean(_) | Op::Relu | Op::Relu6 | Op::Quantize | Op::Dequantize => true,
    };
    if fits { Ok(()) } else { Err(Misfit::Quantization { what: "the output" }) }
}

fn floats(op: &Op, inputs: &[&Tensor]) -> Result<(), Misfit> {
    match op {
        // Their other inputs are lists of integers, which shapes have looked at.
        Op::Mean(_) | Op::ResizeNearest { .. } | Op::Reshape | Op::Slice | Op::Transpose | Op::Pad => Ok(()),
        _ => inputs.iter().try_for_each(|tensor| of_kind(tensor, Element::F32)),
    }
}

fn of_kind(tensor: &Tensor, element: Element) -> Result<(), Misfit> {
    if tensor.element == element { Ok(()) } else { Err(Misfit::Element { what: "an input", found: tensor.element }) }
}

/// One scale for all of the tensor, and a zero point that int8 can hold.
fn whole(tensor: &Tensor, what: &'static str) -> Result<(), Misfit> {
    let meaning = tensor.quantization.as_ref().and_then(Quantization::whole);
    if meaning.is_some_and(|(_, zero)| (-128..=127).contains(&zero)) {
        Ok(())
    } else {
        Err(Misfit::Quantization { what })
    }
}

/// Weights without zero point, with one scale or one for each output channel, and biases in int32.
fn weighted(inputs: &[&Tensor], axis: usize) -> Result<(), Misfit> {
    let weights = inputs[1];
    of_kind(weights, Element::I8)?;
    let meaning = weights.quantization.as_ref().ok_or(Misfit::Quantization { what: "the weights" })?;
    let channels = meaning.scales.len() == 1 || (meaning.axis == axis && meaning.scales.len() == weights.shape[axis]);
    if !channels || meaning.zero_points.iter().any(|zero| *zero != 0) {
        return Err(Misfit::Quantization { what: "the weights" });
    }
    inputs.get(2).map_or(Ok(()), |bias| of_kind(bias, Element::I32))
}
