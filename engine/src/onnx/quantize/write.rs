//! The nodes of a network in int8.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::proto::{AttributeProto, AttributeType, GraphProto, NodeProto, TensorProto};
use super::super::{DataType, TensorError};
use super::plan::Plan;
use crate::EngineError;

/// Scale and zero point by tensor.
type Ranges = BTreeMap<String, (f32, u8)>;

/// The graph with every tensor of the plan rounded to bytes.
pub(super) fn rewrite(graph: &GraphProto, plan: &Plan, ranges: &Ranges) -> Result<GraphProto, EngineError> {
    let mut writer = Writer { graph, plan, ranges, nodes: Vec::new(), constants: Vec::new() };
    for (name, &(scale, zero)) in ranges {
        writer.constants.push(tensor(&scale_of(name), &[], DataType::Float, scale.to_le_bytes().to_vec()));
        writer.constants.push(tensor(&zero_of(name), &[], DataType::Uint8, vec![zero]));
    }
    graph.input.iter().for_each(|input| writer.round(&input.name));
    for (node, &chosen) in graph.node.iter().zip(&plan.nodes) {
        writer.node(node, chosen)?;
    }
    let Writer { nodes, mut constants, .. } = writer;
    // Weights that nobody reads any more are dropped.
    let read: BTreeSet<&str> = nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    constants.extend(graph.initializer.iter().filter(|tensor| read.contains(tensor.name.as_str())).cloned());
    Ok(GraphProto { node: nodes, initializer: constants, ..graph.clone() })
}

struct Writer<'a> {
    graph: &'a GraphProto,
    plan: &'a Plan,
    ranges: &'a Ranges,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Writer<'_> {
    fn node(&mut self, node: &NodeProto, chosen: bool) -> Result<(), EngineError> {
        let mut node = node.clone();
        if chosen && node.op_type == "Conv" {
            self.weights(&mut node)?;
        }
        for input in &mut node.input {
            // A node on numbers reads the rounded values only where no others are left.
            if self.plan.tensors.contains_key(&*input) && (chosen || self.plan.made.contains(&*input)) {
                *input = restored(input);
            }
        }
        let outputs = node.output.clone();
        self.nodes.push(node);
        outputs.iter().for_each(|output| self.round(output));
        Ok(())
    }

    /// To bytes and back, if the plan says so.
    fn round(&mut self, name: &str) {
        let Some(shared) = self.plan.tensors.get(name) else { return };
        let (scale, zero) = (scale_of(shared), zero_of(shared));
        let bytes = format!("{name}/bytes");
        self.push("QuantizeLinear", &[name, &scale, &zero], &bytes, None);
        self.push("DequantizeLinear", &[&bytes, &scale, &zero], &restored(name), None);
    }

    /// Weight and bias of a convolution, which read from now on what was rounded.
    fn weights(&mut self, node: &mut NodeProto) -> Result<(), EngineError> {
        let (shape, weight) = self.constant(&node.input[1])?;
        let channels = shape.first().copied().unwrap_or(0);
        let per_channel = (weight.len() / channels.max(1)).max(1);
        let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => Some(self.constant(name)?.1),
            None => None,
        };
        let input_scale =
            self.plan.tensors.get(&node.input[0]).and_then(|name| self.ranges.get(name)).map_or(1.0, |r| r.0);
        let bias_of = |channel: usize| bias.as_ref().and_then(|bias| bias.get(channel)).copied().unwrap_or(0.0);
        let scales: Vec<f32> = weight
            .chunks(per_channel)
            .enumerate()
            .map(|(channel, values)| weight_scale(values, bias_of(channel), input_scale))
            .collect();
        let bytes = weight.chunks(per_channel).zip(&scales).flat_map(|(values, scale)| {
            values.iter().map(move |value| (value / scale).round().clamp(-127.0, 127.0) as i8)
        });
        let bytes: Vec<u8> = bytes.map(i8::cast_unsigned).collect();
        let name = node.input[1].clone();
        self.per_channel(&name, (shape.as_slice(), DataType::Int8, bytes), &scales);
        node.input[1] = restored(&name);
        if let Some(bias) = bias {
            let name = node.input[2].clone();
            let scales: Vec<f32> = scales.iter().map(|scale| scale * input_scale).collect();
            let whole =
                bias.iter().zip(&scales).map(|(value, scale)| (f64::from(*value) / f64::from(*scale)).round() as i32);
            let bytes = whole.flat_map(i32::to_le_bytes).collect();
            self.per_channel(&name, (&[bias.len()][..], DataType::Int32, bytes), &scales);
            node.input[2] = restored(&name);
        }
        Ok(())
    }

    /// Constants with a scale for every channel, and the node that restores them.
    fn per_channel(&mut self, name: &str, (shape, kind, bytes): (&[usize], DataType, Vec<u8>), scales: &[f32]) {
        let (whole, scale, zero) = (format!("{name}/bytes"), scale_of(name), zero_of(name));
        let width = bytes.len() / shape.iter().product::<usize>().max(1);
        self.constants.push(tensor(&whole, shape, kind, bytes));
        let values = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        self.constants.push(tensor(&scale, &[scales.len()], DataType::Float, values));
        self.constants.push(tensor(&zero, &[scales.len()], kind, vec![0; width * scales.len()]));
        self.push("DequantizeLinear", &[&whole, &scale, &zero], &restored(name), Some(0));
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: &str, axis: Option<i64>) {
        let axis = axis.map(|i| AttributeProto {
            name: "axis".to_owned(),
            r#type: AttributeType::Int.into(),
            i,
            ..AttributeProto::default()
        });
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{output}/{op}"),
            op_type: op.to_owned(),
            attribute: axis.into_iter().collect(),
            ..NodeProto::default()
        });
    }

    fn constant(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), EngineError> {
        let found = self.graph.initializer.iter().find(|tensor| tensor.name == name);
        let missing = || TensorError::Shape { name: name.to_owned(), dims: Vec::new() };
        let read = found.ok_or_else(missing).and_then(TensorProto::floats);
        read.map_err(|error| EngineError::Load { path: Path::new("the network").to_owned(), reason: error.to_string() })
    }
}

/// The largest weight of a channel is 127 steps. The steps of a bias follow from it; where the weights of a channel are next
/// to nothing the bias would have more steps than 32 bits hold.
fn weight_scale(weights: &[f32], bias: f32, input_scale: f32) -> f32 {
    const MAX_STEPS: f32 = 2e9;
    let largest = weights.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    let scale = (largest / 127.0).max(bias.abs() / (input_scale * MAX_STEPS));
    if scale < f32::MIN_POSITIVE { 1.0 } else { scale }
}

fn scale_of(name: &str) -> String {
    format!("{name}/scale")
}

fn zero_of(name: &str) -> String {
    format!("{name}/zero")
}

fn restored(name: &str) -> String {
    format!("{name}/restored")
}

fn tensor(name: &str, shape: &[usize], kind: DataType, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: kind.into(),
        name: name.to_owned(),
        raw_data: raw.into(),
        ..TensorProto::default()
    }
}
