//! Nobody is answered who was not let in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::wants_page;
use crate::app::App;
use crate::problem::ProblemType;

/// Inside of `guard`, outside of every handler.
pub(crate) async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match app.access.admit(&parts).await {
        Ok(identity) => {
            if let Some(identity) = identity {
                parts.extensions.insert(identity);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => {
            match problem.kind() {
                ProblemType::TooManyRequests => app.metrics.rejected("rate"),
                _ => app.metrics.rejected("access"),
            }
            let unknown = problem.kind() == ProblemType::Unauthorized;
            let mut response = problem.into_response();
            if unknown {
                // A person's browser asks for a name and a password: the password is the key. Programs are not asked that way.
                let scheme = if wants_page(&parts) { "Basic realm=\"Shelfsight\"" } else { "Bearer" };
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
            response
        }
    }
}
