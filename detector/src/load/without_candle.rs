//! The answer of a build without the `candle` feature.

use engine::load::WeightsFile;
use engine::{Device, EngineError, Session};

use crate::LoadError;
use crate::model::Architecture;

/// Always an error.
pub(super) fn open_with_candle(
    _file: &WeightsFile<'_>,
    _device: &Device,
) -> Result<(Box<dyn Session>, Architecture), LoadError> {
    Err(EngineError::NotBuilt { engine: "candle" }.into())
}
