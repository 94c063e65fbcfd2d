//! `GET /datasets/{id}/schema`: what a trainer must know of a data set.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// What a trainer must know of a data set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaAnswer {
    /// UUID.
    dataset_id: String,
    /// What it is called.
    #[schema(example = "counts")]
    name: String,
    /// Rows.
    #[schema(example = 5000)]
    rows: u64,
    /// SHA-256 of the CSV.
    sha256: String,
    /// Columns to learn from, in order.
    features: Vec<FeatureColumn>,
    /// The column that is to be told; `null` when none was named at the upload.
    #[schema(example = "state")]
    label: Option<String>,
    /// Its classes: numbers by size, words by letter. `null` when it has none.
    classes: Option<Vec<String>>,
}

/// A column to learn from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeatureColumn {
    /// Its name.
    #[schema(example = "facings")]
    name: String,
    /// As pandas calls it: `int64`, `float64`, `bool`, `object`, `datetime64[ns, UTC]`.
    #[serde(rename = "type")]
    #[schema(example = "float64")]
    dtype: String,
}

/// What a trainer must know of a data set
#[utoipa::path(
    get,
    path = "/datasets/{dataset}/schema",
    tag = "tables",
    params(("dataset" = String, Path, description = "Id of the data set")),
    responses(
        (status = 200, description = "Features with their types, label, classes", body = SchemaAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn schema(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(dataset): Path<String>,
) -> Result<Json<SchemaAnswer>, Problem> {
    let organisation = &identity.organisation;
    let set = app.platform.describe(organisation, &dataset).await.map_err(problem::of_platform)?.set;
    let schema = app.platform.schema(organisation, &dataset).await.map_err(problem::of_platform)?;
    let feature = |column: &platform::data_sets::SchemaColumn| FeatureColumn {
        name: column.name.clone(),
        dtype: column.dtype.clone(),
    };
    Ok(Json(SchemaAnswer {
        features: schema.features().map(feature).collect(),
        label: schema.target,
        classes: schema.classes,
        dataset_id: set.id,
        name: set.name,
        rows: set.rows,
        sha256: set.sha256.to_string(),
    }))
}
