//! Weights behind candle's `VarBuilder`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::Weights;
use crate::EngineError;

/// The last failure, with its values: candle's own error carries only the sentence.
type Failure = Arc<Mutex<Option<EngineError>>>;

fn var_builder(weights: Weights, device: &Device, failure: Failure) -> VarBuilder<'static> {
    let backend: Box<dyn SimpleBackend> = Box::new(Backend { weights, failure });
    VarBuilder::new_with_args(backend, DType::F32, device)
}

/// The failure behind `error`, which came out of a `VarBuilder` that shares `failure`.
fn engine_error(path: &Path, error: Error, failure: &Failure) -> EngineError {
    let sentence = without_backtrace(error).to_string();
    let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A layer may have asked for a tensor that it can do without and failed for another reason later.
    let failure = failure.filter(|failure| failure.to_string() == sentence);
    failure.unwrap_or_else(|| EngineError::Load { path: path.to_owned(), reason: sentence })
}

/// candle prints the stack with the error when RUST_BACKTRACE is set; people who read a log of ours want the sentence.
pub(crate) fn without_backtrace(error: Error) -> Error {
    match error {
        Error::WithBacktrace { inner, .. } => without_backtrace(*inner),
        other => other,
    }
}

impl Weights {
    /// The tensors as candle's layers ask for them, on `device`. Errors name the tensor, the shape expected and the one
    /// found; `contains_tensor` tells layouts apart; what is asked for counts as used.
    #[must_use]
    pub fn var_builder(&self, device: &Device) -> VarBuilder<'static> {
        var_builder(self.clone(), device, Arc::default())
    }

    /// A network made of these weights. `make` is `|vb| Network::load(vb, ..)`.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] for the first tensor that is missing or has another shape, [`EngineError::Load`] for any
    /// other failure of `make`.
    pub fn build<N>(
        &self,
        device: &Device,
        make: impl FnOnce(VarBuilder<'static>) -> Result<N>,
    ) -> std::result::Result<N, EngineError> {
        let failure = Failure::default();
        let vb = var_builder(self.clone(), device, Arc::clone(&failure));
        make(vb).map_err(|error| engine_error(&self.path, error, &failure))
    }
}

struct Backend {
    weights: Weights,
    failure: Failure,
}

impl Backend {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        match self.weights.take(name, shape) {
            Ok(values) => Tensor::from_slice(values, shape, device)?.to_dtype(dtype),
            Err(error) => {
                let sentence = error.to_string();
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(Error::Msg(sentence))
            }
        }
    }
}

impl SimpleBackend for Backend {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        self.tensor(name, shape.dims(), dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let shape = self.weights.shape(name).unwrap_or_default().to_vec();
        self.tensor(name, &shape, dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains(name)
    }
}
