//! `GET /v2/active-learning/skus`: the catalogue, as a person types.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::request::{Parameters, parse};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::wire::review::{CatalogueAnswer, Names};

/// What is typed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SkuQuery {
    /// Part of code, name, brand or GTIN, in any case; everything when left out.
    q: Option<String>,
    /// 1 to 200; 20 when left out.
    limit: Option<String>,
}

/// SKUs that fit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkuList {
    /// By name.
    skus: Vec<CatalogueAnswer>,
}

/// Find SKUs
///
/// SKUs of the catalogue: enrolled from a folder, and made by people while they label.
#[utoipa::path(
    get,
    path = "/v2/active-learning/skus",
    operation_id = "find_skus",
    tag = "review",
    params(SkuQuery),
    responses(
        (status = 200, description = "SKUs by name", body = SkuList),
        (status = 503, description = "The queue cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn skus(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<SkuQuery>,
) -> Result<Json<SkuList>, Problem> {
    let (_, store) = app.review.open()?;
    let allowed = "a whole number within 1 and 200";
    let limit = parse("limit", query.limit.as_deref(), allowed)?.unwrap_or(20_u32);
    if !(1..=200).contains(&limit) {
        return Err(Problem::parameter("limit", &limit.to_string(), allowed));
    }
    let found = store.search_skus(query.q.as_deref().unwrap_or_default(), limit).await?;
    let names = Names::of(&store, found.iter().map(|sku| sku.id).collect(), true).await?;
    let answer = |sku: store::model::CatalogueSku| {
        let images = names.images(sku.id);
        CatalogueAnswer::new(sku, images)
    };
    Ok(Json(SkuList { skus: found.into_iter().map(answer).collect() }))
}
