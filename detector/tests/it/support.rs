//! Where the shared images and reference weights lie, and sessions made of closures.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::{EngineError, InputShape, Output, Session, SessionInfo};
use ndarray::{ArrayD, ArrayView4};
use vision::{DecodeLimits, RgbImage};

pub(crate) const YOLOV8N: &str = "weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx";

/// The development data, or `None` (said aloud).
pub(crate) fn shared_data() -> Option<PathBuf> {
    development::shared_data("")
}

pub(crate) fn photo(path: &Path) -> RgbImage {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    vision::decode(&bytes, &DecodeLimits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A session that answers what `answer` makes of the input.
pub(crate) struct StubSession<F> {
    pub(crate) info: SessionInfo,
    pub(crate) answer: F,
}

impl<F> StubSession<F>
where
    F: Fn(ArrayView4<'_, f32>) -> ArrayD<f32> + Send + Sync,
{
    pub(crate) fn new(batch: Option<usize>, side: Option<usize>, answer: F) -> Self {
        let info = SessionInfo {
            engine: "stub",
            version: "1".to_owned(),
            provider: "CPU".to_owned(),
            input: InputShape { batch, channels: 3, height: side, width: side },
            outputs: vec!["output0".to_owned()],
            metadata: BTreeMap::new(),
            parallelism: 2,
            preferred_batch: 4,
        };
        Self { info, answer }
    }
}

impl<F> Session for StubSession<F>
where
    F: Fn(ArrayView4<'_, f32>) -> ArrayD<f32> + Send + Sync,
{
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    fn run(&self, input: ArrayView4<'_, f32>) -> Result<Vec<Output>, EngineError> {
        self.info.input.check(&input)?;
        Ok(vec![Output { name: "output0".to_owned(), array: (self.answer)(input) }])
    }
}

/// Numbers in -1..1 that look random and are the same everywhere.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
