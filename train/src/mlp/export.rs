//! The network as TFLite: scaled features (1, F) in, probabilities of the classes (1, C) out.

use engine::tflite::{Activation, Graph, Op, TfliteError, Values};

use super::file::turned;
use super::network::Mlp;

/// Name of the input.
pub const INPUT: &str = "features";
/// Name of the output.
pub const OUTPUT: &str = "probabilities";

/// The network as a graph of floats, which [`engine::tflite::quantize()`] makes int8 and [`engine::tflite::encode`] a file.
///
/// # Errors
/// Never for a network of [`Mlp::seeded`] or [`Mlp::of_layers`]: their layers fit.
pub fn to_tflite(network: &Mlp, description: &str) -> Result<Graph, TfliteError> {
    let mut graph = Graph::new(description);
    let mut x = graph.input(INPUT, &[1, network.features()]);
    let last = network.layers().len() - 1;
    for (at, layer) in network.layers().iter().enumerate() {
        let weights = Values::F32(turned(&layer.weights, layer.inputs, layer.outputs));
        let weights = graph.constant(&format!("w{at}"), &[layer.outputs, layer.inputs], weights);
        let bias = graph.constant(&format!("b{at}"), &[layer.outputs], Values::F32(layer.bias.clone()));
        let activation = if at < last { Activation::Relu } else { Activation::None };
        x = graph.node(Op::FullyConnected(activation), &format!("dense{at}"), &[x, weights, bias])?;
    }
    let y = graph.node(Op::Softmax(1.0), OUTPUT, &[x])?;
    graph.output(y);
    Ok(graph)
}
