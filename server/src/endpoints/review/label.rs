//! `POST /v2/active-learning/label`: what a person says of an item; `/bulk` says it of many.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use review::Queue;
use serde::{Deserialize, Serialize};
use store::model::{LabelKind, NewSku};
use store::{Answer, LabelRequest, SkuRef, Store};
use utoipa::{IntoParams, ToSchema};
use vision::{BBox, SkuId};

use super::correction::corrected_crop;
use super::request::{Change, Origin, Parameters, parse};
use crate::app::App;
use crate::clients::Peer;
use crate::inference::Caller;
use crate::metrics::Metrics;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{LabelAnswer, Names};

/// Maximum number of items labelled together.
const MAX_BULK: usize = 500;

/// A label in the URL, without a body: `?item_id=abc123&sku_id=42`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct LabelQuery {
    /// Which item.
    item_id: Option<String>,
    /// Which SKU it shows.
    sku_id: Option<String>,
    /// Who says so.
    reviewer: Option<String>,
}

/// A label.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LabelBody {
    /// Which item; or in the URL.
    item_id: Option<String>,
    /// Which items, at most 500: for `/bulk` alone.
    item_ids: Vec<String>,
    /// Who; or in the URL, or in the header `X-Reviewer`.
    #[schema(example = "ann")]
    reviewer: Option<String>,
    /// `sku`, `new_sku`, `not_a_container`, `wrong_box`, `cannot_tell` or `skip`. Left out, it follows from the rest.
    #[schema(example = "sku")]
    kind: Option<String>,
    /// Number of the SKU.
    #[schema(example = 42)]
    sku_id: Option<u32>,
    /// Code of the SKU, in place of its number.
    sku_code: Option<String>,
    /// A SKU that is not in the catalogue yet.
    new_sku: Option<NewSkuBody>,
    /// The right box, in pixels of the upright photo.
    #[serde(rename = "box")]
    bbox: Option<BoxBody>,
    /// Words to go with it, at most 2000 characters.
    comment: Option<String>,
}

/// A SKU to be made.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSkuBody {
    /// Made from the name when left out.
    #[serde(default)]
    code: Option<String>,
    /// What people read.
    #[schema(example = "Coke Zero 330 ml")]
    name: String,
    /// Trade number on the barcode.
    #[serde(default)]
    gtin: Option<String>,
    /// Maker.
    #[serde(default)]
    brand: Option<String>,
    /// Such as `330 ml`.
    #[serde(default)]
    size: Option<String>,
}

/// Corners in pixels.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxBody {
    x1: f32,
    y1: f32,
    x2: f32,
    y2: f32,
}

/// What was written down.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Labelled {
    /// One an item, in the order given.
    pub(crate) labels: Vec<LabelAnswer>,
}

impl LabelBody {
    fn sku(&self) -> Result<Option<SkuRef>, Problem> {
        match (self.sku_id, &self.sku_code) {
            (Some(_), Some(code)) => Err(Problem::parameter("sku_code", code, "left out when sku_id is given")),
            (Some(id), None) => Ok(Some(SkuRef::Id(SkuId(id)))),
            (None, Some(code)) => Ok(Some(SkuRef::Code(code.clone()))),
            (None, None) => Ok(None),
        }
    }

    /// The answer, its crop yet to be cut where a box was drawn.
    fn answer(&self) -> Result<Answer, Problem> {
        let sku = self.sku()?;
        let kind = match (&self.kind, &self.bbox, &self.new_sku, &sku) {
            (Some(kind), ..) => kind.parse()?,
            (None, Some(_), ..) => LabelKind::WrongBox,
            (None, None, Some(_), _) => LabelKind::NewSku,
            (None, None, None, Some(_)) => LabelKind::Sku,
            (None, None, None, None) => {
                return Err(Problem::parameter("kind", "", "given, or sku_id, sku_code, new_sku or box"));
            }
        };
        let unused = |name: &str, present: bool| {
            if present { Err(Problem::parameter(name, "…", &format!("left out for kind {kind}"))) } else { Ok(()) }
        };
        let names_sku = matches!(kind, LabelKind::Sku | LabelKind::WrongBox);
        unused("sku_id", sku.is_some() && !names_sku)?;
        unused("new_sku", self.new_sku.is_some() && kind != LabelKind::NewSku)?;
        unused("box", self.bbox.is_some() && kind != LabelKind::WrongBox)?;
        let missing = |name: &str| Problem::parameter(name, "", &format!("given for kind {kind}"));
        Ok(match kind {
            LabelKind::Sku => Answer::Sku(sku.ok_or_else(|| missing("sku_id"))?),
            LabelKind::NewSku => {
                let NewSkuBody { code, name, gtin, brand, size } =
                    self.new_sku.clone().ok_or_else(|| missing("new_sku"))?;
                Answer::NewSku(NewSku { code, name, gtin, brand, size })
            }
            LabelKind::NotAContainer => Answer::NotAContainer,
            LabelKind::WrongBox => {
                let BoxBody { x1, y1, x2, y2 } = self.bbox.ok_or_else(|| missing("box"))?;
                Answer::WrongBox { bbox: BBox::new(x1, y1, x2, y2), sku, crop: None }
            }
            LabelKind::CannotTell => Answer::CannotTell,
            LabelKind::Skip => Answer::Skip,
            LabelKind::Undo => return Err(Problem::parameter("kind", "undo", "sent to /v2/active-learning/undo")),
        })
    }
}

/// Label an item
///
/// On disk when this answers, and in the gallery within a second. Also as `?item_id=abc123&sku_id=42` without a body, and
/// at `/api/v1/ai/v2/active-learning/label`. An answer that contradicts another person's sends the item to a third.
#[utoipa::path(
    post,
    path = "/v2/active-learning/label",
    tag = "review",
    params(LabelQuery, ("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it labels once")),
    request_body = LabelBody,
    responses(
        (status = 200, description = "What was written down", body = Labelled),
        (status = 404, description = "No such item or SKU", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Claimed by someone else, said before, or waiting for a third person", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn label(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Parameters(query): Parameters<LabelQuery>,
    change: Change<LabelBody>,
) -> Result<Json<Labelled>, Problem> {
    let Change { mut body, origin } = change;
    let item = match (query.item_id, body.item_id.take()) {
        (Some(item), None) | (None, Some(item)) => item,
        (Some(one), Some(other)) if one == other => one,
        (Some(_), Some(other)) => return Err(Problem::parameter("item_id", &other, "the same in URL and body")),
        (None, None) => return Err(Problem::parameter("item_id", "", "given")),
    };
    if !body.item_ids.is_empty() {
        return Err(Problem::parameter("item_ids", "…", "sent to /v2/active-learning/label/bulk"));
    }
    body.sku_id = parse("sku_id", query.sku_id.as_deref(), "the number of a SKU")?.or(body.sku_id);
    body.reviewer = query.reviewer.or(body.reviewer);
    write(&app, peer, vec![item], &body, &origin).await
}

/// Label many items alike
///
/// All or none: a cluster of facings that look the same.
#[utoipa::path(
    post,
    path = "/v2/active-learning/label/bulk",
    tag = "review",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request: sent again, it labels once")),
    request_body = LabelBody,
    responses(
        (status = 200, description = "What was written down", body = Labelled),
        (status = 404, description = "No such item or SKU: nothing was written", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "One of them cannot be labelled: nothing was written", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A value that may not be", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn bulk(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    change: Change<LabelBody>,
) -> Result<Json<Labelled>, Problem> {
    let Change { mut body, origin } = change;
    let mut items = std::mem::take(&mut body.item_ids);
    items.extend(body.item_id.take());
    items.sort();
    items.dedup();
    if !(1..=MAX_BULK).contains(&items.len()) {
        return Err(Problem::parameter("item_ids", &items.len().to_string(), "1 to 500 ids"));
    }
    if body.bbox.is_some() {
        return Err(Problem::parameter("box", "…", "left out: a box belongs to one item"));
    }
    write(&app, peer, items, &body, &origin).await
}

async fn write(
    app: &App,
    peer: Peer,
    items: Vec<String>,
    said: &LabelBody,
    origin: &Origin,
) -> Result<Json<Labelled>, Problem> {
    let (queue, store) = app.review.open()?;
    let reviewer = origin.reviewer(said.reviewer.as_deref());
    let key = origin.key(&reviewer)?;
    let answer = said.answer()?;
    let request =
        |item| LabelRequest { item, reviewer: reviewer.clone(), answer: answer.clone(), comment: said.comment.clone() };
    let mut requests: Vec<_> = items.into_iter().map(request).collect();
    if let [request] = requests.as_mut_slice()
        && let Answer::WrongBox { bbox, sku: Some(_), .. } = request.answer
        // Asked first: only what would be taken is worth a worker's time and an image.
        && let Some(item) = store.correctable(request, key.as_ref()).await?
    {
        let caller = Caller { client: peer.address(), patience: None, patient: false };
        let cut = corrected_crop(app, &store, caller, &item.photo, bbox).await?;
        if let Answer::WrongBox { crop, .. } = &mut request.answer {
            *crop = Some(cut);
        }
    }
    let labels = store.label(requests, key).await?;
    answered(&app.metrics, &queue, &store, &labels).await
}

pub(super) async fn answered(
    metrics: &Metrics,
    queue: &Queue,
    store: &Store,
    labels: &[store::model::Label],
) -> Result<Json<Labelled>, Problem> {
    queue.gallery_changed();
    labels.iter().for_each(|label| metrics.review_label(label.kind.as_str()));
    let names = Names::of(store, labels.iter().filter_map(|label| label.sku).collect(), false).await?;
    Ok(Json(Labelled { labels: labels.iter().map(|label| names.label(label)).collect() }))
}
