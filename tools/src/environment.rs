//! The only reader of environment variables and `.env`.

#[cfg(feature = "workbench")]
mod hub;
mod places;

#[cfg(feature = "workbench")]
pub(crate) use self::hub::hub;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use pipeline::config::{Overrides, PipelineConfig};
use review::ReviewConfig;
use store::{Buckets, S3Access, StoreSettings};
use vision::Secret;

/// Where settings lie when nothing says otherwise.
pub(crate) const DEFAULT_PIPELINE_CONFIG: &str = "configs/pipeline.yaml";

/// Where an installed package keeps settings.
const INSTALLED: &str = "/etc/shelfsight";

/// The file that holds when nothing names one: `path` below the current folder, else the installed package's of that name.
pub(crate) fn default_config(path: &str) -> PathBuf {
    let here = PathBuf::from(path);
    let installed = here.file_name().map(|name| Path::new(INSTALLED).join(name));
    installed.filter(|installed| !here.exists() && installed.exists()).unwrap_or(here)
}

/// What the environment says.
#[derive(Debug, Default, Clone)]
pub(crate) struct Environment {
    /// `AI_V2_ENABLED`: whether recognition is offered at all.
    pub(crate) enabled: bool,
    /// `AI_V2_PIPELINE_CONFIG`
    pipeline_config: Option<PathBuf>,
    /// Models and gallery that win over a configuration's.
    pub(crate) overrides: Overrides,
    /// `DATABASE_URL`
    database: Option<Secret>,
    /// `OBJECTS_URL`
    objects: Option<String>,
    s3: S3Access,
    /// `STYLE_PHOTO_BUCKET`, `ML_ARTIFACTS_BUCKET`
    buckets: Buckets,
}

impl Environment {
    /// Reads `.env` of the current folder (or a parent), then the process's own variables, which win.
    pub(crate) fn read() -> anyhow::Result<Self> {
        match dotenvy::dotenv() {
            Ok(_) => {}
            Err(error) if error.not_found() => {}
            Err(error) => return Err(unreadable(error, &env::current_dir().unwrap_or_default())),
        }
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let enabled = match env::var("AI_V2_ENABLED").ok().as_deref().map(str::trim) {
            None | Some("" | "true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(other) => bail!("AI_V2_ENABLED is {other:?}, but it must be true or false"),
        };
        let places = places::read(&text)?;
        Ok(Self {
            enabled,
            pipeline_config: path("AI_V2_PIPELINE_CONFIG"),
            overrides: Overrides {
                detector_model: path("AI_V2_DETECTOR_MODEL"),
                embedder_model: path("AI_V2_CLASSIFIER_MODEL"),
                gallery_path: path("AI_V2_EMBEDDINGS_PATH"),
            },
            database: places.database,
            objects: places.objects,
            s3: places.s3,
            buckets: places.buckets,
        })
    }

    /// Where the review queue is kept: the environment's places over the configuration's.
    pub(crate) fn store_settings(&self, config: &ReviewConfig) -> StoreSettings {
        StoreSettings {
            database: self.database.clone().unwrap_or_else(|| config.database.clone()),
            objects: self.objects.clone().unwrap_or_else(|| config.objects.clone()),
            s3: self.s3.clone(),
            buckets: self.buckets.clone(),
        }
    }

    /// The configuration file that holds: `--config`, else `AI_V2_PIPELINE_CONFIG`, else the default.
    pub(crate) fn config_path(&self, flag: Option<&PathBuf>) -> PathBuf {
        flag.or(self.pipeline_config.as_ref()).cloned().unwrap_or_else(|| default_config(DEFAULT_PIPELINE_CONFIG))
    }

    /// Reads the configuration, with the environment's paths over it.
    pub(crate) fn pipeline_config(&self, flag: Option<&PathBuf>) -> anyhow::Result<PipelineConfig> {
        // A mistake in its section is told by every command, not only by those that review.
        self.review_config(flag)?;
        Ok(PipelineConfig::read(&self.config_path(flag), &self.overrides)?)
    }

    /// Reads what the configuration says about review.
    pub(crate) fn review_config(&self, flag: Option<&PathBuf>) -> anyhow::Result<ReviewConfig> {
        Ok(ReviewConfig::read(&self.config_path(flag))?)
    }
}

/// Why `.env` cannot be used. Its lines are not shown: they hold secrets.
fn unreadable(error: dotenvy::Error, folder: &Path) -> anyhow::Error {
    let dotenvy::Error::LineParse(line, _) = error else {
        return anyhow::Error::from(error).context("the file .env cannot be used");
    };
    let text = folder.ancestors().find_map(|folder| std::fs::read_to_string(folder.join(".env")).ok());
    // The error holds the line, or what follows its `=`.
    let number = text.and_then(|text| text.lines().position(|other| other.trim().ends_with(line.trim())));
    let place = number.map_or_else(|| "one of its lines".to_owned(), |at| format!("line {}", at + 1));
    anyhow!("the file .env cannot be used: {place} is not NAME=VALUE; put values with blanks or # in quotes")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn a_broken_line_is_numbered_and_not_shown() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        std::fs::write(&path, "A=1\n\nDATABASE_URL=postgres://ann:geheim@db two words\n").expect("written");
        let error = dotenvy::from_path_iter(&path).expect("there").find_map(Result::err).expect("a broken line");
        assert!(error.to_string().contains("geheim"), "this is why it is not passed on");
        let shown = super::unreadable(error, &folder.path().join("below"));
        let shown = format!("{shown:#} {shown:?}");
        assert!(shown.contains("line 3") && !shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn the_sample_is_a_sound_env_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/.env.sample");
        let pairs: Vec<(String, String)> = dotenvy::from_path_iter(path)
            .expect("it is committed")
            .collect::<Result<_, _>>()
            .expect("every line parses");
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["AI_V2_ENABLED", "AI_V2_PIPELINE_CONFIG"]);
        assert_eq!(pairs[1].1, super::DEFAULT_PIPELINE_CONFIG);
    }
}
