//! Pages of other origins may read answers where the configuration names them (Fetch standard, section 3.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Origins whose pages may read answers: none unless named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(Vec<String>);

/// Every origin.
const ANY: &str = "*";

impl Origins {
    /// As written in the configuration: `https://shop.example`, or `*` for all. `None` names the first that is no origin.
    pub(crate) fn parse(written: &[String]) -> Result<Self, &str> {
        match written.iter().find(|text| !is_origin(text)) {
            Some(wrong) => Err(wrong),
            None => Ok(Self(written.iter().map(|text| text.to_ascii_lowercase()).collect())),
        }
    }

    /// Whether pages of this origin may read answers and ask for changes.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().unwrap_or_default();
        self.0.iter().any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(origin))
    }
}

/// Scheme, host and perhaps a port, nothing behind them.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")).map(|(_, host)| host);
    text == ANY || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*', '@']))
}

/// Answers preflights of allowed origins, and lets their pages read what follows. Requests of others go their way: browsers keep the
/// answers from their pages.
pub(crate) async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origins = &app.config.cors;
    if origins.0.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let parse = |text: &str| Origins::parse(&[text.to_owned()]).is_ok();
        for sound in ["*", "https://shop.example", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(parse(sound), "{sound}");
        }
        for wrong in ["", "shop.example", "https://", "https://shop.example/", "https://*.example", "ftp://a", "null"] {
            assert!(!parse(wrong), "{wrong}");
        }
        let own = Origins::parse(&["https://Shop.example".to_owned()]).expect("sound");
        let allow = |origin: &'static str| own.allow(&HeaderValue::from_static(origin));
        assert!(allow("https://shop.example") && !allow("https://shop.example.evil") && !allow("null"));
    }
}
