//! What an ONNX file says.

use std::collections::BTreeMap;

use super::error::{ConvertError, refused};
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};
use crate::onnx::{DataType, Model};

/// The parts of a model, by name.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) nodes: &'a [NodeProto],
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    constants: BTreeMap<&'a str, &'a TensorProto>,
    takers: BTreeMap<&'a str, Vec<&'a NodeProto>>,
}

impl<'a> Source<'a> {
    pub(super) fn of(model: &'a Model) -> Self {
        let constants: BTreeMap<&str, &TensorProto> =
            model.initializers().iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let graph = model.proto().graph.as_ref();
        let nodes = graph.map_or(&[][..], |graph| &graph.node);
        let mut takers: BTreeMap<&str, Vec<&NodeProto>> = BTreeMap::new();
        for node in nodes {
            node.input.iter().for_each(|name| takers.entry(name).or_default().push(node));
        }
        let names = |ends: &'a [crate::onnx::proto::ValueInfoProto]| ends.iter().map(|end| end.name.as_str());
        Self {
            name: graph.map_or("", |graph| &graph.name),
            nodes,
            inputs: names(graph.map_or(&[][..], |graph| &graph.input))
                .filter(|name| !constants.contains_key(name))
                .collect(),
            outputs: names(graph.map_or(&[][..], |graph| &graph.output)).collect(),
            constants,
            takers,
        }
    }

    pub(super) fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// The only node that takes a value; none when it is an output, too.
    pub(super) fn only_taker(&self, name: &str) -> Option<&'a NodeProto> {
        match self.takers.get(name).map(Vec::as_slice) {
            Some([only]) if !self.outputs.contains(&name) => Some(*only),
            _ => None,
        }
    }

    fn tensor(&self, node: &NodeProto, name: &str) -> Result<&'a TensorProto, ConvertError> {
        let missing = || refused(node, format!("{name:?} is not constant"));
        self.constants.get(name).copied().ok_or_else(missing)
    }

    /// Shape and numbers of a constant.
    pub(super) fn floats(&self, node: &NodeProto, name: &str) -> Result<(Vec<usize>, Vec<f32>), ConvertError> {
        Ok(self.tensor(node, name)?.floats()?)
    }

    /// A constant list of integers.
    pub(super) fn list(&self, node: &NodeProto, at: usize) -> Result<Vec<i64>, ConvertError> {
        let tensor = self.tensor(node, node.input.get(at).map_or("", String::as_str))?;
        if tensor.kind() != DataType::Int64 {
            return Err(refused(node, format!("input {at} is no list of integers")));
        }
        if tensor.raw_data.is_empty() {
            return Ok(tensor.int64_data.clone());
        }
        Ok(tensor.raw_data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// An attribute that is an integer.
pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |attribute| attribute.i)
}

/// An attribute that is a number.
pub(super) fn float(node: &NodeProto, name: &str, default: f32) -> f32 {
    attribute(node, name).map_or(default, |attribute| attribute.f)
}

/// An attribute that is a list of integers.
pub(super) fn ints(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    attribute(node, name).map(|attribute| attribute.ints.clone())
}

/// An attribute that is text.
pub(super) fn text<'a>(node: &'a NodeProto, name: &str) -> &'a [u8] {
    attribute(node, name).map_or(&[], |attribute| &attribute.s)
}
