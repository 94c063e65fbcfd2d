//! What holds for every route, whatever its handler does: one layer around the router.
//!
//! | file | what |
//! |---|---|
//! | `site` | which names the server answers to, and from which pages changes are taken |
//! | `arrival` | a request's body that comes too slowly ends |
//! | `admit` | who asks, and whether they may |
//! | `answers` | memory that answers on their way may take together |

mod admit;
mod answers;
mod arrival;
mod site;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::clients::Presence;
pub(crate) use admit::admit;
pub(crate) use answers::account;
use arrival::{Arriving, Patience};

/// Inside of `observe`, which writes the problems out.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(problem) = site::check(&parts, &app.config.hosts, &app.config.cors) {
        return problem.into_response();
    }
    let presence = parts.extensions.get::<Arc<Presence>>().cloned();
    let patience = Patience { idle: app.config.timeouts.body_idle, whole: app.config.timeouts.body };
    let (body, late) = Arriving::new(body, patience, presence, app.stop.subscribe());
    let response = next.run(Request::from_parts(parts, Body::new(body))).await;
    // Whatever the handler made of half a body: this is what was wrong with it.
    match late.get() {
        Some(late) if !response.status().is_success() => late.problem().into_response(),
        _ => response,
    }
}
