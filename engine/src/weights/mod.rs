//! Named tensors: what a network has learned.

#[cfg(feature = "candle")]
pub(crate) mod backend;
mod fold;
mod safetensors;
mod torch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::onnx::{self, DataType, TensorError};
use crate::{EngineError, MAX_MODEL_BYTES, files};

pub use self::safetensors::Precision;

/// Floating-point tensors by name, as `f32`, and a memory of which were used.
#[derive(Debug, Clone)]
pub struct Weights {
    path: PathBuf,
    tensors: BTreeMap<String, Arc<Tensor>>,
    /// Tensors of other types, left in the file, with the name of the type.
    skipped: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    used: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Debug)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Weights {
    /// No tensors yet; errors speak of `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let (tensors, skipped, metadata) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { path: path.to_owned(), tensors, skipped, metadata, used: Arc::default() }
    }

    /// The weights in the file at `path`: `.safetensors`, the initialisers of an `.onnx`, or the tensors of a PyTorch state
    /// dict (`.pth`, `.pt`, `.bin`). At most [`MAX_MODEL_BYTES`].
    ///
    /// # Errors
    /// [`EngineError::Load`] when the file cannot be read or is neither.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("safetensors") => Self::from_safetensors(path, &files::read(path, MAX_MODEL_BYTES)?),
            Some("onnx") => Self::from_onnx(&onnx::Model::read(path)?),
            Some("pth" | "pt" | "bin") => torch::read(path),
            _ => {
                let reason =
                    "weights are read from .safetensors, .onnx and .pth files; convert it to one of these".to_owned();
                Err(EngineError::Load { path: path.to_owned(), reason })
            }
        }
    }

    /// The weights in the bytes of a safetensors file; errors speak of `path`.
    ///
    /// # Errors
    /// [`EngineError::Load`] when they are none.
    pub fn from_safetensors(path: &Path, bytes: &[u8]) -> Result<Self, EngineError> {
        let mut weights = Self::new(path);
        let load = |reason| EngineError::Load { path: path.to_owned(), reason };
        files::check_len(bytes.len() as u64, MAX_MODEL_BYTES).map_err(load)?;
        safetensors::read(bytes, &mut weights).map_err(load)?;
        Ok(weights)
    }

    /// The weights in the bytes of a PyTorch state dict; errors speak of `path`.
    ///
    /// # Errors
    /// [`EngineError::Load`] when they are none.
    pub fn from_torch(path: &Path, bytes: &[u8]) -> Result<Self, EngineError> {
        let load = |reason| EngineError::Load { path: path.to_owned(), reason };
        files::check_len(bytes.len() as u64, MAX_MODEL_BYTES).map_err(load)?;
        torch::parse(path, bytes)
    }

    /// The weights in the bytes of an ONNX file; errors speak of `path`.
    ///
    /// # Errors
    /// [`EngineError::Load`] when they are none.
    pub fn from_onnx_bytes(path: &Path, bytes: Bytes) -> Result<Self, EngineError> {
        Self::from_onnx(&onnx::Model::decode(path, bytes)?)
    }

    /// The initialisers of `model` that hold floating-point numbers.
    ///
    /// # Errors
    /// [`EngineError::Load`] when one of them is broken or outside the file.
    pub fn from_onnx(model: &onnx::Model) -> Result<Self, EngineError> {
        let mut weights = Self::new(model.path());
        weights.metadata = model.metadata();
        for tensor in model.initializers() {
            match tensor.floats() {
                Ok((shape, values)) => weights.put(tensor.name.clone(), shape, values),
                Err(TensorError::NotFloat { name, data_type }) => weights.skip(name, data_type),
                Err(error) => {
                    return Err(EngineError::Load { path: weights.path, reason: format!("{error}; export it again") });
                }
            }
        }
        Ok(weights)
    }

    /// Adds a tensor, or replaces the one of that name.
    ///
    /// # Errors
    /// [`EngineError::Load`] when `values` are not as many as `shape` says.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError> {
        let name = name.into();
        if shape.iter().try_fold(1_usize, |all, &size| all.checked_mul(size)) != Some(values.len()) {
            let reason = format!("tensor {name} of shape {shape:?} was given {} numbers", values.len());
            return Err(EngineError::Load { path: self.path.clone(), reason });
        }
        self.put(name, shape.to_vec(), values);
        Ok(())
    }

    fn put(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name, Arc::new(Tensor { shape, values }));
    }

    fn skip(&mut self, name: String, kind: DataType) {
        self.skipped.insert(name, kind.to_string());
    }

    /// Gives every tensor the name that `rename` makes of its old one, and drops those for which it makes none. Two that
    /// would get the same name are an error.
    ///
    /// # Errors
    /// [`EngineError::Load`] naming the two.
    pub fn renamed(&self, rename: impl Fn(&str) -> Option<String>) -> Result<Self, EngineError> {
        let mut renamed = Self { tensors: BTreeMap::new(), used: Arc::default(), ..self.clone() };
        let mut origin: BTreeMap<String, &str> = BTreeMap::new();
        for (old, tensor) in &self.tensors {
            let Some(new) = rename(old) else { continue };
            if let Some(other) = origin.insert(new.clone(), old) {
                let reason = format!("tensors {other} and {old} would both be called {new}");
                return Err(EngineError::Load { path: self.path.clone(), reason });
            }
            renamed.tensors.insert(new, Arc::clone(tensor));
        }
        Ok(renamed)
    }

    /// Where they came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// Number of learned numbers.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }

    /// Name, shape and values of every tensor, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice(), tensor.values.as_slice()))
    }

    /// Whether there is a tensor of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of the tensor `name`.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Tensors that hold no floating-point numbers and were left in the file, with the name of their type.
    #[must_use]
    pub fn skipped(&self) -> &BTreeMap<String, String> {
        &self.skipped
    }

    /// Key-value pairs stored in the file.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Changes the key-value pairs that [`Weights::save`] stores.
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.metadata
    }

    /// The values of the tensor `name`, which must have that shape and be finite. It counts as used from now on.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] when it is missing or has another shape, [`EngineError::Load`] when a value is NaN or
    /// infinite.
    pub fn take(&self, name: &str, shape: &[usize]) -> Result<&[f32], EngineError> {
        let tensor = self.tensors.get(name).filter(|tensor| tensor.shape == shape);
        let tensor = tensor.ok_or_else(|| EngineError::Tensor {
            path: self.path.clone(),
            name: name.to_owned(),
            expected: shape.to_vec(),
            found: self.shape(name).map(<[usize]>::to_vec),
        })?;
        if let Some(at) = tensor.values.iter().position(|value| !value.is_finite()) {
            let reason =
                format!("tensor {name} holds {} at {at}; take the weights of an earlier epoch", tensor.values[at]);
            return Err(EngineError::Load { path: self.path.clone(), reason });
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(&tensor.values)
    }

    /// Names that nothing has used so far: weights of another architecture, or of a head that is not wanted.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.tensors.keys().map(String::as_str).filter(|name| !used.contains(*name)).collect()
    }

    /// Writes a safetensors file with every tensor and the metadata, whole or not at all. The same weights give the same
    /// bytes.
    ///
    /// # Errors
    /// [`EngineError::Save`] when it cannot be written, or a value has no finite form in `precision`.
    pub fn save(&self, path: &Path, precision: Precision) -> Result<(), EngineError> {
        safetensors::write(self, path, precision)
    }
}
