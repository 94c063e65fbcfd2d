//! What a network costs: multiply-adds, and the memory a microcontroller needs to run it.

use super::graph::{Graph, Op};

/// Where tensors begin in an arena.
const ALIGN: usize = 16;
/// Bytes that TensorFlow Lite for Microcontrollers keeps of a tensor (a pointer, its shape, its type) on 32 bits, rounded up.
const OF_TENSOR: usize = 32;
/// Bytes it keeps of an operator: node, registration, options.
const OF_NODE: usize = 128;
/// Bytes of a layer's multiplier and shift for an output channel.
const OF_CHANNEL: usize = 8;
/// Bytes of the interpreter itself.
const OF_INTERPRETER: usize = 1024;

/// What one run of a network costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Multiplications with weights, and of elements.
    pub multiply_adds: u64,
    /// Numbers in all tensors that are computed or come from outside.
    pub activations: u64,
    /// Bytes that those need which are alive at the same time, placed first fit, the largest first.
    pub activation_bytes: u64,
    /// Bytes of constants.
    pub weight_bytes: u64,
    /// Bytes of the arena to begin with on a microcontroller: activations and an estimate of what the interpreter keeps, rounded
    /// up to a KiB. `arena_used_bytes()` says there what is really needed.
    pub arena_bytes: u64,
}

/// What the network costs.
#[must_use]
pub fn cost(graph: &Graph) -> Cost {
    let mut activations = 0_u64;
    let mut weight_bytes = 0_u64;
    for tensor in &graph.tensors {
        match &tensor.constant {
            Some(values) => weight_bytes += (values.len() * tensor.element.bytes()) as u64,
            None => activations = activations.saturating_add(tensor.len() as u64),
        }
    }
    let activation_bytes = planned(graph);
    let channels: usize =
        graph.nodes.iter().filter(|node| has_weights(&node.op)).map(|node| channels(graph, node)).sum();
    let kept = OF_INTERPRETER + graph.tensors.len() * OF_TENSOR + graph.nodes.len() * OF_NODE + channels * OF_CHANNEL;
    Cost {
        multiply_adds: graph.nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(multiply_adds(graph, node))),
        activations,
        activation_bytes,
        weight_bytes,
        arena_bytes: activation_bytes.saturating_add(kept as u64).next_multiple_of(1024),
    }
}

fn has_weights(op: &Op) -> bool {
    matches!(op, Op::FullyConnected(_) | Op::Conv2d(..) | Op::DepthwiseConv2d(..))
}

fn channels(graph: &Graph, node: &super::Node) -> usize {
    graph.tensor(node.output).shape.last().copied().unwrap_or(0)
}

fn multiply_adds(graph: &Graph, node: &super::Node) -> u64 {
    let outputs = graph.tensor(node.output).len() as u64;
    let each: u64 = match &node.op {
        Op::FullyConnected(_) => graph.tensor(node.inputs[1]).shape.last().map_or(0, |depth| *depth as u64),
        Op::Conv2d(..) => graph.tensor(node.inputs[1]).shape[1..].iter().map(|length| *length as u64).product(),
        Op::DepthwiseConv2d(..) => {
            graph.tensor(node.inputs[1]).shape[1..3].iter().map(|length| *length as u64).product()
        }
        Op::AveragePool2d(_, [height, width], _) | Op::MaxPool2d(_, [height, width], _) => {
            (*height as u64).saturating_mul(*width as u64)
        }
        Op::Mean(_) => return graph.tensor(node.inputs[0]).len() as u64,
        _ => 1,
    };
    outputs.saturating_mul(each)
}

/// Bytes of an arena in which every tensor has a place while it is alive.
fn planned(graph: &Graph) -> u64 {
    struct Place {
        from: usize,
        to: usize,
        start: usize,
        bytes: usize,
    }
    let count = graph.tensors.len();
    let (mut first, mut last) = (vec![usize::MAX; count], vec![0; count]);
    graph.inputs.iter().for_each(|id| first[id.0] = 0);
    for (at, node) in graph.nodes.iter().enumerate() {
        first[node.output.0] = first[node.output.0].min(at);
        last[node.output.0] = last[node.output.0].max(at);
        node.inputs.iter().for_each(|id| last[id.0] = last[id.0].max(at));
    }
    graph.outputs.iter().for_each(|id| last[id.0] = graph.nodes.len());
    let bytes = |at: usize| {
        let tensor = &graph.tensors[at];
        tensor.len().saturating_mul(tensor.element.bytes()).checked_next_multiple_of(ALIGN).unwrap_or(usize::MAX)
    };
    let mut order: Vec<usize> =
        (0..count).filter(|at| graph.tensors[*at].constant.is_none() && first[*at] != usize::MAX).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(bytes(*at)), *at));
    let mut placed: Vec<Place> = Vec::new();
    for at in order {
        let (from, to, bytes) = (first[at], last[at], bytes(at));
        let mut start = 0_usize;
        // In order of their starts: the first gap that is wide enough.
        for other in placed.iter().filter(|other| other.from <= to && from <= other.to) {
            if other.start >= start.saturating_add(bytes) {
                break;
            }
            start = start.max(other.start.saturating_add(other.bytes));
        }
        let place = placed.partition_point(|other| other.start <= start);
        placed.insert(place, Place { from, to, start, bytes });
    }
    placed.iter().map(|place| place.start.saturating_add(place.bytes) as u64).max().unwrap_or(0)
}
