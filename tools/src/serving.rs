//! What a server answers with, put together: at the start, and again for whatever takes its place.

use std::path::PathBuf;

use server::{Example, LoadError, Loaded, ReviewSetup};
use store::StoreHandle;
use store::registry::ModelVersion;
use tokio::runtime::Handle;

use crate::environment::Environment;
use crate::example;
use crate::released::ReleaseArgs;

/// Where everything is named. Files are read anew each time.
pub(crate) struct Serving {
    pub(crate) environment: Environment,
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    pub(crate) release: ReleaseArgs,
    pub(crate) store: StoreHandle,
    pub(crate) runtime: Handle,
}

impl Serving {
    /// Loads a version, or, when none is named, what is in production of the name that is served, or what is configured. Blocks.
    pub(crate) fn load(&self, version: Option<&ModelVersion>) -> Result<Loaded, LoadError> {
        if !self.environment.enabled {
            return Err("recognition is switched off by AI_V2_ENABLED".into());
        }
        let configured = self.environment.pipeline_config(self.config.as_ref())?;
        let review_config = self.environment.review_config(self.config.as_ref())?;
        let released = self.release.load(configured, version, &self.store, &self.runtime)?;
        let (config, loaded) = (released.config, released.loaded);
        let second = review_config.second_opinion.as_ref().filter(|_| review_config.enabled);
        let second = second.map(|place| pipeline::load::second_opinion(&config, place));
        let recognizer = loaded.recognizer.with_second_opinion(second.transpose()?);
        let review = review_config.enabled.then(|| {
            let (live, enrolled) = review::live_gallery(&config, &loaded.gallery);
            let (store, gallery) = (self.store.clone(), config.gallery_path.clone());
            ReviewSetup { config: review_config, store, live, enrolled, gallery }
        });
        let example = Example::new(example::photo(), |served| Ok(example::recognizer(served)?));
        let (options, version) = (config.options, released.version);
        Ok(Loaded { recognizer, options, review, example: Some(example.into()), version })
    }
}
