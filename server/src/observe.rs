//! Wraps every request: its id, its log line, its metrics, its security headers, and the body of its error.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::clients::Peer;
use crate::inference::Summary;
use crate::linger::LingeringBody;
use crate::metrics::Metrics;
use crate::pages;
use crate::problem::Problem;
use crate::request_id::{self, RequestId};

/// Nothing but our own files; no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Swagger UI sets styles inline.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'none'; \
                           base-uri 'none'; frame-ancestors 'none'";

/// The outermost layer.
pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = RequestId::of(&parts.headers);
    let route = parts.extensions.get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let line = Line {
        metrics: Arc::clone(&app.metrics),
        start: Instant::now(),
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        route,
        peer: parts.extensions.get::<Peer>().copied(),
        id: id.clone(),
        ended: false,
    };
    line.metrics.request_started();
    let wants_page = parts.method == Method::GET && prefers_html(&parts.headers);
    parts.extensions.insert(id);
    let body = Body::new(LingeringBody::new(body, &parts.headers));
    let response = next.run(Request::from_parts(parts, body)).await;
    line.finish(response, wants_page)
}

/// One request's line in the log. Dropped without an end, its client went away.
struct Line {
    metrics: Arc<Metrics>,
    start: Instant,
    method: Method,
    path: String,
    route: String,
    peer: Option<Peer>,
    id: RequestId,
    ended: bool,
}

/// What nginx logs for a client that closed its connection before the answer; no client ever sees it.
const CLIENT_CLOSED: u16 = 499;

impl Line {
    fn finish(mut self, mut response: Response, wants_page: bool) -> Response {
        let problem = response.extensions_mut().remove::<Problem>();
        let status = response.status();
        // What the framework refuses by itself comes as a bare status or plain text.
        let bare = response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json");
        let problem = match problem {
            None if bare && (status.is_client_error() || status.is_server_error()) => {
                Some(Problem::from_status(status))
            }
            problem => problem,
        };
        if let Some(problem) = &problem {
            response = self.write(problem, response, wants_page);
        }
        self.add_headers(response.headers_mut());
        self.end(response.status(), problem.as_ref(), response.extensions().get::<Summary>());
        response
    }

    /// The problem as JSON, or as a page for a person at a browser. Headers like `Allow` stay.
    fn write(&self, problem: &Problem, original: Response, wants_page: bool) -> Response {
        let mut written = if wants_page {
            pages::problem::page(problem, self.id.as_str())
        } else {
            problem.written(&self.path, self.id.as_str())
        };
        let (parts, _) = original.into_parts();
        *written.status_mut() = parts.status;
        let kept =
            parts.headers.iter().filter(|(name, _)| !matches!(**name, header::CONTENT_TYPE | header::CONTENT_LENGTH));
        written.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        written
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        let policy = if self.path.starts_with("/docs") { DOCS_POLICY } else { POLICY };
        let fixed: [(HeaderName, &'static str); 5] = [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // Not `no-referrer`: with it a browser sends our own forms under the origin "null".
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(request_id::HEADER, self.id.header_value());
    }

    fn end(&mut self, status: StatusCode, problem: Option<&Problem>, summary: Option<&Summary>) {
        self.ended = true;
        let took = self.start.elapsed();
        self.metrics.request_ended(self.method.as_str(), &self.route, status.as_u16(), took);
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let (request_id, status) = (self.id.as_str(), status.as_u16());
        let duration_ms = took.as_secs_f64() * 1e3;
        let peer = self.peer.map(tracing::field::display);
        if let Some(summary) = summary {
            let Summary { photo_bytes, width, height, facings, unknown, queue, timing } = summary;
            let (queue_ms, work_ms) = (queue.as_secs_f64() * 1e3, timing.total().as_secs_f64() * 1e3);
            tracing::info!(
                method,
                path,
                status,
                duration_ms,
                request_id,
                peer,
                photo_bytes,
                width,
                height,
                facings,
                unknown,
                queue_ms,
                work_ms,
                "photo recognised"
            );
        } else if let Some(problem) = problem {
            let (problem, detail) = (problem.kind().row().slug, problem.detail());
            tracing::info!(method, path, status, duration_ms, request_id, peer, problem, detail, "request refused");
        } else if matches!(self.route.as_str(), "/livez" | "/readyz" | "/health" | "/metrics")
            || self.route.starts_with("/static/")
        {
            // Probes come every few seconds, files come with every page: neither says anything new.
            tracing::debug!(method, path, status, duration_ms, request_id, peer, "request answered");
        } else {
            tracing::info!(method, path, status, duration_ms, request_id, peer, "request answered");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let took = self.start.elapsed();
        self.metrics.request_ended(self.method.as_str(), &self.route, CLIENT_CLOSED, took);
        let (method, path, request_id) = (self.method.as_str(), self.path.as_str(), self.id.as_str());
        let (status, duration_ms) = (CLIENT_CLOSED, took.as_secs_f64() * 1e3);
        let peer = self.peer.map(tracing::field::display);
        tracing::info!(method, path, status, duration_ms, request_id, peer, "client went away");
    }
}

/// Browsers name HTML first; programs do not name it at all.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let html = accept.find("text/html");
    let json = accept.find("json");
    html.is_some_and(|html| json.is_none_or(|json| html < json))
}
