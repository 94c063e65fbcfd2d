//! `POST /datasets/{id}/models`: a network for devices comes back from a trainer.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest as _, Path, Request, State};
use registry::device::{DeviceError, MAX_META, MAX_MODEL, check};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::by::By;
use super::super::problem;
use crate::app::App;
use crate::problem::{Problem, ProblemBody, ProblemType};
use crate::upload::shorten;

/// The form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the handler reads it as it arrives")]
pub(crate) struct ModelForm {
    /// `model.tflite`: int8, one input and one output.
    #[schema(value_type = String, format = Binary)]
    model: Vec<u8>,
    /// `meta.json`.
    #[schema(value_type = String, format = Binary)]
    meta: Vec<u8>,
}

/// A model that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelAnswer {
    /// Always `success`: what fails is a problem.
    #[schema(example = "success")]
    status: &'static str,
    /// Of the version.
    model_id: String,
    /// Of which it is a version.
    #[schema(example = "mlp-0194f3a2-7c1e-7f00-8000-000000000001")]
    name: String,
    /// Of what was sent: the same model has the same one.
    #[schema(example = "3f7a0c19be42")]
    version: String,
    /// Always `mlp`.
    kind: &'static str,
    /// `staged`, or where it stands when it was sent before.
    #[schema(example = "staged")]
    model_status: &'static str,
}

/// Take a model that was trained on a data set
///
/// The file is run and held against `meta.json` and the data set, then it is a staged version of kind `mlp`. Sent again, it
/// is the same version.
#[utoipa::path(
    post,
    path = "/datasets/{dataset}/models",
    tag = "models",
    params(("dataset" = String, Path, description = "Id of the data set")),
    request_body(content = ModelForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It is kept", body = ModelAnswer),
        (status = 400, description = "The form cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key's role does not suffice", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No form", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The model cannot be run, or does not fit", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many uploads, or the store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn models(
    State(app): State<Arc<App>>,
    By(actor): By,
    Path(dataset): Path<String>,
    request: Request,
) -> Result<Json<ModelAnswer>, Problem> {
    let store = app.platform.store().await.map_err(problem::of_platform)?;
    let set = store.data_set(&actor.organisation, &dataset).await.map_err(problem::of)?;
    // One of the places for uploads: so many are held in memory and no more.
    let place = app.platform.receive().await.map_err(problem::of_platform)?;
    let (model, meta) = receive(request).await?;
    let about = set.clone();
    let checked = tokio::task::spawn_blocking(move || check(&about, model, meta));
    let checked = checked.await.map_err(|_| Problem::internal())?.map_err(refused)?;
    let kept = checked.keep(&store, &set, &actor).await.map_err(refused)?;
    drop(place);
    Ok(Json(ModelAnswer {
        status: "success",
        model_id: kept.id,
        name: kept.name,
        version: kept.version,
        kind: kept.kind.as_str(),
        model_status: kept.status.as_str(),
    }))
}

fn refused(error: DeviceError) -> Problem {
    match error {
        DeviceError::Store(error) => problem::of(error),
        error => Problem::new(ProblemType::UnfitModel, error),
    }
}

/// Model and meta.json of the form.
async fn receive(request: Request) -> Result<(Vec<u8>, Vec<u8>), Problem> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| {
        let detail = "a model is sent as multipart/form-data with the fields model and meta \
                      (`curl -F model=@model.tflite -F meta=@meta.json ...`)";
        Problem::new(ProblemType::UnsupportedContentType, detail)
    })?;
    let (mut model, mut meta) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&shorten(&error.body_text())))? {
        let name = field.name().unwrap_or_default().to_owned();
        let (place, limit) = match name.as_str() {
            "model" => (&mut model, MAX_MODEL),
            "meta" => (&mut meta, MAX_META),
            other => return Err(malformed(&format!("it has a field {:?}; there are model and meta", shorten(other)))),
        };
        if place.is_some() {
            return Err(malformed(&format!("it has more than one field {name}")));
        }
        *place = Some(bounded(field, limit).await?);
    }
    model.zip(meta).ok_or_else(|| malformed("it must have both fields, model and meta"))
}

async fn bounded(mut field: Field<'_>, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| malformed(&shorten(&error.body_text())))? {
        if bytes.len() + piece.len() > limit {
            let detail = format!("a field has more than {limit} bytes, the most that is taken of a model for a device");
            return Err(Problem::new(ProblemType::BodyTooLarge, detail));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemType::MalformedBody, format_args!("the form cannot be read: {detail}"))
}
