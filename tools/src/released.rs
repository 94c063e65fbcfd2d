//! What a server loads: the parts that the configuration names, or the release that is in production.

use std::path::PathBuf;

use clap::Args;
use pipeline::{Loaded, PipelineConfig};
use server::{LoadError, Version};
use store::StoreHandle;
use store::access::DEFAULT_ORGANISATION;
use store::registry::ModelVersion;
use thiserror::Error;
use tokio::runtime::Handle;

/// Which release.
#[derive(Args, Clone)]
pub(crate) struct ReleaseArgs {
    /// Serve the version of this name that is in production, and whatever takes its place: its parts and rules; engine, limits and
    /// review are the configuration's
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

/// What was loaded, and by what.
pub(crate) struct Released {
    pub(crate) config: PipelineConfig,
    pub(crate) loaded: Loaded,
    /// `None` for what is configured.
    pub(crate) version: Option<Version>,
}

impl ReleaseArgs {
    /// The name whose version in production is served.
    pub(crate) fn name(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Loads `version`, or the one in production, or what is configured where no release is served. Blocks.
    pub(crate) fn load(
        &self,
        config: PipelineConfig,
        version: Option<&ModelVersion>,
        store: &StoreHandle,
        runtime: &Handle,
    ) -> Result<Released, LoadError> {
        let Some(name) = &self.release else {
            let loaded = pipeline::load(&config)?;
            return Ok(Released { config, loaded, version: None });
        };
        let (id, unpacked) = runtime.block_on(async {
            let store = store.get().await?;
            let model = match version {
                Some(version) => version.clone(),
                None => {
                    let found = store.in_production(DEFAULT_ORGANISATION, name).await?;
                    found.ok_or_else(|| NoRelease { name: name.clone() })?
                }
            };
            let unpacked = registry::unpack(&store, &model, &self.release_folder, &config).await?;
            Ok::<_, LoadError>((model.id, unpacked))
        })?;
        let loaded = unpacked.load()?;
        tracing::info!(release = unpacked.label, "the release is loaded and says what it said when it was registered");
        let version = Some(Version { id, label: unpacked.label });
        Ok(Released { config: unpacked.config, loaded, version })
    }
}
