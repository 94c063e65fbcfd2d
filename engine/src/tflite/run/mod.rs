//! The reference interpreter: plain loops in the order of the schema's reference kernels. For tests and checks, not for speed.
//!
//! | file | what |
//! |---|---|
//! | `fixed` | products with fixed-point numbers, as the reference kernels round them |
//! | `loops` | windows and broadcasting, whatever the numbers are |
//! | `float`, `int8` | operators on 32-bit floats and on int8 |
//! | `fit` | what kernels take |

mod fit;
mod fixed;
mod float;
mod int8;
mod loops;

use super::error::TfliteError;
use super::graph::{Element, Graph, Op, Quantization, Tensor, Values};
use super::shape::{axis_of, ints};

pub(super) use fit::check;
pub(super) use loops::part;

/// What an operator works on.
pub(super) struct Work<'a> {
    pub(super) op: Op,
    pub(super) tensors: Vec<&'a Tensor>,
    pub(super) values: Vec<&'a Values>,
    pub(super) output: &'a Tensor,
}

/// What a slice or a transposition takes of its input.
fn pick<T: Copy>(work: &Work<'_>, x: &[T]) -> Vec<T> {
    let shape = work.tensors[0].shape.as_slice();
    let list = ints(&work.tensors, 1, "").unwrap_or(&[]);
    let (order, begins): (Vec<usize>, Vec<usize>) = match work.op {
        Op::Slice => {
            ((0..shape.len()).collect(), list.iter().map(|begin| usize::try_from(*begin).unwrap_or(0)).collect())
        }
        _ => (list.iter().map(|axis| axis_of(*axis, shape.len()).unwrap_or(0)).collect(), vec![0; shape.len()]),
    };
    part(x, shape, &work.output.shape, (&order, &begins))
}

/// Runs the network on values of its inputs, of its types and lengths. Outputs come in its order.
///
/// # Errors
/// [`TfliteError::Input`] when inputs do not fit.
pub fn run(graph: &Graph, inputs: &[Values]) -> Result<Vec<Values>, TfliteError> {
    walk(graph, inputs, &mut |_, _| ())
}

/// Runs it and shows all that is computed, by place.
pub(super) fn walk(
    graph: &Graph,
    inputs: &[Values],
    seen: &mut dyn FnMut(usize, &Values),
) -> Result<Vec<Values>, TfliteError> {
    if inputs.len() != graph.inputs.len() {
        return Err(TfliteError::Without(if inputs.len() < graph.inputs.len() {
            "values for all inputs"
        } else {
            "so many inputs"
        }));
    }
    let mut last = vec![usize::MAX; graph.tensors.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|id| last[id.0] = at);
    }
    graph.outputs.iter().for_each(|id| last[id.0] = usize::MAX);
    let mut computed: Vec<Option<Values>> = vec![None; graph.tensors.len()];
    for (at, (id, values)) in graph.inputs.iter().zip(inputs).enumerate() {
        let tensor = graph.tensor(*id);
        if values.len() != tensor.len() || values.element() != tensor.element {
            let (expected, found) = (tensor.len(), values.len());
            return Err(TfliteError::Input { at, expected, element: tensor.element, found });
        }
        seen(id.0, values);
        computed[id.0] = Some(values.clone());
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let tensors: Vec<&Tensor> = node.inputs.iter().map(|id| graph.tensor(*id)).collect();
        let values = node.inputs.iter().zip(&tensors).map(|(id, tensor)| {
            // Checked when the graph was made: what comes before is computed before.
            tensor
                .constant
                .as_ref()
                .or(computed[id.0].as_ref())
                .ok_or(TfliteError::Index { what: "tensor", index: id.0 as i64 })
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let work = Work { op: node.op, tensors, values, output: graph.tensor(node.output) };
        let result = match work.output.element {
            Element::I8 => int8::compute(&work),
            _ => float::compute(&work),
        };
        seen(node.output.0, &result);
        computed[node.output.0] = Some(result);
        for id in node.inputs.iter().filter(|id| last[id.0] == at) {
            computed[id.0] = None;
        }
    }
    let value = |id: &super::TensorId| {
        let constant = graph.tensor(*id).constant.as_ref();
        computed[id.0].as_ref().or(constant).cloned().ok_or(TfliteError::Without("outputs"))
    };
    graph.outputs.iter().map(value).collect()
}

/// Runs the network on floats: what goes into int8 inputs is rounded to their scale, what comes out of int8 outputs is
/// what it means.
///
/// # Errors
/// [`TfliteError::Input`] when inputs do not fit.
pub fn run_floats(graph: &Graph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, TfliteError> {
    let enter = |(at, values): (usize, &Vec<f32>)| match graph.inputs.get(at).map(|id| graph.tensor(*id)) {
        Some(Tensor { element: Element::I8, quantization: Some(meaning), .. }) => {
            Values::I8(quantized(values, meaning))
        }
        _ => Values::F32(values.clone()),
    };
    let inputs: Vec<Values> = inputs.iter().enumerate().map(enter).collect();
    let outputs = run(graph, &inputs)?;
    let leave = |(values, id): (Values, &super::TensorId)| match (values, &graph.tensor(*id).quantization) {
        (Values::F32(values), _) => values,
        (Values::I8(values), Some(meaning)) => dequantized(&values, meaning),
        (Values::I8(values), None) => values.into_iter().map(f32::from).collect(),
        (Values::I32(values), _) => values.into_iter().map(|value| value as f32).collect(),
    };
    Ok(outputs.into_iter().zip(&graph.outputs).map(leave).collect())
}

/// Floats rounded to the scale of a whole tensor, halves away from zero.
#[must_use]
pub fn quantized(values: &[f32], meaning: &Quantization) -> Vec<i8> {
    let (scale, zero) = meaning.whole().unwrap_or((1.0, 0));
    values
        .iter()
        .map(|value| (f64::from((value / scale).round()) + f64::from(zero)).clamp(-128.0, 127.0) as i8)
        .collect()
}

/// What int8 of one scale means.
#[must_use]
pub fn dequantized(values: &[i8], meaning: &Quantization) -> Vec<f32> {
    let (scale, zero) = meaning.whole().unwrap_or((1.0, 0));
    values.iter().map(|value| scale * (i32::from(*value) - zero) as f32).collect()
}
