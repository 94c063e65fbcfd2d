//! Pages of other origins may read answers where the configuration names them (Fetch standard, section 3.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Answers preflights of allowed origins, and lets their pages read what follows. Requests of others go their way: browsers keep the
/// answers from their pages.
pub(crate) async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origins = &app.config.cors;
    if origins.is_empty() {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).filter(|origin| origins.allow(origin)).cloned();
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &origin {
        Some(_) if preflight => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            preflight_headers(response.headers_mut());
            response
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    // Caches must not give one origin what was made for another.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let readable = HeaderValue::from_static("x-request-id, retry-after");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    response
}

fn preflight_headers(headers: &mut HeaderMap) {
    let methods = HeaderValue::from_static("GET, POST");
    let allowed = HeaderValue::from_static("accept, authorization, content-type, idempotency-key, x-request-id");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    // How long a browser may remember it, in seconds.
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}
