//! Why a network has no TFLite form.

use thiserror::Error;

use crate::onnx::TensorError;
use crate::onnx::proto::NodeProto;
use crate::tflite::error::TfliteError;

/// Why a network has no TFLite form.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// An operator, or a use of it, that cannot be written.
    #[error("operator {op} (node {node}) cannot be written as TFLite: {reason}")]
    Operator {
        /// Its name in ONNX.
        op: String,
        /// Where it stands.
        node: String,
        /// What is in the way.
        reason: String,
    },
    /// A constant cannot be read.
    #[error(transparent)]
    Constant(#[from] TensorError),
    /// What was made is no sound network.
    #[error(transparent)]
    Graph(#[from] TfliteError),
    /// The file is no network of one image input.
    #[error("the ONNX file has {inputs} inputs and {outputs} outputs; one image goes in")]
    Ends {
        /// Inputs that are no weights.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
}

/// An error of a node.
pub(super) fn refused(node: &NodeProto, reason: impl Into<String>) -> ConvertError {
    ConvertError::Operator { op: node.op_type.clone(), node: node.name.clone(), reason: reason.into() }
}
