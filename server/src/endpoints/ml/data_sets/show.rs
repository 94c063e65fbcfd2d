//! `GET /api/ml/datasets/{id}`: what a data set holds.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use platform::data_sets::Described;
use serde::Serialize;
use serde_json::Value;
use tabular::Description;
use utoipa::ToSchema;

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// What a data set holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataSetAnswer {
    /// UUID.
    dataset_id: String,
    /// What it is called.
    #[schema(example = "counts")]
    name: String,
    /// `rows`, `columns`, `column_names`, and by column `dtypes` (as pandas calls types), `kinds` (number, flag, time, text),
    /// `missing_values` and `numeric_stats` (mean, std, min, p25, p50, p75, max).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    holds: Holds,
    /// Digest of names, types and values: the same table has the same one, whatever file it came from.
    version: String,
    /// Digest of the CSV as it is downloaded.
    sha256: String,
    /// Size of the CSV.
    bytes: u64,
    /// Id of the data set that it was made of; `null` when it was uploaded.
    parent: Option<String>,
    /// How it was made.
    #[schema(value_type = Object)]
    lineage: Value,
    /// The column that is to be told, where that was said.
    target_column: Option<String>,
    /// Its classes, where it has some.
    classes: Option<Vec<String>>,
    /// RFC 3339 in UTC.
    #[schema(example = "2026-11-21T09:30:00Z")]
    created_at: String,
    /// By whom.
    created_by: String,
}

/// A description without its digest, which is the version.
#[derive(Debug, Serialize)]
struct Holds {
    rows: usize,
    columns: usize,
    column_names: Vec<String>,
    dtypes: tabular::describe::ByColumn<std::borrow::Cow<'static, str>>,
    kinds: tabular::describe::ByColumn<tabular::table::Kind>,
    missing_values: tabular::describe::ByColumn<usize>,
    numeric_stats: tabular::describe::ByColumn<tabular::describe::NumericStats>,
}

impl From<Described> for DataSetAnswer {
    fn from(described: Described) -> Self {
        let Described { set, description } = described;
        let Description { rows, columns, column_names, dtypes, kinds, missing_values, numeric_stats, .. } = description;
        Self {
            dataset_id: set.id,
            name: set.name,
            holds: Holds { rows, columns, column_names, dtypes, kinds, missing_values, numeric_stats },
            version: set.version.to_string(),
            sha256: set.sha256.to_string(),
            bytes: set.bytes,
            parent: set.parent,
            lineage: set.lineage,
            target_column: set.target,
            classes: set.classes,
            created_at: vision::time::timestamp(set.created_at.max(0).unsigned_abs() / 1000),
            created_by: set.created_by,
        }
    }
}

/// What a data set holds
#[utoipa::path(
    get,
    path = "/api/ml/datasets/{dataset}",
    tag = "tables",
    params(("dataset" = String, Path, description = "Id of the data set")),
    responses(
        (status = 200, description = "Types, missing values, statistics", body = DataSetAnswer),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(dataset): Path<String>,
) -> Result<Json<DataSetAnswer>, Problem> {
    let described = app.platform.describe(&identity.organisation, &dataset).await.map_err(problem::of_platform)?;
    Ok(Json(described.into()))
}
