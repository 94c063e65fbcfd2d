//! What a server is started with.

use platform::Exporter;
use store::StoreHandle;

use crate::config::ServerConfig;
use crate::swap::Reload;

/// Settings, the store that holds keys and models, and how another release is loaded.
#[derive(Debug)]
pub struct Setup {
    /// Checked settings.
    pub config: ServerConfig,
    /// Opened when somebody needs it, and at the start where everybody needs a key.
    pub store: Option<StoreHandle>,
    /// How what is served is replaced while it runs; never, without it.
    pub reload: Option<Reload>,
    /// What writes models of tables as ONNX, beside what was learned.
    pub export: Option<Exporter>,
}

/// Without a store: nobody can be let in by a key, and there are no models to be deployed.
impl From<ServerConfig> for Setup {
    fn from(config: ServerConfig) -> Self {
        Self { config, store: None, reload: None, export: None }
    }
}
