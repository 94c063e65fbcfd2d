//! A backbone as part of an ONNX graph.

use crate::onnx::{GraphBuilder, GraphTensor};
use crate::{EngineError, Weights};

/// Where a backbone writes its nodes, and the weights it writes.
pub struct GraphPart<'a> {
    /// The graph it adds to.
    pub graph: &'a mut GraphBuilder,
    /// Batch norms are folded in; under native names below `prefix`.
    pub weights: &'a Weights,
    /// What stands before the names: nothing, or the path to a part of a larger network with its dot.
    pub prefix: &'a str,
}

impl GraphPart<'_> {
    /// The tensor `name` of the weights as a constant.
    ///
    /// # Errors
    /// When it is missing or holds numbers that are not finite.
    pub fn weight(&mut self, name: &str) -> Result<GraphTensor, EngineError> {
        let name = format!("{}{name}", self.prefix);
        let shape = self.weights.shape(&name).unwrap_or_default().to_vec();
        let values = self.weights.take(&name, &shape)?;
        Ok(self.graph.floats(&name, &shape, values))
    }
}
