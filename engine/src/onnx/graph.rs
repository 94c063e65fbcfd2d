//! Writing networks as ONNX: a graph is built node by node and comes out as a file.
//!
//! Every node and value has a name that says where in the network it is, so that a viewer of graphs and an error of a
//! runtime speak of the layer.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message as _;

use super::proto::{
    AttributeProto, AttributeType, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::{EngineError, files};

/// Version of ONNX's operators that graphs are written in: read by every ONNX Runtime since 1.14 and by OpenVINO and TensorRT
/// of that age.
pub const OPSET: i64 = 17;
/// Version of the file format that goes with it.
const IR_VERSION: i64 = 8;

const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT32: i32 = 6;
const INT64: i32 = 7;

/// A tensor that flows through the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphTensor(String);

impl GraphTensor {
    /// In place of an optional input that is left out.
    #[must_use]
    pub fn none() -> Self {
        Self(String::new())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// An axis of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axis {
    /// Of this length.
    Fixed(usize),
    /// Of any length; the name ties axes together.
    Any(&'static str),
}

/// An attribute of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attribute<'a> {
    /// A whole number.
    Int(&'a str, i64),
    /// Whole numbers.
    Ints(&'a str, &'a [i64]),
    /// A number.
    Float(&'a str, f32),
    /// Text.
    Text(&'a str, &'a str),
}

impl Attribute<'_> {
    fn proto(self) -> AttributeProto {
        let of = |name: &str, kind: AttributeType| AttributeProto {
            name: name.to_owned(),
            r#type: kind.into(),
            ..AttributeProto::default()
        };
        match self {
            Self::Int(name, i) => AttributeProto { i, ..of(name, AttributeType::Int) },
            Self::Ints(name, ints) => AttributeProto { ints: ints.to_vec(), ..of(name, AttributeType::Ints) },
            Self::Float(name, f) => AttributeProto { f, ..of(name, AttributeType::Float) },
            Self::Text(name, text) => {
                AttributeProto { s: Bytes::copy_from_slice(text.as_bytes()), ..of(name, AttributeType::String) }
            }
        }
    }
}

/// A graph under construction.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    /// How often a name was asked for: the second gets a number.
    taken: BTreeMap<String, usize>,
}

impl GraphBuilder {
    /// An empty graph.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { graph: GraphProto { name: name.to_owned(), ..GraphProto::default() }, taken: BTreeMap::new() }
    }

    /// An input of 32-bit floats.
    pub fn input(&mut self, name: &str, axes: &[Axis]) -> GraphTensor {
        self.graph.input.push(value_info(name, axes));
        GraphTensor(self.unique(name))
    }

    /// Makes a value an output. It is passed on under the name of the output.
    pub fn output(&mut self, value: &GraphTensor, name: &str, axes: &[Axis]) {
        self.graph.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.to_owned()],
            name: format!("{name}/Identity"),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(name, axes));
    }

    /// A constant of 32-bit floats; `values` are as many as `shape` says.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> GraphTensor {
        self.tensor(name, shape, FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// A constant list of whole numbers: shapes, axes, indices.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> GraphTensor {
        self.tensor(name, &[values.len()], INT64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Constants of signed bytes: quantised weights.
    pub fn signed_bytes(&mut self, name: &str, shape: &[usize], values: &[i8]) -> GraphTensor {
        self.tensor(name, shape, INT8, values.iter().map(|value| value.cast_unsigned()).collect())
    }

    /// Constants of unsigned bytes: zero points of activations.
    pub fn unsigned_bytes(&mut self, name: &str, shape: &[usize], values: &[u8]) -> GraphTensor {
        self.tensor(name, shape, UINT8, values.to_vec())
    }

    /// Constants of 32-bit whole numbers: quantised biases.
    pub fn ints32(&mut self, name: &str, shape: &[usize], values: &[i32]) -> GraphTensor {
        self.tensor(name, shape, INT32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// A node with one result.
    pub fn node(&mut self, op: &str, name: &str, inputs: &[&GraphTensor], attributes: &[Attribute<'_>]) -> GraphTensor {
        self.nodes((op, name), inputs, attributes, 1).remove(0)
    }

    /// A node with several results.
    pub fn nodes(
        &mut self,
        (op, name): (&str, &str),
        inputs: &[&GraphTensor],
        attributes: &[Attribute<'_>],
        results: usize,
    ) -> Vec<GraphTensor> {
        let name = self.unique(&format!("{name}/{op}"));
        let output: Vec<String> = match results {
            1 => vec![format!("{name}_output_0")],
            _ => (0..results).map(|at| format!("{name}_output_{at}")).collect(),
        };
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|tensor| tensor.0.clone()).collect(),
            output: output.clone(),
            name,
            op_type: op.to_owned(),
            attribute: attributes.iter().map(|attribute| attribute.proto()).collect(),
            ..NodeProto::default()
        });
        output.into_iter().map(GraphTensor).collect()
    }

    /// The bytes of the file. Metadata is what tools read: `names`, `stride`, `imgsz`.
    #[must_use]
    pub fn encode(self, metadata: &BTreeMap<String, String>) -> Vec<u8> {
        let entry =
            |(key, value): (&String, &String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "shelfsight".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: metadata.iter().map(entry).collect(),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data_type: i32, raw: Vec<u8>) -> GraphTensor {
        let name = self.unique(name);
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data: raw.into(),
            ..TensorProto::default()
        });
        GraphTensor(name)
    }

    fn unique(&mut self, name: &str) -> String {
        let count = self.taken.entry(name.to_owned()).or_default();
        *count += 1;
        if *count == 1 { name.to_owned() } else { format!("{name}_{}", *count - 1) }
    }
}

/// Writes the bytes of a model, whole or not at all.
///
/// # Errors
/// [`EngineError::Save`] when it cannot be written.
pub fn write(path: &Path, model: &[u8]) -> Result<(), EngineError> {
    files::write(path, &[model])
}

fn value_info(name: &str, axes: &[Axis]) -> ValueInfoProto {
    let dimension = |axis: &Axis| DimensionProto {
        value: Some(match axis {
            Axis::Fixed(size) => Dimension::Value(*size as i64),
            Axis::Any(name) => Dimension::Param((*name).to_owned()),
        }),
        denotation: String::new(),
    };
    let shape = TensorShapeProto { dim: axes.iter().map(dimension).collect() };
    let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(shape) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type), denotation: String::new() }),
        ..ValueInfoProto::default()
    }
}
