//! A model is asked what rows are.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::registry::{ModelKind, ModelStatus, ModelVersion};
use store::{Store, StoreError};
use tabular::trained::ModelFileError;
use tabular::{Predictions, TrainedModel};
use vision::Cancel;

use crate::error::PlatformError;
use crate::jobs::MODEL_FILE;
use crate::platform::Platform;
use crate::rows::{RowsError, table};

/// Rows up to this number are answered beside other work; more take their turn with other operations on tables.
const FEW: usize = 100;

/// What a model says of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// The version that was asked.
    pub model: ModelVersion,
    /// A class or a number of each row.
    pub prediction: Vec<Value>,
    /// Of classes the probability of each, for each row, in the order of `classes`; empty of numbers.
    pub prediction_proba: Vec<Vec<f64>>,
    /// Names of the classes.
    pub classes: Option<Vec<String>>,
}

impl Platform {
    /// Asks a model of tables that is staged or in production.
    ///
    /// # Errors
    /// When the organisation has no such model, it is none of tables or not deployed, or the rows do not fit it.
    pub async fn predict(
        &self,
        organisation: &str,
        model: &str,
        rows: Vec<Map<String, Value>>,
    ) -> Result<Predicted, PlatformError> {
        let limit = self.limits().predict_rows;
        if rows.is_empty() {
            return Err(RowsError::None.into());
        }
        if rows.len() > limit {
            return Err(RowsError::TooMany { found: rows.len(), limit }.into());
        }
        let store = self.store().await?;
        let version = store.model(organisation, model).await?;
        check(&version)?;
        let model = self.loaded(&store, &version).await?;
        let asked = Arc::clone(&model);
        let few = rows.len() <= FEW;
        let ask = move |_: &Cancel| Ok(asked.predict(&table(&asked, &rows)?)?);
        let told = if few {
            let asking = tokio::task::spawn_blocking(move || ask(&Cancel::never()));
            asking.await.map_err(|_| PlatformError::Inside)??
        } else {
            self.bench().run(organisation, ask).await?
        };
        let classes = model.classes.as_ref().map(|classes| classes.0.clone());
        let (prediction, prediction_proba) = match told {
            Predictions::Classes { prediction, prediction_proba } => {
                (prediction.into_iter().map(Value::from).collect(), prediction_proba)
            }
            Predictions::Values { prediction } => {
                (prediction.into_iter().map(|value| json!(value)).collect(), Vec::new())
            }
        };
        Ok(Predicted { model: version, prediction, prediction_proba, classes })
    }

    async fn loaded(&self, store: &Store, version: &ModelVersion) -> Result<Arc<TrainedModel>, PlatformError> {
        let cache = self.models();
        if let Some(model) = cache.get(&version.id) {
            return Ok(model);
        }
        let _loading = cache.loading.lock().await;
        if let Some(model) = cache.get(&version.id) {
            return Ok(model);
        }
        let damaged = || StoreError::Damaged { what: "model", value: version.label() };
        let files = store.model_files(&version.id).await?;
        let file = files.into_iter().find(|file| file.path == MODEL_FILE).ok_or_else(damaged)?;
        let bytes = store.model_objects(&version.organisation).get(file.sha256).await?;
        let reading = tokio::task::spawn_blocking(move || TrainedModel::of_bytes(&bytes));
        let model = reading.await.map_err(|_| PlatformError::Inside)?.map_err(|error| match error {
            ModelFileError::Format { .. } => PlatformError::ModelFormat { model: version.label() },
            _ => damaged().into(),
        })?;
        let model = Arc::new(model);
        cache.put(&version.id, &model, file.bytes);
        Ok(model)
    }
}

fn check(version: &ModelVersion) -> Result<(), PlatformError> {
    if version.kind != ModelKind::Tabular {
        let allowed = format!("a model of tables; {} is of kind {}", version.label(), version.kind);
        return Err(PlatformError::Parameter { name: "model_id", value: version.id.clone(), allowed });
    }
    let remedy = match version.status {
        ModelStatus::Staged | ModelStatus::Production => return Ok(()),
        ModelStatus::Training => "deploy it first",
        ModelStatus::Archived => "ask the version that replaced it, or roll back",
    };
    Err(StoreError::Status { model: version.label(), status: version.status, remedy }.into())
}
