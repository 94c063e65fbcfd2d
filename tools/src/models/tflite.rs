//! What a TFLite file holds.

use std::path::Path;

use anyhow::Context as _;
use engine::tflite::{self, Graph, Limits, Tensor};
use vision::files::read_bounded;

use super::inspect::thousands;

/// Reads the file.
///
/// # Errors
/// When it cannot be read, or is none that can be run.
pub(super) fn open(path: &Path) -> anyhow::Result<Graph> {
    let limits = Limits::default();
    let bytes = read_bounded(path, limits.bytes)?;
    tflite::decode(&bytes, &limits).with_context(|| format!("cannot run {}", path.display()))
}

/// Shows ends, operators, and what a run costs.
pub(super) fn run(path: &Path, tensors: bool) -> anyhow::Result<()> {
    let graph = open(path)?;
    let cost = tflite::cost(&graph);
    println!("{:<14}TFLite, {}", "format", if graph.is_int8() { "int8" } else { "floats" });
    if !graph.description.is_empty() {
        println!("{:<14}{}", "description", graph.description.chars().take(100).collect::<String>());
    }
    for (label, ids) in [("input", graph.inputs()), ("output", graph.outputs())] {
        for id in ids {
            println!("{label:<14}{}", shown(graph.tensor(*id)));
        }
    }
    let operators: Vec<String> = graph.operators().iter().map(|(name, n)| format!("{name} x{n}")).collect();
    println!("{:<14}{}", "operators", operators.join(", "));
    println!("{:<14}{} bytes of constants", "weights", number(cost.weight_bytes));
    println!("{:<14}{}", "multiply-adds", number(cost.multiply_adds));
    println!("{:<14}{} bytes", "activations", number(cost.activation_bytes));
    println!("{:<14}{} bytes to begin with on a microcontroller", "arena", number(cost.arena_bytes));
    if tensors {
        for tensor in graph.tensors() {
            println!("{:<14}{}", if tensor.constant.is_some() { "constant" } else { "tensor" }, shown(tensor));
        }
    }
    Ok(())
}

fn number(value: u64) -> String {
    thousands(usize::try_from(value).unwrap_or(usize::MAX))
}

fn shown(tensor: &Tensor) -> String {
    let scale = match &tensor.quantization {
        Some(meaning) => match meaning.whole() {
            Some((scale, zero)) => format!(", scale {scale:?}, zero point {zero}"),
            None => format!(", {} scales along axis {}", meaning.scales.len(), meaning.axis),
        },
        None => String::new(),
    };
    format!("{} {} {:?}{scale}", tensor.name, tensor.element, tensor.shape)
}
