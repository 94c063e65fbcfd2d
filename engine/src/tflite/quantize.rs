//! A network of floats to one of int8: weights symmetric with a scale per output channel, what flows between operators with
//! scale and zero point from the range that samples show, int8 in and out (Jacob et al. 2018).

use super::error::TfliteError;
use super::graph::{Element, Graph, Node, Op, Quantization, Tensor, TensorId, Values};
use super::run::walk;

/// Scales of fully connected layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dense {
    /// One for each output: what interpreters since 2024 read (operator version 12).
    #[default]
    PerChannel,
    /// One for the layer: for older interpreters.
    PerTensor,
}

/// How a network becomes int8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuantizeOptions {
    /// Scales of fully connected layers.
    pub dense: Dense,
}

/// The network in int8. `samples` are values of its inputs that show what it will see: a hundred do.
///
/// # Errors
/// When it is no network of floats, there is no sample, or something is not finite.
pub fn quantize(
    graph: &Graph,
    samples: impl IntoIterator<Item = Vec<Vec<f32>>>,
    options: QuantizeOptions,
) -> Result<Graph, TfliteError> {
    quantize_except(graph, samples, options, &|_| false)
}

/// The same, but operators whose result has a name that `keeps` says yes to stay floats, and so does what they give to the
/// outside: a detector's boxes and scores have no scale in common.
///
/// # Errors
/// As [`quantize()`].
pub fn quantize_except(
    graph: &Graph,
    samples: impl IntoIterator<Item = Vec<Vec<f32>>>,
    options: QuantizeOptions,
    keeps: &dyn Fn(&str) -> bool,
) -> Result<Graph, TfliteError> {
    let not_float = |tensor: &Tensor| TfliteError::NotFloat { tensor: tensor.name.clone(), element: tensor.element };
    let strange = graph.tensors.iter().find(|tensor| tensor.element != Element::F32 && tensor.constant.is_none());
    if let Some(tensor) = strange.or_else(|| graph.tensors.iter().find(|tensor| tensor.element == Element::I8)) {
        return Err(not_float(tensor));
    }
    let ranges = observed(graph, samples)?;
    let mut made = Made {
        from: graph,
        graph: Graph::new(&graph.description),
        ranges,
        places: vec![None; graph.tensors.len()],
        floats: vec![None; graph.tensors.len()],
        options,
    };
    for id in &graph.inputs {
        let meaning = made.affine(*id);
        let place = made.activation(*id, meaning);
        made.graph.inputs.push(place);
    }
    for node in &graph.nodes {
        if keeps(&graph.tensor(node.output).name) { made.kept(node)? } else { made.node(node)? }
    }
    for id in &graph.outputs {
        let place = match made.floats[id.0] {
            Some(place) if made.places[id.0].is_none() => place,
            _ => made.place(*id)?,
        };
        made.graph.outputs.push(place);
    }
    Ok(made.graph)
}

/// Minimum and maximum of every tensor that is computed.
fn observed(
    graph: &Graph,
    samples: impl IntoIterator<Item = Vec<Vec<f32>>>,
) -> Result<Vec<Option<(f32, f32)>>, TfliteError> {
    let mut ranges: Vec<Option<(f32, f32)>> = vec![None; graph.tensors.len()];
    let mut broken = None;
    let mut any = false;
    for sample in samples {
        any = true;
        let inputs: Vec<Values> = sample.into_iter().map(Values::F32).collect();
        walk(graph, &inputs, &mut |at, values| {
            let Values::F32(values) = values else { return };
            if values.iter().any(|value| !value.is_finite()) {
                broken.get_or_insert(at);
            }
            let (low, high) = ranges[at].get_or_insert((0.0, 0.0));
            for value in values {
                *low = low.min(*value);
                *high = high.max(*value);
            }
        })?;
    }
    match broken {
        Some(at) => Err(TfliteError::NotFinite { tensor: graph.tensors[at].name.clone() }),
        None if !any => Err(TfliteError::NoSamples),
        None => Ok(ranges),
    }
}

struct Made<'a> {
    from: &'a Graph,
    graph: Graph,
    ranges: Vec<Option<(f32, f32)>>,
    /// Where tensors of the network of floats are in the one of int8.
    places: Vec<Option<TensorId>>,
    /// The same, where they are floats there, too.
    floats: Vec<Option<TensorId>>,
    options: QuantizeOptions,
}

impl Made<'_> {
    /// Scale and zero point of what samples showed; 0 is exact.
    fn affine(&self, id: TensorId) -> Quantization {
        let (low, high) = self.ranges[id.0].unwrap_or((0.0, 0.0));
        affine(low, high)
    }

    fn activation(&mut self, id: TensorId, meaning: Quantization) -> TensorId {
        let tensor = self.from.tensor(id);
        let place = self.graph.add(Tensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            element: Element::I8,
            quantization: Some(meaning),
            constant: None,
        });
        self.places[id.0] = Some(place);
        place
    }

    fn place(&mut self, id: TensorId) -> Result<TensorId, TfliteError> {
        if let Some(place) = self.places[id.0] {
            return Ok(place);
        }
        // A constant that is added or multiplied, or a list of integers.
        let tensor = self.from.tensor(id);
        let constant = match &tensor.constant {
            Some(Values::F32(values)) => {
                finite(tensor, values)?;
                let bounds = values.iter().fold((0.0_f32, 0.0_f32), |(low, high), v| (low.min(*v), high.max(*v)));
                let meaning = affine(bounds.0, bounds.1);
                let values = Values::I8(super::quantized(values, &meaning));
                Tensor { element: Element::I8, quantization: Some(meaning), constant: Some(values), ..tensor.clone() }
            }
            Some(_) => tensor.clone(),
            None => return self.turned(id, Op::Quantize),
        };
        let place = self.graph.add(constant);
        self.places[id.0] = Some(place);
        Ok(place)
    }

    /// The tensor as floats.
    fn float(&mut self, id: TensorId) -> Result<TensorId, TfliteError> {
        match self.floats[id.0] {
            Some(place) => Ok(place),
            None if self.from.tensor(id).constant.is_some() => {
                let place = self.graph.add(self.from.tensor(id).clone());
                self.floats[id.0] = Some(place);
                Ok(place)
            }
            None => self.turned(id, Op::Dequantize),
        }
    }

    /// From floats to int8 or back.
    fn turned(&mut self, id: TensorId, op: Op) -> Result<TensorId, TfliteError> {
        let to_int8 = op == Op::Quantize;
        let from = if to_int8 { self.floats[id.0] } else { self.places[id.0] };
        let from = from.ok_or(TfliteError::Index { what: "tensor", index: id.0 as i64 })?;
        let tensor = self.from.tensor(id);
        let name = format!("{}/{}", tensor.name, if to_int8 { "int8" } else { "floats" });
        let output = self.graph.add(Tensor {
            name,
            element: if to_int8 { Element::I8 } else { Element::F32 },
            quantization: to_int8.then(|| self.affine(id)),
            ..tensor.clone()
        });
        self.graph.nodes.push(Node { op, inputs: vec![from], output });
        if to_int8 {
            self.places[id.0] = Some(output);
        } else {
            self.floats[id.0] = Some(output);
        }
        Ok(output)
    }

    /// An operator that stays on floats.
    fn kept(&mut self, node: &Node) -> Result<(), TfliteError> {
        let inputs = node.inputs.iter().map(|id| self.float(*id)).collect::<Result<_, _>>()?;
        let output = self.graph.add(self.from.tensor(node.output).clone());
        self.floats[node.output.0] = Some(output);
        self.graph.nodes.push(Node { op: node.op, inputs, output });
        Ok(())
    }

    fn meaning(&self, place: TensorId) -> Quantization {
        self.graph.tensor(place).quantization.clone().unwrap_or_else(|| Quantization::of_tensor(1.0, 0))
    }

    fn node(&mut self, node: &Node) -> Result<(), TfliteError> {
        let first = node.inputs.first().copied().ok_or(TfliteError::Without("inputs"))?;
        let input = self.place(first)?;
        let mut inputs = vec![input];
        let output = match node.op {
            Op::FullyConnected(_) | Op::Conv2d(..) | Op::DepthwiseConv2d(..) => {
                inputs.extend(self.weights(node, input)?);
                self.affine(node.output)
            }
            Op::Softmax(_) | Op::Logistic => Quantization::of_tensor(1.0 / 256.0, -128),
            Op::L2Normalize => Quantization::of_tensor(1.0 / 128.0, 0),
            Op::AveragePool2d(..)
            | Op::MaxPool2d(..)
            | Op::ResizeNearest { .. }
            | Op::Reshape
            | Op::Slice
            | Op::Transpose
            | Op::Pad => {
                inputs.extend(self.others(node)?);
                self.meaning(input)
            }
            Op::Concat(_) => {
                let meaning = self.affine(node.output);
                inputs = node.inputs.iter().map(|id| self.rescaled(*id, &meaning)).collect::<Result<_, _>>()?;
                meaning
            }
            Op::Quantize | Op::Dequantize => {
                let tensor = self.from.tensor(first);
                return Err(TfliteError::NotFloat { tensor: tensor.name.clone(), element: Element::I8 });
            }
            Op::Mean(_) | Op::Add(_) | Op::Mul(_) | Op::Relu | Op::Relu6 => {
                inputs.extend(self.others(node)?);
                self.affine(node.output)
            }
        };
        let output = self.activation(node.output, output);
        self.graph.nodes.push(Node { op: node.op, inputs, output });
        Ok(())
    }

    fn others(&mut self, node: &Node) -> Result<Vec<TensorId>, TfliteError> {
        node.inputs[1..].iter().map(|id| self.place(*id)).collect()
    }

    /// The tensor in another scale.
    fn rescaled(&mut self, id: TensorId, meaning: &Quantization) -> Result<TensorId, TfliteError> {
        let place = self.place(id)?;
        if self.meaning(place) == *meaning {
            return Ok(place);
        }
        let tensor = self.graph.tensor(place);
        let rescaled = Tensor {
            name: format!("{}/rescaled", tensor.name),
            quantization: Some(meaning.clone()),
            constant: None,
            ..tensor.clone()
        };
        let output = self.graph.add(rescaled);
        self.graph.nodes.push(Node { op: Op::Quantize, inputs: vec![place], output });
        Ok(output)
    }

    /// Weights and bias of a layer.
    fn weights(&mut self, node: &Node, input: TensorId) -> Result<Vec<TensorId>, TfliteError> {
        let axis = if matches!(node.op, Op::DepthwiseConv2d(..)) { 3 } else { 0 };
        let whole = matches!(node.op, Op::FullyConnected(_)) && self.options.dense == Dense::PerTensor;
        let tensor = self.from.tensor(node.inputs[1]).clone();
        let values = floats(&tensor)?;
        let bias = node.inputs.get(2).map(|id| self.from.tensor(*id).clone());
        let biases = bias.as_ref().map(floats).transpose()?.unwrap_or_default();
        let (channels, behind) = (tensor.shape[axis], tensor.shape[axis + 1..].iter().product::<usize>());
        let channel = |at: usize| at / behind % channels;
        let mut largest = vec![0.0_f32; channels];
        values.iter().enumerate().for_each(|(at, v)| largest[channel(at)] = largest[channel(at)].max(v.abs()));
        if whole {
            let all = largest.iter().copied().fold(0.0, f32::max);
            largest.fill(all);
        }
        let (scale, _) = self.meaning(input).whole().unwrap_or((1.0, 0));
        // A bias far larger than its weights must still fit into 32 bits.
        let needed = |channel: usize| {
            let wanted = if whole {
                biases.iter().fold(0.0_f32, |m, b| m.max(b.abs()))
            } else {
                biases.get(channel).map_or(0.0, |bias| bias.abs())
            };
            wanted / (scale * (1_u32 << 30) as f32)
        };
        let scale_of = |channel: usize| {
            let found = (largest[channel] / 127.0).max(needed(channel));
            if found.is_normal() { found } else { 1.0 }
        };
        let scales: Vec<f32> = (0..channels).map(scale_of).collect();
        let rounded = |(at, v): (usize, &f32)| (v / scales[channel(at)]).round().clamp(-127.0, 127.0) as i8;
        let bytes = Values::I8(values.iter().enumerate().map(rounded).collect());
        let meaning = |scales: Vec<f32>, axis: usize| match whole {
            true => Quantization::of_tensor(scales.first().copied().unwrap_or(1.0), 0),
            false => Quantization { zero_points: vec![0; scales.len()], scales, axis },
        };
        let bias_scales: Vec<f32> = scales.iter().map(|of_weight| scale * of_weight).collect();
        let mut made = vec![self.graph.add(Tensor {
            element: Element::I8,
            quantization: Some(meaning(scales, axis)),
            constant: Some(bytes),
            ..tensor
        })];
        if let Some(bias) = bias {
            // In double precision: a quotient near 2^30 has more digits than a float.
            let rounded = biases.iter().zip(&bias_scales).map(|(b, s)| (f64::from(*b) / f64::from(*s)).round() as i32);
            made.push(self.graph.add(Tensor {
                element: Element::I32,
                constant: Some(Values::I32(rounded.collect())),
                quantization: Some(meaning(bias_scales, 0)),
                ..bias
            }));
        }
        Ok(made)
    }
}

fn affine(low: f32, high: f32) -> Quantization {
    let scale = (high - low) / 255.0;
    if !scale.is_normal() {
        return Quantization::of_tensor(1.0, 0);
    }
    let zero = (-128.0 - low / scale).round().clamp(-128.0, 127.0);
    Quantization::of_tensor(scale, zero as i32)
}

fn finite(tensor: &Tensor, values: &[f32]) -> Result<(), TfliteError> {
    let sound = values.iter().all(|value| value.is_finite());
    if sound { Ok(()) } else { Err(TfliteError::NotFinite { tensor: tensor.name.clone() }) }
}

/// The constant floats of weights.
fn floats(tensor: &Tensor) -> Result<Vec<f32>, TfliteError> {
    match &tensor.constant {
        Some(Values::F32(values)) => finite(tensor, values).map(|()| values.clone()),
        _ => Err(TfliteError::NotFloat { tensor: tensor.name.clone(), element: tensor.element }),
    }
}
