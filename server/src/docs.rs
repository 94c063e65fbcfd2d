//! `GET /openapi.json` and `/docs`: this interface, for programs and for people.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::openapi;

const DOCUMENT: &str = "/openapi.json";

/// Both routes. Swagger UI comes from the binary, and asks no other host: its validator is off.
pub(crate) fn routes() -> Router<Arc<App>> {
    let config = Config::new([DOCUMENT])
        .validator_url("none")
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .default_models_expand_depth(0);
    Router::new().route(DOCUMENT, get(document)).merge(SwaggerUi::new("/docs").config(config))
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::json()).into_response()
}
