//! Models of tables in the format of other programs.

use std::fmt;
use std::sync::Arc;

use tabular::{Table, TrainedModel};

/// Bytes of a model as ONNX: it is answered from memory.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// Rows that an exported model is compared on.
pub(crate) const SAMPLE: usize = 1_000;

type Export = dyn Fn(&TrainedModel, &Table) -> Result<Vec<u8>, String> + Send + Sync;

/// Writes a model as an ONNX file, held to what the model says of a sample of rows; or says why it cannot. The program brings it: which
/// networks run is not known here.
#[derive(Clone)]
pub struct Exporter(Arc<Export>);

impl Exporter {
    /// What writes.
    pub fn new(export: impl Fn(&TrainedModel, &Table) -> Result<Vec<u8>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(export))
    }

    pub(crate) fn export(&self, model: &TrainedModel, sample: &Table) -> Result<Vec<u8>, String> {
        (self.0)(model, sample)
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}
