//! Nobody is answered who was not let in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::{sign_in_path, wants_page};
use crate::app::App;
use crate::problem::ProblemType;

/// Inside of `guard`, outside of every handler.
pub(crate) async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match app.access.admit(&parts).await {
        Ok(admitted) => {
            let place = admitted.and_then(|(identity, place)| {
                parts.extensions.insert(identity);
                place
            });
            let response = next.run(Request::from_parts(parts, body)).await;
            match place {
                Some(place) => place.held_by(response),
                None => response,
            }
        }
        Err(problem) => {
            match problem.kind() {
                ProblemType::TooManyRequests => app.metrics.rejected("rate"),
                _ => app.metrics.rejected("access"),
            }
            let unknown = problem.kind() == ProblemType::Unauthorized;
            if unknown && wants_page(&parts) {
                // A person signs in first, and then sees what was asked for.
                let path = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
                return Redirect::to(&sign_in_path(path)).into_response();
            }
            let mut response = problem.into_response();
            if unknown {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
    }
}
