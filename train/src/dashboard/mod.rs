//! A live page for training: curves, images, a button to stop.
//!
//! Whoever trains publishes points and images; browsers get what is known so far and then every change as server-sent
//! events (WHATWG HTML, section 9.2).

mod page;
mod state;

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use state::Shared;

/// Pages come from here and talk to here alone; images too.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Sent by the page's own script. A form or a foreign page cannot add it without the browser asking us first.
const OWN_HEADER: &str = "x-shelf-dashboard";

/// What is published, and who asks for the end. Clones share it.
#[derive(Clone)]
pub struct Dashboard(Arc<Shared>);

impl Dashboard {
    /// Nothing published yet. `stop` is called when somebody presses the button.
    #[must_use]
    pub fn new(title: &str, stop: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared::new(title, Box::new(stop))))
    }

    /// What is trained and on what, for the head of the page.
    pub fn describe(&self, text: &str) {
        self.0.describe(text);
    }

    /// Values of one epoch, by the names of their curves. Values that are missing leave a gap.
    pub fn point(&self, epoch: u64, values: &[(&str, Option<f64>)]) {
        self.0.point(epoch, values);
    }

    /// Where the run is: done of all batches of an epoch, and a line about it.
    pub fn progress(&self, epoch: (u64, u64), batch: (usize, usize), line: &str) {
        self.0.progress(epoch, batch, line);
    }

    /// An image was written: it is shown under its file name, the newest version of it.
    pub fn image(&self, path: &Path) {
        self.0.image(path);
    }

    /// The run has ended; why.
    pub fn ended(&self, why: &str) {
        self.0.ended(why);
    }

    /// Serves the page until the process ends.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, router(self.0)).await
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/dashboard.css", get(page::style))
        .route("/dashboard.js", get(page::script))
        .route("/icon.svg", get(page::icon))
        .route("/events", get(events))
        .route("/images/{name}", get(image))
        .route("/stop", post(stop))
        .with_state(shared)
        .layer(map_response(add_headers))
}

async fn add_headers(mut response: Response) -> Response {
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn events(State(shared): State<Arc<Shared>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (everything, changes) = shared.follow();
    let changes = stream::unfold((shared, changes), |(shared, mut changes)| async move {
        let text = match changes.recv().await {
            Ok(change) => change,
            // Too slow to have seen every change: everything anew.
            Err(broadcast::error::RecvError::Lagged(_)) => shared.everything(),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((text, (shared, changes)))
    });
    let events = stream::once(async { everything }).chain(changes).map(|text| Ok(Event::default().data(text)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn image(State(shared): State<Arc<Shared>>, UrlPath(name): UrlPath<String>) -> Response {
    // Only what was published has a path; the name from outside is looked up, never opened.
    let Some(path) = shared.image_path(&name) else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::fs::read(path).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, content_type(&name))], Body::from(bytes)).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("png") => "image/png",
        _ => "image/jpeg",
    }
}

async fn stop(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> StatusCode {
    if !headers.contains_key(OWN_HEADER) {
        return StatusCode::FORBIDDEN;
    }
    shared.stop();
    StatusCode::ACCEPTED
}
