//! What of a network is computed in int8.

use std::collections::{BTreeMap, BTreeSet};

use super::super::proto::{GraphProto, NodeProto};

/// Which nodes work on bytes, and which tensors between them become bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// By place in the graph.
    pub(super) nodes: Vec<bool>,
    /// Tensors that become bytes, with the tensor whose range they share: often themselves.
    pub(super) tensors: BTreeMap<String, String>,
    /// Tensors that a node on bytes makes.
    pub(super) made: BTreeSet<String>,
}

/// Nodes that only pass values on: what goes in and what comes out have one range.
fn passes_on(op: &str) -> bool {
    matches!(op, "Split" | "MaxPool" | "Resize")
}

impl Plan {
    /// Everything that ONNX Runtime has kernels on bytes for, but nodes whose name `keep` holds back.
    pub(super) fn of(graph: &GraphProto, keep: &dyn Fn(&str) -> bool) -> Self {
        let constants: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let outputs: BTreeSet<&str> = graph.output.iter().map(|value| value.name.as_str()).collect();
        let mut consumers: BTreeMap<&str, usize> = BTreeMap::new();
        graph.node.iter().flat_map(|node| &node.input).for_each(|name| *consumers.entry(name).or_default() += 1);
        let mut convolved: BTreeSet<&str> = BTreeSet::new();
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in &graph.node {
            let answers = node.output.iter().any(|name| outputs.contains(name.as_str()));
            let chosen = !answers && !keep(&node.name) && on_bytes(node, &constants, &convolved);
            nodes.push(chosen);
            // A convolution whose only reader is a cut to a range takes the cut over.
            if chosen && node.op_type == "Conv" && consumers.get(node.output[0].as_str()) == Some(&1) {
                convolved.insert(&node.output[0]);
            }
        }
        let (mut tensors, mut made, mut cut) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for (node, _) in graph.node.iter().zip(&nodes).filter(|(_, chosen)| **chosen) {
            let read = activations(node, &constants);
            if is_cut(&node.op_type) {
                cut.insert(node.input[0].clone());
            }
            for name in &read {
                tensors.entry((*name).to_owned()).or_insert_with(|| (*name).to_owned());
            }
            // Nodes come after what they read, so the range of the input is settled.
            let shared = read.first().filter(|_| passes_on(&node.op_type)).map(|&name| tensors[name].clone());
            for name in &node.output {
                made.insert(name.clone());
                tensors.insert(name.clone(), shared.clone().unwrap_or_else(|| name.clone()));
            }
        }
        tensors.retain(|name, _| !cut.contains(name));
        Self { nodes, tensors, made }
    }

    /// Tensors whose values decide a range.
    pub(super) fn observed(&self) -> BTreeSet<&str> {
        self.tensors.values().map(String::as_str).collect()
    }
}

fn is_cut(op: &str) -> bool {
    matches!(op, "Clip" | "Relu")
}

/// Inputs that are computed, not stored.
fn activations<'a>(node: &'a NodeProto, constants: &BTreeSet<&str>) -> Vec<&'a str> {
    let names = node.input.iter().map(String::as_str);
    names.filter(|name| !name.is_empty() && !constants.contains(name)).collect()
}

fn on_bytes(node: &NodeProto, constants: &BTreeSet<&str>, convolved: &BTreeSet<&str>) -> bool {
    let input = |at: usize| node.input.get(at).map_or("", String::as_str);
    let all_computed = || node.input.iter().all(|name| !constants.contains(name.as_str()));
    match node.op_type.as_str() {
        "Conv" => {
            !constants.contains(input(0))
                && constants.contains(input(1))
                && (input(2).is_empty() || constants.contains(input(2)))
        }
        "Sigmoid" | "Mul" | "Add" | "Concat" => all_computed(),
        "Split" | "MaxPool" => true,
        "Resize" => node.attribute.iter().any(|a| a.name == "mode" && &a.s[..] == b"nearest"),
        op if is_cut(op) => convolved.contains(input(0)),
        _ => false,
    }
}
