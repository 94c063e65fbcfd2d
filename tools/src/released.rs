//! What a server loads: the parts that the configuration names, or the release that is in production.

use std::path::PathBuf;

use clap::Args;
use pipeline::{Loaded, PipelineConfig};
use server::LoadError;
use store::StoreHandle;
use store::access::DEFAULT_ORGANISATION;
use thiserror::Error;
use tokio::runtime::Handle;

/// Which release.
#[derive(Args, Clone)]
pub(crate) struct ReleaseArgs {
    /// Serve the version of this name that is in production: its parts and rules; engine, limits and review are the
    /// configuration's
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Where files of releases are put
    #[arg(long, value_name = "FOLDER", default_value = "data/releases", requires = "release")]
    release_folder: PathBuf,
}

/// Nothing of that name answers.
#[derive(Debug, Error)]
#[error("no version of {name:?} is in production; `shelf release list` shows what there is")]
struct NoRelease {
    name: String,
}

impl ReleaseArgs {
    /// Loads what is to be served, with the configuration that it follows. Blocks.
    pub(crate) fn load(
        &self,
        config: PipelineConfig,
        store: &StoreHandle,
        runtime: &Handle,
    ) -> Result<(PipelineConfig, Loaded), LoadError> {
        let Some(name) = &self.release else {
            let loaded = pipeline::load(&config)?;
            return Ok((config, loaded));
        };
        let unpacked = runtime.block_on(async {
            let store = store.get().await?;
            let found = store.in_production(DEFAULT_ORGANISATION, name).await?;
            let model = found.ok_or_else(|| NoRelease { name: name.clone() })?;
            Ok::<_, LoadError>(registry::unpack(&store, &model, &self.release_folder, &config).await?)
        })?;
        let loaded = unpacked.load()?;
        tracing::info!(release = unpacked.label, "the release is loaded and says what it said when it was registered");
        Ok((unpacked.config, loaded))
    }
}
