//! One job, done: the table fetched, learned from, the model put among the objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use store::Store;
use store::data_sets::DataSet;
use store::jobs::Taken;
use store::registry::{DataSetRef, ModelFile, ModelKind, NewModel};
use tabular::Table;
use tabular::train::Training;
use tabular::trained::ModelFileError;
use tempfile::TempDir;
use vision::Cancel;

use super::learn::{Learned, learn};
use super::{JobRequest, Journal};
use crate::data_sets::Source;
use crate::error::PlatformError;
use crate::export::{Exporter, MAX_BYTES, SAMPLE};

/// Name of a model's file among those of its version.
pub(crate) const MODEL_FILE: &str = "model.json";
/// The same model for ONNX Runtime.
pub(crate) const ONNX_FILE: &str = "model.onnx";

/// What a job leaves behind.
#[derive(Debug)]
pub(crate) struct Made {
    /// JSON.
    pub(crate) outcome: String,
    /// The version to be registered.
    pub(crate) model: Option<Box<NewModel>>,
}

/// A model in a file of its own.
struct Written {
    folder: TempDir,
    files: Vec<&'static str>,
    about: NewModel,
}

/// Does a job. Learning ends when `cancel` says so.
pub(crate) async fn make(
    store: &Store,
    taken: &Taken,
    exporter: Option<Exporter>,
    journal: Arc<Journal>,
    cancel: Cancel,
) -> Result<Made, PlatformError> {
    let job = &taken.job;
    let request: JobRequest =
        serde_json::from_value(job.request.clone()).map_err(|error| PlatformError::Parameter {
            name: "request",
            value: job.id.clone(),
            allowed: format!("of a kind that this worker knows ({error}); is it an older one?"),
        })?;
    let set = store.data_set(&job.organisation, &job.data_set).await?;
    journal.line(&format!("data set {}: {} rows, {} columns", set.name, set.rows, set.columns));
    let source = Source::of(store, &set).await?;
    let (checkpoint, id) = (taken.checkpoint.clone(), job.id.clone());
    let work = move || {
        let table = source.table()?;
        let learned = learn(&table, &request, checkpoint.as_deref(), &journal, &cancel)?;
        let outcome = learned.outcome()?;
        let written = match learned {
            Learned::Model { training, .. } => {
                let mut written = write(&training, &set, &id)?;
                if let Some(exporter) = &exporter {
                    written.export(&training, &table, exporter, &journal)?;
                }
                Some(written)
            }
            Learned::Comparison(_) | Learned::Forecast(_) => None,
        };
        Ok::<_, PlatformError>((outcome, written))
    };
    let (outcome, written) = tokio::task::spawn_blocking(work).await.map_err(|_| PlatformError::Inside)??;
    let model = match written {
        Some(Written { folder, files, mut about }) => {
            for name in files {
                let (sha256, bytes) =
                    store.model_objects(&job.organisation).put_file(&folder.path().join(name)).await?;
                about.files.push(ModelFile { path: name.to_owned(), sha256, bytes });
            }
            drop(folder);
            Some(Box::new(about))
        }
        None => None,
    };
    Ok(Made { outcome, model })
}

impl Written {
    /// Adds the model as ONNX. One that cannot be written so is a model all the same: why not is in the log.
    fn export(
        &mut self,
        training: &Training,
        table: &Table,
        exporter: &Exporter,
        journal: &Journal,
    ) -> Result<(), PlatformError> {
        let rows: Vec<usize> = (0..table.rows().min(SAMPLE)).collect();
        match exporter.export(&training.model, &table.take(&rows)) {
            Ok(bytes) if bytes.len() > MAX_BYTES => {
                journal.line(&format!("no ONNX file: {} bytes are more than {MAX_BYTES}", bytes.len()));
            }
            Ok(bytes) => {
                std::fs::write(self.folder.path().join(ONNX_FILE), &bytes)?;
                self.files.push(ONNX_FILE);
                journal.line(&format!("ONNX: {} bytes, says the same of {} rows", bytes.len(), rows.len()));
            }
            Err(reason) => journal.line(&format!("no ONNX file: {reason}")),
        }
        Ok(())
    }
}

fn write(training: &Training, set: &DataSet, job: &str) -> Result<Written, PlatformError> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(MODEL_FILE);
    let model = &training.model;
    model.write(&path).map_err(|error| match error {
        ModelFileError::File(error) => PlatformError::Temporary(std::io::Error::other(error)),
        _ => PlatformError::Inside,
    })?;
    let mut columns: Vec<(&str, tabular::table::Kind)> = Vec::new();
    for feature in &model.preparation.features {
        if columns.last().is_none_or(|(name, _)| *name != feature.column) {
            columns.push((&feature.column, feature.kind));
        }
    }
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| json!({"name": name, "kind": kind})).collect();
    let about = NewModel {
        organisation: set.organisation.clone(),
        kind: ModelKind::Tabular,
        name: "job".to_owned(),
        version: job.to_owned(),
        training: true,
        algorithm: model.algorithm.name().to_owned(),
        description: String::new(),
        metrics: metrics(training),
        datasets: vec![DataSetRef { name: set.name.clone(), sha256: set.version.to_string() }],
        parents: Vec::new(),
        tags: Vec::new(),
        settings: json!({
            "task_type": model.task, "target_column": model.target, "hyperparameters": model.hyperparameters,
            "columns": columns, "classes": model.classes, "data_set": set.id,
            "test_samples": training.training_summary.test_samples,
        }),
        files: Vec::new(),
    };
    Ok(Written { folder, files: vec![MODEL_FILE], about })
}

/// What was measured on rows that the model did not learn from: nothing when none were set aside, and then it stays out of production.
fn metrics(training: &Training) -> BTreeMap<String, f64> {
    if training.training_summary.test_samples == 0 {
        return BTreeMap::new();
    }
    let known = training.evaluation.named().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.filter(|(_, value)| value.is_finite()).collect()
}
