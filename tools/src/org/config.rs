//! The configuration of an organisation: its schema file, with what is to be learned and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value};
use tabular::features::SchemaConfig;
use tabular::fold::FoldKind;
use tabular::search::Method;
use tabular::train::CrossValidation;
use tabular::{
    Algorithm, CleanOptions, ScalingMethod, SelectionOptions, SplitMethod, SplitOptions, Task, TrainOptions,
};
use vision::Sha256;
use vision::files::read_text_bounded;

/// Bytes of a configuration.
const MAX_BYTES: u64 = 1 << 20;

/// All of it. Names are those that organisations' schema files have always had.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrgConfig {
    pub(super) organization_id: String,
    #[serde(default)]
    pub(super) schema_config: SchemaConfig,
    pub(super) data_config: DataConfig,
    pub(super) train_config: TrainConfig,
    #[serde(default)]
    pub(super) validation_config: ValidationConfig,
    /// Where folders begin; beside the configuration when it is not said.
    #[serde(default)]
    output_dir: Option<PathBuf>,
    #[serde(skip)]
    pub(super) digest: Option<Sha256>,
    #[serde(skip)]
    folder: PathBuf,
}

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataConfig {
    file: PathBuf,
    /// With it, features of series are made, and the latest rows are for testing.
    #[serde(default)]
    pub(super) time_column: Option<String>,
    /// Columns in which the rows of one series agree.
    #[serde(default)]
    pub(super) series_columns: Vec<String>,
    /// Columns that nothing may be learned of.
    #[serde(default)]
    pub(super) drop_columns: Vec<String>,
    /// How the table is cleaned; not at all when it is not said.
    #[serde(default)]
    pub(super) clean: Option<CleanOptions>,
    #[serde(default = "test_size")]
    pub(super) test_size: f64,
}

/// What is learned.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TrainConfig {
    pub(super) target_column: String,
    pub(super) task_type: Task,
    pub(super) algorithm: Algorithm,
    #[serde(default)]
    pub(super) hyperparameters: Map<String, Value>,
    #[serde(default)]
    scaling_method: ScalingMethod,
    #[serde(default)]
    feature_selection: Option<SelectionOptions>,
    #[serde(default = "validation_size")]
    validation_size: f64,
    #[serde(default)]
    early_stopping: bool,
    #[serde(default = "seed")]
    pub(super) seed: u64,
    #[serde(default)]
    pub(super) tuning: Tuning,
}

/// How hyperparameters are searched for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tuning {
    pub(super) method: Method,
    pub(super) trials: usize,
    cv: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { method: Method::Optuna, trials: 30, cv: 5 }
    }
}

/// What a model must reach to be published.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValidationConfig {
    /// Smallest values of metrics: accuracy, precision, recall, f1, roc_auc, r2, explained_variance.
    pub(super) minimum: BTreeMap<String, f64>,
    /// Largest values of metrics: rmse, mae, mape, log_loss, latency_p99_us.
    pub(super) maximum: BTreeMap<String, f64>,
}

fn test_size() -> f64 {
    0.2
}
fn validation_size() -> f64 {
    0.1
}
fn seed() -> u64 {
    42
}

impl OrgConfig {
    /// Reads and checks it.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text_bounded(path, MAX_BYTES)?;
        let mut config: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no configuration of an organisation", path.display()))?;
        let id = &config.organization_id;
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || id.len() > 64 || !id.chars().all(letters) || id.starts_with('.') {
            bail!(
                "organizationId is {id:?}, but it must be 1 to 64 letters, digits, dots, hyphens or underscores, and begin with no dot: folders are called by it"
            );
        }
        config.schema_config.check()?;
        if !(0.0..1.0).contains(&config.data_config.test_size) || config.data_config.test_size == 0.0 {
            bail!("dataConfig.testSize is {}, but it must lie between 0 and 1", config.data_config.test_size);
        }
        const KNOWN: [&str; 12] = [
            "accuracy",
            "precision",
            "recall",
            "f1",
            "roc_auc",
            "log_loss",
            "r2",
            "rmse",
            "mae",
            "mape",
            "explained_variance",
            "latency_p99_us",
        ];
        let bounds = &config.validation_config;
        if let Some(name) =
            bounds.minimum.keys().chain(bounds.maximum.keys()).find(|name| !KNOWN.contains(&name.as_str()))
        {
            bail!("validationConfig names the metric {name:?}; there are {}", KNOWN.join(", "));
        }
        config.digest = Some(Sha256::of(text.as_bytes()));
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(config)
    }

    /// The raw table.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join(&self.data_config.file)
    }

    /// Where folders begin.
    pub(super) fn root(&self) -> PathBuf {
        self.output_dir.as_ref().map_or_else(|| self.folder.clone(), |folder| self.folder.join(folder))
    }

    /// How rows are divided: by time where there is one.
    fn method(&self) -> SplitMethod {
        match (&self.data_config.time_column, self.train_config.task_type) {
            (Some(time), _) => SplitMethod::Time { by: time.clone() },
            (None, _) => SplitMethod::Stratified { by: self.train_config.target_column.clone() },
        }
    }

    /// How the prepared table is divided into what is learned from and what is judged by.
    pub(super) fn split(&self) -> SplitOptions {
        SplitOptions {
            test_size: self.data_config.test_size,
            validation_size: 0.0,
            method: self.method(),
            seed: self.train_config.seed,
        }
    }

    /// How a model is trained on the rows that are learned from. All of them are, but those for validation.
    pub(super) fn options(&self) -> TrainOptions {
        let train = &self.train_config;
        TrainOptions {
            hyperparameters: train.hyperparameters.clone(),
            scaling_method: train.scaling_method,
            feature_selection: train.feature_selection,
            test_size: 0.0,
            validation_size: train.validation_size,
            split: Some(self.method()),
            early_stopping: train.early_stopping,
            seed: train.seed,
            exclude_columns: self.data_config.drop_columns.clone(),
            ..TrainOptions::new(&train.target_column, train.task_type, train.algorithm)
        }
    }

    /// How a trial is judged: rows in order of time are judged by what came before.
    pub(super) fn folding(&self) -> CrossValidation {
        let kind = match (&self.data_config.time_column, self.train_config.task_type) {
            (Some(_), _) => FoldKind::TimeSeries,
            (None, Task::Classification) => FoldKind::Stratified,
            (None, Task::Regression) => FoldKind::KFold,
        };
        CrossValidation { cv: self.train_config.tuning.cv, kind }
    }
}
