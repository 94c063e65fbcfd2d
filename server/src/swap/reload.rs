//! How another release is loaded, and who asks for one.

use std::fmt;
use std::sync::Arc;

use store::registry::ModelVersion;
use tokio::sync::mpsc;

use crate::load_error::LoadError;
use crate::loaded::Loaded;

/// Loads a version, or what is configured when none is named.
pub(crate) type Load = dyn Fn(Option<&ModelVersion>) -> Result<Loaded, LoadError> + Send + Sync;

/// How a running server gets another release. Made by whoever knows which networks run.
pub struct Reload {
    /// The name whose version in production is served; `None` for a server of what is configured.
    pub(crate) follows: Option<String>,
    pub(crate) load: Arc<Load>,
    pub(crate) asked: mpsc::Receiver<()>,
}

impl Reload {
    /// `load` is called on a thread of its own, with the version in production of the name that is followed, or with `None` for
    /// what is configured. It holds what it loads to its digests and to what it said before. Each message of `asked` loads anew.
    pub fn new(
        follows: Option<String>,
        load: impl Fn(Option<&ModelVersion>) -> Result<Loaded, LoadError> + Send + Sync + 'static,
        asked: mpsc::Receiver<()>,
    ) -> Self {
        Self { follows, load: Arc::new(load), asked }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("follows", &self.follows).finish_non_exhaustive()
    }
}
