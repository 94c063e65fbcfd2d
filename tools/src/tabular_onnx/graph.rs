//! A graph of ONNX in 64-bit numbers, node by node. Sums of trees are 32-bit: `ai.onnx.ml` has no others that all runtimes know.

use bytes::Bytes;
use engine::onnx::proto::{
    AttributeProto, AttributeType, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;

/// Versions that ONNX Runtime reads since 1.14.
const OPSET: i64 = 17;
const ML_OPSET: i64 = 3;
const IR_VERSION: i64 = 8;
/// Operators of trees.
const ML: &str = "ai.onnx.ml";

pub(super) const FLOAT: i32 = 1;
pub(super) const INT64: i32 = 7;
const BOOL: i32 = 9;
pub(super) const DOUBLE: i32 = 11;

/// A value of the graph, by its name.
pub(super) type Name = String;

/// A graph under construction.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    count: usize,
}

impl Graph {
    pub(super) fn input(&mut self, name: &str, axes: &[Option<usize>]) -> Name {
        self.inputs.push(info(name, FLOAT, Some(axes)));
        name.to_owned()
    }

    pub(super) fn output(&mut self, value: &str, name: &str, kind: i32, axes: &[Option<usize>]) {
        self.nodes.push(NodeProto {
            input: vec![value.to_owned()],
            output: vec![name.to_owned()],
            name: format!("{name}/Identity"),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        });
        self.outputs.push(info(name, kind, Some(axes)));
    }

    pub(super) fn doubles(&mut self, shape: &[usize], values: &[f64]) -> Name {
        let name = self.name("constant");
        self.constants.push(tensor(&name, shape, values));
        name
    }

    /// One number.
    pub(super) fn double(&mut self, value: f64) -> Name {
        self.doubles(&[], &[value])
    }

    pub(super) fn ints(&mut self, values: &[i64]) -> Name {
        let name = self.name("constant");
        self.constants.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: INT64,
            name: name.clone(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
            ..TensorProto::default()
        });
        name
    }

    /// A node with one result.
    pub(super) fn op(&mut self, op: &str, inputs: &[&Name], attributes: Vec<AttributeProto>) -> Name {
        self.ops((op, ""), inputs, attributes, 1).remove(0)
    }

    /// A node of `ai.onnx.ml` with one result.
    pub(super) fn ml(&mut self, op: &str, inputs: &[&Name], attributes: Vec<AttributeProto>) -> Name {
        self.ops((op, ML), inputs, attributes, 1).remove(0)
    }

    /// A node with several results.
    pub(super) fn ops(
        &mut self,
        (op, domain): (&str, &str),
        inputs: &[&Name],
        attribute: Vec<AttributeProto>,
        results: usize,
    ) -> Vec<Name> {
        let name = self.name(op);
        let output: Vec<Name> = (0..results).map(|at| format!("{name}:{at}")).collect();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| (*input).clone()).collect(),
            output: output.clone(),
            name,
            op_type: op.to_owned(),
            domain: domain.to_owned(),
            attribute,
            ..NodeProto::default()
        });
        output
    }

    pub(super) fn cast(&mut self, x: &Name, kind: i32) -> Name {
        self.op("Cast", &[x], vec![int("to", i64::from(kind))])
    }

    /// Sums along an axis, which stays with length 1 or goes.
    pub(super) fn sum(&mut self, x: &Name, axis: i64, keep: bool) -> Name {
        let axes = self.ints(&[axis]);
        self.op("ReduceSum", &[x, &axes], vec![int("keepdims", i64::from(keep))])
    }

    pub(super) fn concat(&mut self, parts: &[&Name]) -> Name {
        self.op("Concat", parts, vec![int("axis", 1)])
    }

    /// These columns.
    pub(super) fn columns(&mut self, x: &Name, columns: &[i64]) -> Name {
        let columns = self.ints(columns);
        self.op("Gather", &[x, &columns], vec![int("axis", 1)])
    }

    /// A new axis of length 1.
    pub(super) fn unsqueeze(&mut self, x: &Name, axis: i64) -> Name {
        let axes = self.ints(&[axis]);
        self.op("Unsqueeze", &[x, &axes], Vec::new())
    }

    /// Does something to a value so many times. `body` knows all values of this graph.
    pub(super) fn repeat(&mut self, times: i64, x: &Name, body: impl FnOnce(&mut Self, &Name) -> Name) -> Name {
        let mut inner = Self { count: self.count + 1_000_000, ..Self::default() };
        let (turn, go_on, value) = (inner.name("turn"), inner.name("go_on"), inner.name("value"));
        let next = body(&mut inner, &value);
        let still = inner.op("Identity", &[&go_on], Vec::new());
        let graph = GraphProto {
            name: "body".to_owned(),
            node: inner.nodes,
            initializer: inner.constants,
            input: vec![info(&turn, INT64, Some(&[])), info(&go_on, BOOL, Some(&[])), info(&value, DOUBLE, None)],
            output: vec![info(&still, BOOL, Some(&[])), info(&next, DOUBLE, None)],
            ..GraphProto::default()
        };
        self.count = inner.count + 1;
        let times = self.ints(&[times]);
        let body = AttributeProto {
            name: "body".to_owned(),
            r#type: AttributeType::Graph.into(),
            g: Some(Box::new(graph)),
            ..AttributeProto::default()
        };
        self.op("Loop", &[&times, &String::new(), x], vec![body])
    }

    /// The bytes of the file.
    pub(super) fn encode(self, metadata: &[(&str, String)]) -> Vec<u8> {
        let entry =
            |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
        let set = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "shelfsight".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(GraphProto {
                name: "table".to_owned(),
                node: self.nodes,
                initializer: self.constants,
                input: self.inputs,
                output: self.outputs,
                ..GraphProto::default()
            }),
            opset_import: vec![set("", OPSET), set(ML, ML_OPSET)],
            metadata_props: metadata.iter().map(entry).collect(),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }

    fn name(&mut self, what: &str) -> Name {
        self.count += 1;
        format!("{what}_{}", self.count)
    }
}

fn tensor(name: &str, shape: &[usize], values: &[f64]) -> TensorProto {
    TensorProto {
        dims: shape.iter().map(|size| *size as i64).collect(),
        data_type: DOUBLE,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    }
}

/// A named type; without axes the shape is open.
fn info(name: &str, elem_type: i32, axes: Option<&[Option<usize>]>) -> ValueInfoProto {
    let dimension = |axis: &Option<usize>| DimensionProto {
        value: Some(match axis {
            Some(size) => Dimension::Value(*size as i64),
            None => Dimension::Param("rows".to_owned()),
        }),
        denotation: String::new(),
    };
    let shape = axes.map(|axes| TensorShapeProto { dim: axes.iter().map(dimension).collect() });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type, shape }), denotation: String::new() }),
        ..ValueInfoProto::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind.into(), ..AttributeProto::default() }
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, AttributeType::Int) }
}

pub(super) fn ints_of(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

pub(super) fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { s: Bytes::copy_from_slice(text.as_bytes()), ..attribute(name, AttributeType::String) }
}

pub(super) fn texts(name: &str, texts: &[&'static str]) -> AttributeProto {
    let strings = texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

pub(super) fn doubles_of(name: &str, values: &[f64]) -> AttributeProto {
    let t = Some(Box::new(tensor(name, &[values.len()], values)));
    AttributeProto { t, ..attribute(name, AttributeType::Tensor) }
}
