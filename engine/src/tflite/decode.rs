//! The bytes of a file to a network that can be run. Bytes may come from anyone: all is bounded and checked before it is used.

use super::error::{Misfit, TfliteError};
use super::flat::{Broken, Reader, View};
use super::graph::{Element, Graph, Node, Op, Quantization, Tensor, TensorId, Values, Window};
use super::schema::{self, buffer, code, model, operator, quantization, subgraph, tensor};
use super::{cost, run, shape};

/// What a network may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Tensors, and operators.
    pub parts: u64,
    /// Numbers in all tensors that are computed.
    pub activations: u64,
    /// Multiplications of one run.
    pub multiply_adds: u64,
}

impl Default for Limits {
    /// 512 MiB, 65,536 parts, 2^27 numbers, 10^11 multiplications.
    fn default() -> Self {
        Self { bytes: 512 << 20, parts: 1 << 16, activations: 1 << 27, multiply_adds: 100_000_000_000 }
    }
}

impl Limits {
    /// What a microcontroller could hold: 16 MiB, 4,096 parts, 2^22 numbers, 10^9 multiplications.
    pub const MICRO: Self = Self { bytes: 16 << 20, parts: 4096, activations: 1 << 22, multiply_adds: 1_000_000_000 };

    fn within(what: &'static str, found: u64, limit: u64) -> Result<(), TfliteError> {
        if found > limit { Err(TfliteError::TooLarge { what, found, limit }) } else { Ok(()) }
    }
}

impl From<Broken> for TfliteError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Outside { at } => Self::Outside { at },
            Broken::TooMuch => Self::Repeated,
            Broken::NotText { at } => Self::NotText { at },
        }
    }
}

/// Whether bytes say that they are such a file.
#[must_use]
pub fn is_tflite(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(schema::IDENTIFIER.as_slice())
}

/// The network in the file: one subgraph, operators of [`Op`], shapes that follow from each other. What it asks for is within
/// `limits`, so it can be run.
///
/// # Errors
/// [`TfliteError`], which names the part.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Graph, TfliteError> {
    if !is_tflite(bytes) {
        return Err(TfliteError::NotTflite);
    }
    Limits::within("bytes", bytes.len() as u64, limits.bytes)?;
    let reader = Reader::new(bytes);
    let root = reader.root()?;
    let version = root.int(model::VERSION, 0)?;
    if version != schema::VERSION {
        return Err(TfliteError::Unsupported { what: "version of the schema", number: version.into() });
    }
    let subgraphs = root.tables(model::SUBGRAPHS)?;
    let [main] = subgraphs.as_slice() else {
        return Err(TfliteError::Unsupported { what: "number of subgraphs", number: subgraphs.len() as i64 });
    };
    let codes = root.tables(model::OPERATOR_CODES)?;
    let codes = codes.iter().map(operator_code).collect::<Result<Vec<_>, _>>()?;
    let buffers = root.tables(model::BUFFERS)?;
    let tensors = main.tables(subgraph::TENSORS)?;
    let operators = main.tables(subgraph::OPERATORS)?;
    Limits::within("tensors", tensors.len() as u64, limits.parts)?;
    Limits::within("operators", operators.len() as u64, limits.parts)?;
    let mut graph = Graph::new(&root.text(model::DESCRIPTION)?);
    for (at, view) in tensors.iter().enumerate() {
        graph.tensors.push(read_tensor(at, view, &buffers)?);
    }
    let ids = |slot: usize| -> Result<Vec<TensorId>, TfliteError> {
        main.ints(slot)?.into_iter().map(|value| id(value, tensors.len())).collect()
    };
    (graph.inputs, graph.outputs) = (ids(subgraph::INPUTS)?, ids(subgraph::OUTPUTS)?);
    for view in &operators {
        let node = read_node(view, &codes, graph.tensors.len())?;
        graph.nodes.push(node);
    }
    check(&graph)?;
    let cost = cost::cost(&graph);
    Limits::within("activations", cost.activations, limits.activations)?;
    Limits::within("multiplications", cost.multiply_adds, limits.multiply_adds)?;
    Ok(graph)
}

fn id(value: i32, tensors: usize) -> Result<TensorId, TfliteError> {
    let place = usize::try_from(value).ok().filter(|place| *place < tensors);
    place.map(TensorId).ok_or(TfliteError::Index { what: "tensor", index: value.into() })
}

fn operator_code(view: &View<'_>) -> Result<i32, TfliteError> {
    // Files of before 2020 have the byte alone.
    Ok(view.int(code::BUILTIN, 0)?.max(i32::from(view.byte(code::OLD)?)))
}

fn read_tensor(at: usize, view: &View<'_>, buffers: &[View<'_>]) -> Result<Tensor, TfliteError> {
    let name = view.text(tensor::NAME)?;
    let broken = || TfliteError::Tensor { at, name: name.chars().take(80).collect() };
    let kind = view.byte(tensor::TYPE)?;
    let element =
        schema::element_of(kind).ok_or(TfliteError::Unsupported { what: "type of tensors", number: kind.into() })?;
    for (slot, what) in [(tensor::VARIABLE, "variable tensor"), (tensor::SPARSITY, "sparse tensor")] {
        if view.has(slot)? && (slot == tensor::SPARSITY || view.flag(slot)?) {
            return Err(TfliteError::Unsupported { what, number: at as i64 });
        }
    }
    let lengths = view.ints(tensor::SHAPE)?;
    if lengths.len() > shape::MAX_RANK {
        return Err(broken());
    }
    let shape = lengths.iter().map(|length| usize::try_from(*length).ok().filter(|length| *length > 0));
    let shape: Vec<usize> = shape.collect::<Option<_>>().ok_or_else(broken)?;
    let count = shape.iter().try_fold(1_usize, |all, length| all.checked_mul(*length)).filter(|c| *c <= 1 << 30);
    let count = count.ok_or_else(broken)?;
    let quantization = match view.table(tensor::QUANTIZATION)? {
        Some(parameters) => meaning(&parameters, &shape).map_err(|e| e.unwrap_or_else(broken))?,
        None => None,
    };
    let place = view.int(tensor::BUFFER, 0)?;
    let buffer = usize::try_from(place).ok().and_then(|place| buffers.get(place));
    let buffer = buffer.ok_or(TfliteError::Index { what: "buffer", index: place.into() })?;
    if buffer.has(buffer::OFFSET)? {
        return Err(TfliteError::Unsupported { what: "buffer outside of the tables", number: place.into() });
    }
    let data = buffer.bytes(buffer::DATA)?;
    let constant = if data.is_empty() {
        None
    } else {
        if data.len() != count.saturating_mul(element.bytes()) {
            return Err(broken());
        }
        view.pay(data.len())?;
        Some(values(element, data))
    };
    Ok(Tensor { name, shape, element, quantization, constant })
}

fn values(element: Element, data: &[u8]) -> Values {
    match element {
        Element::F32 => Values::F32(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Element::I32 => Values::I32(data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect()),
        Element::I8 => Values::I8(data.iter().map(|byte| byte.cast_signed()).collect()),
    }
}

/// What integers mean; `Err(None)` when that cannot be.
fn meaning(view: &View<'_>, shape: &[usize]) -> Result<Option<Quantization>, Option<TfliteError>> {
    let read = |broken: Broken| Some(TfliteError::from(broken));
    let scales = view.floats(quantization::SCALE).map_err(read)?;
    if scales.is_empty() {
        return Ok(None);
    }
    let zero_points = view.longs(quantization::ZERO_POINT).map_err(read)?;
    let axis = view.int(quantization::AXIS, 0).map_err(read)?;
    let axis = usize::try_from(axis).map_err(|_| None)?;
    let zero_points: Vec<i32> = match zero_points.len() {
        0 => vec![0; scales.len()],
        _ => zero_points.iter().map(|zero| i32::try_from(*zero)).collect::<Result<_, _>>().map_err(|_| None)?,
    };
    let fits = scales.len() == zero_points.len() && (scales.len() == 1 || shape.get(axis) == Some(&scales.len()));
    let sound = scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
    if fits && sound { Ok(Some(Quantization { scales, zero_points, axis })) } else { Err(None) }
}

fn read_node(view: &View<'_>, codes: &[i32], tensors: usize) -> Result<Node, TfliteError> {
    let place = view.int(operator::CODE, 0)?;
    let code = usize::try_from(place).ok().and_then(|place| codes.get(place));
    let code = *code.ok_or(TfliteError::Index { what: "operator code", index: place.into() })?;
    let mut inputs = view.ints(operator::INPUTS)?;
    // A bias that is left out.
    while inputs.len() > 2 && inputs.last() == Some(&-1) {
        inputs.pop();
    }
    let inputs = inputs.into_iter().map(|value| id(value, tensors)).collect::<Result<Vec<_>, _>>()?;
    let outputs = view.ints(operator::OUTPUTS)?;
    let [output] = outputs.as_slice() else {
        return Err(TfliteError::Unsupported { what: "number of an operator's outputs", number: outputs.len() as i64 });
    };
    let output = id(*output, tensors)?;
    let options = view.table(operator::OPTIONS)?;
    let stated = view.byte(operator::OPTIONS_TYPE)?;
    let op = read_op(code, options.as_ref())?;
    let (_, expected) = schema::codes(&op);
    if options.is_some() && expected != 0 && stated != expected {
        return Err(TfliteError::Unsupported { what: "type of options", number: stated.into() });
    }
    // Newer files give the shape of a reshape in its options as well; the input says the same.
    Ok(Node { op, inputs, output })
}

fn read_op(code: i32, options: Option<&View<'_>>) -> Result<Op, TfliteError> {
    let unsupported = |what, number: u8| TfliteError::Unsupported { what, number: number.into() };
    let byte = |slot: usize| options.map_or(Ok(0), |view| view.byte(slot));
    let int = |slot: usize, default: i32| options.map_or(Ok(default), |view| view.int(slot, default));
    let activation = |slot: usize| {
        let number = byte(slot)?;
        schema::activation_of(number).ok_or_else(|| unsupported("activation", number))
    };
    let length = |slot: usize| -> Result<usize, TfliteError> { Ok(usize::try_from(int(slot, 0)?).unwrap_or(0)) };
    let window = || {
        let number = byte(0)?;
        let padding = schema::padding_of(number).ok_or_else(|| unsupported("padding", number))?;
        Ok::<_, TfliteError>(Window { stride: [length(2)?, length(1)?], padding })
    };
    let undilated = |slot: usize| match (int(slot, 1)?, int(slot + 1, 1)?) {
        (1, 1) => Ok(()),
        (other, 1) | (_, other) => Err(TfliteError::Unsupported { what: "dilation", number: other.into() }),
    };
    Ok(match code {
        0 => Op::Add(activation(0)?),
        1 => Op::AveragePool2d(window()?, [length(4)?, length(3)?], activation(5)?),
        2 => {
            activation(1).ok().filter(|a| *a == super::Activation::None).ok_or(unsupported("activation", byte(1)?))?;
            Op::Concat(int(0, 0)?)
        }
        3 => {
            undilated(4)?;
            Op::Conv2d(window()?, activation(3)?)
        }
        4 => {
            undilated(5)?;
            Op::DepthwiseConv2d(window()?, activation(4)?)
        }
        6 => Op::Dequantize,
        9 => {
            // Whether axes are kept shows in the shape of the output, which is checked.
            if byte(1)? != 0 {
                return Err(unsupported("layout of a fully connected layer", byte(1)?));
            }
            Op::FullyConnected(activation(0)?)
        }
        11 => Op::L2Normalize,
        14 => Op::Logistic,
        17 => Op::MaxPool2d(window()?, [length(4)?, length(3)?], activation(5)?),
        18 => Op::Mul(activation(0)?),
        19 => Op::Relu,
        21 => Op::Relu6,
        22 => Op::Reshape,
        25 => Op::Softmax(options.map_or(Ok(0.0), |view| view.float(0))?),
        34 => Op::Pad,
        39 => Op::Transpose,
        40 => Op::Mean(byte(0)? != 0),
        65 => Op::Slice,
        97 => Op::ResizeNearest { align_corners: byte(0)? != 0, half_pixel_centers: byte(1)? != 0 },
        114 => Op::Quantize,
        number => return Err(TfliteError::Unsupported { what: "operator", number: number.into() }),
    })
}

/// That every tensor is known before it is used, shapes follow from each other, and kernels take what they are given.
fn check(graph: &Graph) -> Result<(), TfliteError> {
    for (ends, what) in [(&graph.inputs, "inputs"), (&graph.outputs, "outputs")] {
        if ends.is_empty() {
            return Err(TfliteError::Without(what));
        }
    }
    let mut known: Vec<bool> = graph.tensors.iter().map(|tensor| tensor.constant.is_some()).collect();
    let first = |at: usize| TfliteError::Node { at: 0, op: "INPUT", misfit: Misfit::Order { tensor: at } };
    for input in &graph.inputs {
        if std::mem::replace(&mut known[input.0], true) {
            return Err(first(input.0));
        }
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let misfit = |misfit| TfliteError::Node { at, op: node.op.name(), misfit };
        if let Some(unknown) = node.inputs.iter().find(|id| !known[id.0]) {
            return Err(misfit(Misfit::Order { tensor: unknown.0 }));
        }
        if std::mem::replace(&mut known[node.output.0], true) {
            return Err(misfit(Misfit::Order { tensor: node.output.0 }));
        }
        let taken: Vec<&Tensor> = node.inputs.iter().map(|id| graph.tensor(*id)).collect();
        let expected = shape::infer(&node.op, &taken).map_err(misfit)?;
        let output = graph.tensor(node.output);
        if output.shape != expected {
            return Err(misfit(Misfit::Output { expected, found: output.shape.clone() }));
        }
        run::check(&node.op, &taken, output).map_err(misfit)?;
    }
    match graph.outputs.iter().find(|id| !known[id.0]) {
        Some(unknown) => Err(first(unknown.0)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::flat::{Child, Table};
    use super::*;
    use crate::tflite::encode;

    fn refused(graph: &Graph) -> String {
        decode(&encode(graph), &Limits::MICRO).unwrap_err().to_string()
    }

    /// A network of ReLUs that take and give the tensors of these places.
    fn relus(count: usize, nodes: &[(usize, usize)], output: usize) -> Graph {
        let tensor = |at: usize| Tensor {
            name: format!("t{at}"),
            shape: vec![1, 4],
            element: Element::F32,
            quantization: None,
            constant: None,
        };
        Graph {
            tensors: (0..count).map(tensor).collect(),
            nodes: nodes
                .iter()
                .map(|(from, to)| Node { op: Op::Relu, inputs: vec![TensorId(*from)], output: TensorId(*to) })
                .collect(),
            inputs: vec![TensorId(0)],
            outputs: vec![TensorId(output)],
            description: String::new(),
        }
    }

    #[test]
    fn what_goes_in_circles_is_refused() {
        assert!(decode(&encode(&relus(3, &[(0, 1), (1, 2)], 2)), &Limits::MICRO).is_ok());
        let order = "used before it is computed, or computed twice";
        for (nodes, tensor) in [
            (vec![(1, 1)], 1),
            (vec![(2, 1), (1, 2)], 2),
            (vec![(1, 2), (0, 1)], 1),
            (vec![(0, 1), (0, 1)], 1),
            (vec![(0, 0)], 0),
        ] {
            let error = refused(&relus(3, &nodes, 1));
            assert!(error.contains(&format!("tensor {tensor} is {order}")), "{nodes:?}: {error}");
        }
        assert!(refused(&relus(3, &[(0, 1)], 2)).contains(&format!("tensor 2 is {order}")));
    }

    #[test]
    fn places_that_are_not_there_are_named() {
        let file = encode(&relus(2, &[(0, 1)], 1));
        // Every four bytes as an offset that leads out of the file.
        for at in 0..file.len() / 4 {
            let mut broken = file.clone();
            broken[4 * at..4 * at + 4].copy_from_slice(&0x7FFF_FFF0_u32.to_le_bytes());
            // Whatever it was before: an answer, and no more.
            let _ = decode(&broken, &Limits::MICRO);
        }
        let mut root = file;
        root[..4].copy_from_slice(&0x7FFF_FFF0_u32.to_le_bytes());
        let error = decode(&root, &Limits::MICRO).unwrap_err().to_string();
        assert!(error.contains("at byte 0 something points outside of the file"), "{error}");
    }

    #[test]
    fn a_small_file_that_asks_for_much_is_refused() {
        let shared = Table::default().child(buffer::DATA, Child::aligned(vec![0; 1 << 16]));
        let tensors =
            (0..2000).map(|_| Table::default().child(tensor::SHAPE, Child::ints([1 << 14])).int(tensor::BUFFER, 1));
        let main = Table::default().child(subgraph::TENSORS, Child::Tables(tensors.collect()));
        let file = Table::default()
            .int(model::VERSION, schema::VERSION)
            .child(model::SUBGRAPHS, Child::Tables(vec![main]))
            .child(model::BUFFERS, Child::Tables(vec![Table::default(), shared]))
            .finish(schema::IDENTIFIER);
        assert_eq!(decode(&file, &Limits::MICRO), Err(TfliteError::Repeated));
        let deep = Graph::new("none");
        assert_eq!(decode(&encode(&deep), &Limits::MICRO), Err(TfliteError::Without("inputs")));
    }
}
