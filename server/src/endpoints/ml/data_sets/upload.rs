//! `POST /api/ml/datasets/upload`: a file becomes a data set.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use platform::data_sets::Uploaded;
use serde::Serialize;
use tabular::describe::ByColumn;
use tabular::read::BadRows;
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use super::form::Form;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// The form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the handler reads it as it arrives")]
pub(crate) struct UploadForm {
    /// CSV with a header, in UTF-8 or UTF-16; or XLSX, whose first sheet is read.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What it is to be called; the file's name without its ending otherwise.
    name: Option<String>,
    /// The column that is to be told.
    target_column: Option<String>,
}

/// A data set that was made of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadAnswer {
    /// UUID.
    dataset_id: String,
    /// What it is called.
    #[schema(example = "counts")]
    name: String,
    /// Rows.
    #[schema(example = 150)]
    rows: usize,
    /// Number of columns.
    #[schema(example = 5)]
    columns: usize,
    /// Their names, in order.
    column_names: Vec<String>,
    /// Missing values of each column.
    #[schema(value_type = BTreeMap<String, u64>)]
    missing_values: ByColumn<usize>,
    /// Digest of names, types and values: the same table has the same one, whatever file it came from.
    version: String,
    /// Rows of the file that were left out: `count`, and the `first` twenty by `line` and `reason`.
    #[schema(value_type = Object)]
    bad_rows: BadRows,
    /// Infinite numbers of each column that has some; they are missing now.
    infinite: BTreeMap<String, u64>,
}

impl From<Uploaded> for UploadAnswer {
    fn from(uploaded: Uploaded) -> Self {
        let Uploaded { set, description, bad_rows, infinite } = uploaded;
        Self {
            dataset_id: set.id,
            name: set.name,
            rows: description.rows,
            columns: description.columns,
            column_names: description.column_names,
            missing_values: description.missing_values,
            version: set.version.to_string(),
            bad_rows,
            infinite,
        }
    }
}

/// Upload a data set
///
/// Delimiter, encoding and types are found out. Rows that cannot be understood are left out and named.
#[utoipa::path(
    post,
    path = "/api/ml/datasets/upload",
    tag = "tables",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It is kept", body = UploadAnswer),
        (status = 400, description = "The form cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The organisation has as much as it may", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes, rows, columns or cells", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Neither CSV nor XLSX", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The file is no table, or has no such target", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "The organisation has too much in work", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many uploads, or the store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    By(actor): By,
    request: Request,
) -> Result<Json<UploadAnswer>, Problem> {
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Form { file, about } = Form::receive(request, &app.platform).await?;
    let uploaded = app.platform.upload(file, &about, key.as_deref(), &actor).await.map_err(problem::of_platform)?;
    Ok(Json(uploaded.into()))
}
