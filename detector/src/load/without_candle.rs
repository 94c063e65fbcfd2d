//! The answer of a build without the `candle` feature.

use engine::{Device, EngineError, Session};

use super::File;
use crate::LoadError;
use crate::model::Architecture;

impl File<'_> {
    /// Always an error.
    pub(super) fn open_with_candle(&self, _device: &Device) -> Result<(Box<dyn Session>, Architecture), LoadError> {
        Err(EngineError::NotBuilt { engine: "candle" }.into())
    }
}
