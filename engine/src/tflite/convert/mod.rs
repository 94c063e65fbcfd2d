//! A network of floats as ONNX, as the exports write it, to a [`Graph`]: images turn from NCHW to NHWC, patterns of nodes
//! become the one operator that means the same.
//!
//! | file | what |
//! |---|---|
//! | `source` | what the ONNX file says: constants, attributes, who takes a value |
//! | `error` | why a network has no TFLite form |
//! | `axes` | the order of axes: which of an ONNX tensor is which of ours |
//! | `layers` | convolutions, pools, matrix products |
//! | `shapes` | what moves numbers around: reshape, split, resize |

mod axes;
mod error;
mod layers;
mod shapes;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Activation, Graph, Op, TensorId, Values};
use crate::onnx::Model;
use crate::onnx::proto::NodeProto;
use axes::Axes;
pub use error::ConvertError;
use error::refused;
use source::Source;

/// Largest result of an operator, in numbers.
const MAX_NUMBERS: usize = 1 << 28;

/// A tensor of the graph, and which of its axes is which in ONNX.
#[derive(Debug, Clone)]
struct Value {
    id: TensorId,
    axes: Axes,
}

/// The network in `model`, for one image of this height and width. Its input is (1, H, W, 3); outputs have the shapes that
/// the ONNX file gives them.
///
/// # Errors
/// [`ConvertError::Operator`], which names the operator, when one has no counterpart.
pub fn from_onnx(model: &Model, (height, width): (usize, usize)) -> Result<Graph, ConvertError> {
    let source = Source::of(model);
    let [input] = source.inputs.as_slice() else {
        return Err(ConvertError::Ends { inputs: source.inputs.len(), outputs: source.outputs.len() });
    };
    if source.outputs.is_empty() {
        return Err(ConvertError::Ends { inputs: 1, outputs: 0 });
    }
    let mut made = Made {
        graph: Graph::new(source.name),
        values: BTreeMap::new(),
        lengths: BTreeMap::new(),
        cut: BTreeSet::new(),
        source: &source,
    };
    let id = made.graph.input(input, &[1, height, width, 3]);
    made.values.insert((*input).to_owned(), Value { id, axes: Axes::channels_last(4) });
    source.nodes.iter().try_for_each(|node| made.node(node))?;
    for output in &source.outputs {
        let value = made.values.get(*output).cloned();
        let value = value.ok_or(ConvertError::Ends { inputs: 1, outputs: source.outputs.len() })?;
        let id = made.in_order(&value, output)?;
        made.graph.tensors[id.0].name = (*output).to_owned();
        made.graph.output(id);
    }
    Ok(made.graph)
}

struct Made<'a> {
    graph: Graph,
    values: BTreeMap<String, Value>,
    /// Lengths of vectors, and of which: written when the vector is divided by it.
    lengths: BTreeMap<String, String>,
    /// Results that were cut already by what made them.
    cut: BTreeSet<String>,
    source: &'a Source<'a>,
}

impl Made<'_> {
    fn node(&mut self, node: &NodeProto) -> Result<(), ConvertError> {
        if !node.domain.is_empty() {
            return Err(refused(node, format!("it is of the domain {:?}", node.domain)));
        }
        let value = match node.op_type.as_str() {
            "Identity" => self.input(node, 0)?,
            "Conv" => self.convolution(node)?,
            "Clip" => self.clip(node)?,
            "Relu" => self.alone(node, Op::Relu)?,
            "Sigmoid" => self.alone(node, Op::Logistic)?,
            "Softmax" => self.softmax(node)?,
            "Add" => self.pair(node, Op::Add(Activation::None), |b| b)?,
            "Mul" => self.pair(node, Op::Mul(Activation::None), |b| b)?,
            "Sub" => self.difference(node)?,
            "Div" => match self.unit(node)? {
                Some(unit) => unit,
                None => self.pair(node, Op::Mul(Activation::None), |b| 1.0 / b)?,
            },
            "ReduceL2" | "Max" => return self.length(node),
            "GlobalAveragePool" => self.global_average(node)?,
            "MaxPool" => self.max_pool(node)?,
            "ReduceSum" => self.sum(node)?,
            "Gemm" => self.gemm(node)?,
            "Flatten" => self.flatten(node)?,
            "Reshape" => self.reshape(node)?,
            "Concat" => self.concat(node)?,
            "Resize" => self.resize(node)?,
            "Split" => return self.split(node),
            _ => return Err(refused(node, "there is no counterpart here")),
        };
        self.gives(node, 0, value)
    }

    fn gives(&mut self, node: &NodeProto, at: usize, value: Value) -> Result<(), ConvertError> {
        let name = node.output.get(at).ok_or_else(|| refused(node, "it has no output"))?;
        let shape = &self.graph.tensor(value.id).shape;
        let count = shape.iter().try_fold(1_usize, |all, length| all.checked_mul(*length));
        if count.is_none_or(|count| count > MAX_NUMBERS) {
            return Err(refused(node, format!("its result {shape:?} is too large")));
        }
        self.values.insert(name.clone(), value);
        Ok(())
    }

    /// An input that is computed.
    fn input(&self, node: &NodeProto, at: usize) -> Result<Value, ConvertError> {
        let name = node.input.get(at).map_or("", String::as_str);
        let missing = || refused(node, format!("its input {at} ({name:?}) has no counterpart"));
        self.values.get(name).cloned().ok_or_else(missing)
    }

    /// Length of an axis as ONNX counts them.
    fn shape(&self, value: &Value) -> Vec<usize> {
        value.axes.onnx_shape(&self.graph.tensor(value.id).shape)
    }

    fn ints(&mut self, name: &str, shape: &[usize], values: &[usize]) -> TensorId {
        // Lengths of tensors that exist are far below this bound.
        let values = values.iter().map(|value| i32::try_from(*value).unwrap_or(i32::MAX)).collect();
        self.graph.constant(name, shape, Values::I32(values))
    }

    /// An operator that leaves shapes alone.
    fn alone(&mut self, node: &NodeProto, op: Op) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let id = self.graph.node(op, &node.name, &[x.id])?;
        Ok(Value { id, ..x })
    }

    fn clip(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let bound = |at: usize| -> Result<Option<f32>, ConvertError> {
            let name = node.input.get(at).filter(|name| !name.is_empty());
            Ok(match name {
                Some(name) => self.source.floats(node, name)?.1.first().copied(),
                None => None,
            })
        };
        let op = match (bound(1)?, bound(2)?) {
            (Some(0.0), Some(6.0)) => Op::Relu6,
            (Some(0.0), None) => Op::Relu,
            (low, high) => return Err(refused(node, format!("it cuts to {low:?}..{high:?}; 0..6 can be written"))),
        };
        if node.input.first().is_some_and(|name| self.cut.contains(name)) {
            return self.input(node, 0);
        }
        self.alone(node, op)
    }

    fn softmax(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        let x = self.input(node, 0)?;
        let axis = self.axis(node, &x, -1)?;
        if axis + 1 != x.axes.len() {
            return Err(refused(node, "it is not along the last axis"));
        }
        self.alone(node, Op::Softmax(1.0))
    }

    /// The attribute `axis` as one of ours.
    fn axis(&self, node: &NodeProto, x: &Value, default: i64) -> Result<usize, ConvertError> {
        let axis = source::int(node, "axis", default);
        x.axes.ours(axis).ok_or_else(|| refused(node, format!("there is no axis {axis}")))
    }

    /// Two tensors, or one and a constant of which `of` is taken.
    fn pair(&mut self, node: &NodeProto, op: Op, of: fn(f32) -> f32) -> Result<Value, ConvertError> {
        let turned = node.input.first().is_some_and(|name| self.source.is_constant(name));
        if turned && node.op_type == "Div" {
            return Err(refused(node, "it divides a constant"));
        }
        let (x, other) = if turned { (1, 0) } else { (0, 1) };
        let x = self.input(node, x)?;
        let name = node.input.get(other).map_or("", String::as_str);
        let b = if self.source.is_constant(name) {
            self.constant(node, name, &x.axes, of)?
        } else if node.op_type == "Div" {
            return Err(refused(node, "it divides by what is computed"));
        } else {
            let b = self.input(node, other)?;
            if b.axes != x.axes {
                return Err(refused(node, "its inputs have their axes in different orders"));
            }
            b.id
        };
        let id = self.graph.node(op, &node.name, &[x.id, b])?;
        Ok(Value { id, ..x })
    }

    /// `a - b` as `a + -b`.
    fn difference(&mut self, node: &NodeProto) -> Result<Value, ConvertError> {
        if node.input.get(1).is_some_and(|name| self.source.is_constant(name)) {
            return self.pair(node, Op::Add(Activation::None), |b| -b);
        }
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        if a.axes != b.axes {
            return Err(refused(node, "its inputs have their axes in different orders"));
        }
        let minus = self.graph.constant(&format!("{}/minus", node.name), &[1], Values::F32(vec![-1.0]));
        let negated = self.graph.node(Op::Mul(Activation::None), &format!("{}/negated", node.name), &[b.id, minus])?;
        let id = self.graph.node(Op::Add(Activation::None), &node.name, &[a.id, negated])?;
        Ok(Value { id, ..a })
    }

    /// A constant of floats beside tensors with these axes.
    fn constant(
        &mut self,
        node: &NodeProto,
        name: &str,
        axes: &Axes,
        of: fn(f32) -> f32,
    ) -> Result<TensorId, ConvertError> {
        let (shape, values) = self.source.floats(node, name)?;
        let values: Vec<f32> = values.into_iter().map(of).collect();
        if shape.len() > axes.len() {
            return Err(refused(node, "its constant has more axes than its input"));
        }
        let mut padded = vec![1; axes.len() - shape.len()];
        padded.extend(shape);
        let (shape, values) = axes.of_ours(&padded, &values);
        Ok(self.graph.constant(name, &shape, Values::F32(values)))
    }

    /// `ReduceL2` of vectors, and `Max` of such a length with a small constant: both wait for their division.
    fn length(&mut self, node: &NodeProto) -> Result<(), ConvertError> {
        let of = if node.op_type == "ReduceL2" {
            let x = self.input(node, 0)?;
            let axes = source::ints(node, "axes").unwrap_or_default();
            let last = x.axes.len().checked_sub(1);
            if axes.len() != 1 || last.is_none() || x.axes.ours(axes[0]) != last || !x.axes.is_plain() {
                return Err(refused(node, "it is not the length of vectors along the last axis"));
            }
            node.input.first().cloned()
        } else {
            node.input.first().and_then(|name| self.lengths.get(name)).cloned()
        };
        let of = of.ok_or_else(|| refused(node, "it is no part of a division by a vector's length"))?;
        let name = node.output.first().ok_or_else(|| refused(node, "it has no output"))?;
        self.lengths.insert(name.clone(), of);
        Ok(())
    }

    /// Vectors divided by their length.
    fn unit(&mut self, node: &NodeProto) -> Result<Option<Value>, ConvertError> {
        let [x, length] = node.input.as_slice() else { return Err(refused(node, "it has not two inputs")) };
        if self.lengths.get(length) != Some(x) {
            return Ok(None);
        }
        self.alone(node, Op::L2Normalize).map(Some)
    }

    /// The tensor with its axes as ONNX has them.
    fn in_order(&mut self, value: &Value, name: &str) -> Result<TensorId, ConvertError> {
        if value.axes.is_plain() {
            return Ok(value.id);
        }
        let order = value.axes.back();
        let order = self.ints(&format!("{name}/order"), &[order.len()], &order);
        Ok(self.graph.node(Op::Transpose, &format!("{name}/Transpose"), &[value.id, order])?)
    }
}
