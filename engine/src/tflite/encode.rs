//! A network to the bytes of a file. The same network gives the same bytes.

use super::flat::{Child, Table};
use super::graph::{Graph, Node, Op, Tensor, Values, Window};
use super::schema::{self, buffer, code, model, operator, quantization, subgraph, tensor};

/// The bytes of the file.
#[must_use]
pub fn encode(graph: &Graph) -> Vec<u8> {
    // Buffer 0 is empty: what is computed has no bytes.
    let mut buffers = vec![Table::default()];
    let mut tensors = Vec::with_capacity(graph.tensors.len());
    for tensor in &graph.tensors {
        let place = match &tensor.constant {
            Some(values) => {
                buffers.push(Table::default().child(buffer::DATA, Child::aligned(bytes(values))));
                buffers.len() - 1
            }
            None => 0,
        };
        tensors.push(tensor_table(tensor, place));
    }
    let mut codes: Vec<(i32, i32)> = Vec::new();
    let operators: Vec<Table> = graph.nodes.iter().map(|node| operator_table(graph, node, &mut codes)).collect();
    let codes = codes.into_iter().map(|(builtin, version)| {
        // Readers of before 2020 look at the byte alone; it says 127 where the number does not fit.
        let table = Table::default().byte(code::OLD, builtin.min(127) as u8);
        let table = if version == 1 { table } else { table.int(code::VERSION, version) };
        table.int(code::BUILTIN, builtin)
    });
    let ids = |ids: &[super::TensorId]| Child::ints(ids.iter().map(|id| id.0 as i32));
    let main = Table::default()
        .child(subgraph::TENSORS, Child::Tables(tensors))
        .child(subgraph::INPUTS, ids(&graph.inputs))
        .child(subgraph::OUTPUTS, ids(&graph.outputs))
        .child(subgraph::OPERATORS, Child::Tables(operators))
        .child(subgraph::NAME, Child::Text("main".to_owned()));
    Table::default()
        .int(model::VERSION, schema::VERSION)
        .child(model::OPERATOR_CODES, Child::Tables(codes.collect()))
        .child(model::SUBGRAPHS, Child::Tables(vec![main]))
        .child(model::DESCRIPTION, Child::Text(graph.description.clone()))
        .child(model::BUFFERS, Child::Tables(buffers))
        .finish(schema::IDENTIFIER)
}

fn bytes(values: &Values) -> Vec<u8> {
    match values {
        Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::I8(values) => values.iter().map(|value| value.cast_unsigned()).collect(),
        Values::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn tensor_table(of: &Tensor, place: usize) -> Table {
    let mut table = Table::default()
        .child(tensor::SHAPE, Child::ints(of.shape.iter().map(|length| *length as i32)))
        .child(tensor::NAME, Child::Text(of.name.clone()));
    let kind = schema::element(of.element);
    if kind != 0 {
        table = table.byte(tensor::TYPE, kind);
    }
    if place != 0 {
        table = table.int(tensor::BUFFER, place as i32);
    }
    let Some(meaning) = &of.quantization else { return table };
    let mut parameters = Table::default()
        .child(quantization::SCALE, Child::floats(meaning.scales.iter().copied()))
        .child(quantization::ZERO_POINT, Child::longs(meaning.zero_points.iter().map(|zero| i64::from(*zero))));
    if meaning.axis != 0 {
        parameters = parameters.int(quantization::AXIS, meaning.axis as i32);
    }
    table.child(tensor::QUANTIZATION, Child::Table(parameters))
}

fn operator_table(graph: &Graph, node: &Node, codes: &mut Vec<(i32, i32)>) -> Table {
    let (builtin, options) = schema::codes(&node.op);
    let input = node.inputs.first().map_or(super::Element::F32, |id| graph.tensor(*id).element);
    let weights = node.inputs.get(1).and_then(|id| graph.tensor(*id).quantization.as_ref());
    let version = schema::version(&node.op, input, weights.is_some_and(|weights| weights.scales.len() > 1));
    let place = codes.iter().position(|known| *known == (builtin, version)).unwrap_or_else(|| {
        codes.push((builtin, version));
        codes.len() - 1
    });
    let mut inputs: Vec<i32> = node.inputs.iter().map(|id| id.0 as i32).collect();
    if matches!(node.op, Op::FullyConnected(_) | Op::Conv2d(..) | Op::DepthwiseConv2d(..)) && inputs.len() == 2 {
        inputs.push(-1);
    }
    let mut table = Table::default()
        .child(operator::INPUTS, Child::ints(inputs))
        .child(operator::OUTPUTS, Child::ints([node.output.0 as i32]));
    if place != 0 {
        table = table.int(operator::CODE, place as i32);
    }
    if options == 0 {
        return table;
    }
    table.byte(operator::OPTIONS_TYPE, options).child(operator::OPTIONS, Child::Table(options_table(&node.op)))
}

fn options_table(op: &Op) -> Table {
    let window = |Window { stride: [down, right], padding }: Window| {
        let table = Table::default().byte(0, schema::padding(padding));
        table.int(1, right as i32).int(2, down as i32)
    };
    match *op {
        Op::Conv2d(moves, activation) => window(moves).byte(3, schema::activation(activation)),
        Op::DepthwiseConv2d(moves, activation) => window(moves).int(3, 1).byte(4, schema::activation(activation)),
        Op::AveragePool2d(moves, [height, width], activation) | Op::MaxPool2d(moves, [height, width], activation) => {
            window(moves).int(3, width as i32).int(4, height as i32).byte(5, schema::activation(activation))
        }
        Op::FullyConnected(activation) | Op::Add(activation) | Op::Mul(activation) => {
            Table::default().byte(0, schema::activation(activation))
        }
        Op::Softmax(beta) => Table::default().float(0, beta),
        Op::Concat(axis) => Table::default().int(0, axis),
        Op::Mean(keep) => Table::default().byte(0, u8::from(keep)),
        Op::ResizeNearest { align_corners, half_pixel_centers } => {
            Table::default().byte(0, u8::from(align_corners)).byte(1, u8::from(half_pixel_centers))
        }
        Op::Relu
        | Op::Relu6
        | Op::Reshape
        | Op::Slice
        | Op::Transpose
        | Op::Logistic
        | Op::Pad
        | Op::L2Normalize
        | Op::Quantize
        | Op::Dequantize => Table::default(),
    }
}
