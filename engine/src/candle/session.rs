//! A network written in Rust behind [`Session`].

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::thread;

use candle_core::{DType, Device, Tensor};
use ndarray::{ArrayD, ArrayView4, IxDyn};

use super::ENGINE;
use crate::pool::Pool;
use crate::threads::on_threads;
use crate::weights::backend::without_backtrace;
use crate::{EngineError, InputShape, Output, Session, SessionInfo, device};

/// The version of candle that the workspace builds with (a test compares it with `Cargo.lock`).
const CANDLE_VERSION: &str = "0.11.1";

/// A candle run spreads over all cores by itself; a second one fills the gaps between its parallel parts. More would only
/// hold more memory.
const CPU_RUNS: usize = 2;

/// Images that a GPU is given at once.
const GPU_BATCH: usize = 32;

/// A network for inference.
pub trait Network {
    /// Named results of one batch. `input` is (N, C, H, W) `f32` on the device that holds the weights.
    ///
    /// # Errors
    /// When a layer fails.
    fn forward(&self, input: &Tensor) -> candle_core::Result<Vec<(String, Tensor)>>;

    /// Names of the results, in the order of [`Network::forward`].
    fn outputs(&self) -> Vec<String>;
}

/// A network run by candle. On a CPU at most two runs progress at once and share its cores; on a GPU one does.
pub struct CandleSession {
    info: SessionInfo,
    network: Box<dyn Network + Send + Sync>,
    device: Device,
    turns: Pool<()>,
}

impl CandleSession {
    /// A session of a network that takes RGB images of any number and size.
    #[must_use]
    pub fn of_images(
        network: Box<dyn Network + Send + Sync>,
        metadata: BTreeMap<String, String>,
        device: &Device,
    ) -> Self {
        let input = InputShape { batch: None, channels: 3, height: None, width: None };
        Self::new(network, input, metadata, device)
    }

    /// A session over `network`, whose weights are on `device`. `metadata` is handed on in [`SessionInfo::metadata`].
    #[must_use]
    pub fn new(
        network: Box<dyn Network + Send + Sync>,
        input: InputShape,
        metadata: BTreeMap<String, String>,
        device: &Device,
    ) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let parallelism = if device.is_cpu() { cores.min(CPU_RUNS) } else { 1 };
        let info = SessionInfo {
            engine: ENGINE,
            version: CANDLE_VERSION.to_owned(),
            provider: device::name(device).to_owned(),
            input,
            outputs: network.outputs(),
            metadata,
            parallelism,
            preferred_batch: input.batch.unwrap_or(if device.is_cpu() { 1 } else { GPU_BATCH }),
        };
        Self { info, network, device: device.clone(), turns: Pool::new(vec![(); parallelism], None) }
    }

    fn forward(&self, input: &ArrayView4<'_, f32>, shape: [usize; 4]) -> candle_core::Result<Vec<Output>> {
        let shape = shape.to_vec();
        let input = match input.as_slice() {
            Some(values) => Tensor::from_slice(values, shape, &self.device)?,
            None => Tensor::from_iter(input.iter().copied(), &self.device)?.reshape(shape)?,
        };
        let results = on_threads(|| self.network.forward(&input))?;
        results.into_iter().map(|(name, tensor)| Ok(Output { name, array: to_array(&tensor)? })).collect()
    }
}

impl Session for CandleSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        let shape = self.info.input.check(&input)?;
        let failed = |error| EngineError::Run { engine: ENGINE, source: Box::new(without_backtrace(error)) };
        self.turns.with(|()| self.forward(&input, shape)).map_err(failed)
    }
}

fn to_array(tensor: &Tensor) -> candle_core::Result<ArrayD<f32>> {
    let shape = IxDyn(tensor.dims());
    let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    ArrayD::from_shape_vec(shape, values).map_err(candle_core::Error::wrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_built() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        let lock = std::fs::read_to_string(lock).unwrap();
        let entry = format!("name = \"candle-core\"\nversion = \"{CANDLE_VERSION}\"\n");
        assert!(lock.contains(&entry), "CANDLE_VERSION is {CANDLE_VERSION}, Cargo.lock has another");
    }
}
