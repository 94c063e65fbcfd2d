//! `POST /predict`: crops in, SKUs out; no detector is asked.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use pipeline::Recognizer;
use serde::Serialize;
use utoipa::ToSchema;
use vision::{Decision, DecodeError};

use super::recognize::patience;
use crate::app::App;
use crate::clients::Peer;
use crate::inference::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::upload;

/// Images of a request.
const MAX_IMAGES: usize = 64;
/// Neighbours named for each.
const NEIGHBORS: usize = 5;

/// Images, each of one product.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body in the OpenAPI document")]
pub(crate) struct PredictBody {
    /// Files (JPEG, PNG, WebP) as base64, or as data URLs with base64; at most 64.
    #[schema(max_items = 64)]
    images: Vec<String>,
}

/// What the images show.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Predicted {
    /// In the order of the images.
    predictions: Vec<Prediction>,
    /// The gallery and the models that decided.
    gallery_version: u64,
}

/// What one image shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Prediction {
    /// Code of the SKU; null when it is none that is enrolled, or the file is no image.
    #[schema(example = "cola_330ml")]
    class: Option<String>,
    /// Chance that the nearest class is right, 0 to 1; null where the gallery is not calibrated.
    probability: Option<f32>,
    /// `known`, `ambiguous`, `unknown`, or `error`.
    status: &'static str,
    /// In words: why it was decided so, or what is wrong with the file.
    reason: String,
    /// The nearest classes, best first.
    neighbors: Vec<PredictedNeighbor>,
}

/// A class that an image might show.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PredictedNeighbor {
    /// Code of the SKU.
    class: String,
    /// Cosine similarity of its nearest exemplar.
    similarity: f32,
}

/// Classify crops
///
/// Says of each image, which shows one product as a whole, which SKU it is. A file that is no image has its own error and takes
/// nothing from the others. Photos of shelves go to `/v2/recognize`.
#[utoipa::path(
    post,
    path = "/predict",
    tag = "recognition",
    params(
        ("x-timeout-ms" = Option<u64>, Header, description = "How long an answer is of use, from the last byte of the body"),
    ),
    request_body(content = PredictBody, content_type = "application/json"),
    responses(
        (status = 200, description = "What the images show", body = Predicted),
        (status = 400, description = "Not the document that is expected", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many images, or too many bytes", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not ready, or overloaded: Retry-After says when to try again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "Took too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Predicted>, Problem> {
    let served = app.models.current().inspect_err(|_| app.metrics.rejected("not_ready"))?;
    let caller = Caller { client: peer.address(), patience: patience(&headers)?, patient: false };
    app.inference.admit(caller)?;
    let (images, _memory) = upload::receive_many(&headers, body, &app.config, &app.budget, MAX_IMAGES).await?;
    let classified = app.inference.classify(caller, (served, images), NEIGHBORS).await?;
    let recognizer = &classified.recognizer;
    let predictions = classified.crops.iter().map(|crop| Prediction::of(crop, recognizer)).collect();
    Ok(Json(Predicted { predictions, gallery_version: recognizer.gallery_version() }))
}

impl Prediction {
    fn of(crop: &Result<Decision, DecodeError>, recognizer: &Recognizer) -> Self {
        let code = |sku| recognizer.gallery().sku(sku).map(|sku| sku.code.clone());
        match crop {
            Ok(decision) => Self {
                class: decision.sku.and_then(code),
                probability: decision.probability,
                status: decision.status.as_str(),
                reason: decision.reason.to_string(),
                neighbors: decision
                    .candidates
                    .iter()
                    .filter_map(|near| Some(PredictedNeighbor { class: code(near.sku)?, similarity: near.similarity }))
                    .collect(),
            },
            Err(error) => Self {
                class: None,
                probability: None,
                status: "error",
                reason: error.to_string(),
                neighbors: Vec::new(),
            },
        }
    }
}
