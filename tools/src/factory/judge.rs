//! How networks do on rows they have not learned from.

use engine::tflite::{Graph, run_floats};
use tabular::Matrix;
use tabular::metrics::{Classification, classification};
use train::mlp::network::argmax;
use train::mlp::{Mlp, Rows};

/// Metrics of probabilities, row after row.
fn judged(rows: &Rows, probabilities: Vec<f32>, classes: usize) -> Classification {
    let truth: Vec<usize> = rows.classes.iter().map(|class| *class as usize).collect();
    let told: Vec<usize> = probabilities.chunks_exact(classes).map(argmax).collect();
    let scores = Matrix::new(probabilities.into_iter().map(f64::from).collect(), truth.len(), classes);
    classification(&truth, &told, &scores)
}

/// Metrics of the network of floats.
pub(super) fn network(network: &Mlp, rows: &Rows) -> Classification {
    judged(rows, network.probabilities(&rows.x), network.classes())
}

/// Metrics of a graph as devices run it.
///
/// # Errors
/// When it takes other rows.
pub(super) fn graph(graph: &Graph, rows: &Rows, features: usize, classes: usize) -> anyhow::Result<Classification> {
    let mut probabilities = Vec::with_capacity(rows.classes.len() * classes);
    for row in rows.x.chunks_exact(features) {
        for output in run_floats(graph, &[row.to_vec()])? {
            probabilities.extend(output);
        }
    }
    Ok(judged(rows, probabilities, classes))
}
