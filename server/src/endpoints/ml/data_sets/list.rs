//! `GET /api/ml/datasets`: data sets, the newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use store::data_sets::DataSet;
use utoipa::ToSchema;

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// A data set in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataSetSummary {
    /// UUID.
    dataset_id: String,
    /// What it is called.
    #[schema(example = "counts")]
    name: String,
    /// Rows.
    #[schema(example = 150)]
    rows: u64,
    /// Number of columns.
    #[schema(example = 5)]
    columns: u64,
    /// The column that is to be told, where that was said.
    target_column: Option<String>,
    /// Digest of names, types and values.
    version: String,
    /// Id of the data set that it was made of; `null` when it was uploaded.
    parent: Option<String>,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: String,
}

impl From<DataSet> for DataSetSummary {
    fn from(set: DataSet) -> Self {
        Self {
            dataset_id: set.id,
            name: set.name,
            rows: set.rows,
            columns: set.columns,
            target_column: set.target,
            version: set.version.to_string(),
            parent: set.parent,
            created_at: vision::time::timestamp(set.created_at.max(0).unsigned_abs() / 1000),
        }
    }
}

/// Data sets of the organisation
#[utoipa::path(
    get,
    path = "/api/ml/datasets",
    tag = "tables",
    responses(
        (status = 200, description = "The newest first, at most a thousand", body = Vec<DataSetSummary>),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Vec<DataSetSummary>>, Problem> {
    let sets = app.platform.data_sets(&identity.organisation).await.map_err(problem::of_platform)?;
    Ok(Json(sets.into_iter().map(DataSetSummary::from).collect()))
}
