//! The example that the page offers to who has no photo at hand: a photo, and a gallery that knows what stands on it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use bytes::Bytes;
use pipeline::Recognizer;

use crate::load_error::LoadError;

/// Makes the example's recogniser of the one that is served.
type Make = dyn Fn(&Recognizer) -> Result<Recognizer, LoadError> + Send + Sync;

/// Beside what is served, never part of it: requests meet it by `gallery=example` alone, and nothing of them is queued.
pub struct Example {
    photo: Bytes,
    make: Box<Make>,
    /// `None` when it could not be made; the log has the cause.
    recognizer: OnceLock<Option<Recognizer>>,
}

impl Example {
    /// `photo` is a JPEG. `make` is called once, by the first worker that is asked for the example: starting stays quick.
    #[must_use]
    pub fn new(
        photo: Bytes,
        make: impl Fn(&Recognizer) -> Result<Recognizer, LoadError> + Send + Sync + 'static,
    ) -> Self {
        Self { photo, make: Box::new(make), recognizer: OnceLock::new() }
    }

    pub(crate) fn photo(&self) -> &Bytes {
        &self.photo
    }

    /// On a worker thread: the first call embeds the example's images.
    pub(crate) fn recognizer(&self, served: &Recognizer) -> Option<&Recognizer> {
        let make = || {
            catch_unwind(AssertUnwindSafe(|| (self.make)(served)))
                .unwrap_or_else(|_| Err("making the example panicked".into()))
                .inspect_err(|error| {
                    tracing::error!(error = &**error as &dyn std::error::Error, "the example cannot be recognised");
                })
                .ok()
        };
        self.recognizer.get_or_init(make).as_ref()
    }
}

impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Example").field("photo_bytes", &self.photo.len()).finish_non_exhaustive()
    }
}
