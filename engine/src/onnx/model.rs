//! A model file, read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message as _;

use super::DataType;
use super::proto::{Dimension, ModelProto, TensorProto, ValueInfoProto};
use super::scan::{self, ScanError};
use crate::{EngineError, MAX_MODEL_BYTES, files};

/// An ONNX model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    path: PathBuf,
    proto: ModelProto,
}

/// What a network takes or gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Name.
    pub name: String,
    /// Element type; `Undefined` when it is no tensor.
    pub kind: DataType,
    /// Sizes, numbers or names, `?` where the file says nothing.
    pub shape: Vec<String>,
}

impl Model {
    /// The model in the file at `path`, of at most [`MAX_MODEL_BYTES`].
    ///
    /// # Errors
    /// [`EngineError::Load`] when the file cannot be read or is no ONNX model.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        Self::decode(path, files::read(path, MAX_MODEL_BYTES)?.into())
    }

    /// The model in `bytes`; errors speak of `path`.
    ///
    /// # Errors
    /// [`EngineError::Load`] when they are no ONNX model.
    pub fn decode(path: &Path, bytes: Bytes) -> Result<Self, EngineError> {
        let load = |reason: String| EngineError::Load { path: path.to_owned(), reason };
        let len = bytes.len();
        files::check_len(len as u64, MAX_MODEL_BYTES).map_err(load)?;
        scan::check(&bytes).map_err(|error| load(explain(error, len)))?;
        let proto =
            ModelProto::decode(bytes).map_err(|error| load(format!("it is no ONNX model: {error}; {AGAIN}")))?;
        if proto.graph.is_none() {
            return Err(load(format!("it is no ONNX model: it holds no graph; {AGAIN}")));
        }
        Ok(Self { path: path.to_owned(), proto })
    }

    /// Where it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything, as stored.
    #[must_use]
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// Version of ONNX's own operators, 0 when the file does not say.
    #[must_use]
    pub fn opset(&self) -> i64 {
        let own = self.proto.opset_import.iter().filter(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        own.map(|set| set.version).max().unwrap_or(0)
    }

    /// Key-value pairs stored in the file.
    #[must_use]
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
    }

    /// What the network takes. Weights that old files list as inputs are left out.
    #[must_use]
    pub fn inputs(&self) -> Vec<Value> {
        let weights: std::collections::BTreeSet<_> =
            self.initializers().iter().map(|tensor| tensor.name.as_str()).collect();
        let inputs = self.proto.graph.iter().flat_map(|graph| &graph.input);
        inputs.filter(|input| !weights.contains(input.name.as_str())).map(value).collect()
    }

    /// What it gives.
    #[must_use]
    pub fn outputs(&self) -> Vec<Value> {
        self.proto.graph.iter().flat_map(|graph| &graph.output).map(value).collect()
    }

    /// Its weights and constants. [`TensorProto::floats`] reads one.
    #[must_use]
    pub fn initializers(&self) -> &[TensorProto] {
        self.proto.graph.as_ref().map_or(&[], |graph| &graph.initializer)
    }

    /// Number of nodes by operator.
    #[must_use]
    pub fn operators(&self) -> BTreeMap<String, usize> {
        let mut operators = BTreeMap::new();
        for node in self.proto.graph.iter().flat_map(|graph| &graph.node) {
            *operators.entry(node.op_type.clone()).or_insert(0) += 1;
        }
        operators
    }
}

/// Whether `bytes` hold a model, whole and with its weights inside. Cheap: nothing is built. The error is a cause and a
/// remedy. For engines that read the file themselves.
#[cfg_attr(not(feature = "ort"), expect(dead_code, reason = "only ONNX Runtime reads files itself"))]
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let facts = scan::check(bytes).map_err(|error| explain(error, bytes.len()))?;
    if facts.external {
        return Err("it keeps weights outside the file; save the model with its weights inside".to_owned());
    }
    Ok(())
}

/// The remedy for a broken file.
const AGAIN: &str = "copy or export it again";

fn explain(error: ScanError, len: usize) -> String {
    match error {
        ScanError::CutOff { at } => format!(
            "it is cut off, or no ONNX model: the field at byte {at} reaches beyond its end ({len} bytes); {AGAIN}"
        ),
        ScanError::NotProtobuf { at } => format!("it is no ONNX model: there is no field at byte {at}; {AGAIN}"),
        ScanError::TooManyFields => "it has more parts than any network needs; was it made to harm?".to_owned(),
        ScanError::TooDeep => "its graphs are nested deeper than any network needs; was it made to harm?".to_owned(),
    }
}

fn value(info: &ValueInfoProto) -> Value {
    let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.dim);
    let size = |size: &Option<Dimension>| match size {
        Some(Dimension::Value(size)) => size.to_string(),
        Some(Dimension::Param(name)) if !name.is_empty() => name.clone(),
        _ => "?".to_owned(),
    };
    Value {
        name: info.name.clone(),
        kind: tensor.and_then(|tensor| DataType::try_from(tensor.elem_type).ok()).unwrap_or(DataType::Undefined),
        shape: dims.iter().map(|dim| size(&dim.value)).collect(),
    }
}
