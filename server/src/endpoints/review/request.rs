//! What every change of the queue comes with: JSON, who asks, and the name of the request.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use store::Key;

use crate::access::Identity;
use crate::problem::{Problem, ProblemType};
use crate::upload::shorten;

/// Largest body of a change.
const MAX_BODY: usize = 256 << 10;
/// Who is meant when nobody says.
const ANONYMOUS: &str = "anonymous";

/// A change: its body as JSON. An empty body stands for `{}`.
pub(crate) struct Change<T> {
    pub(crate) body: T,
    pub(crate) origin: Origin,
}

/// Who asks, and by which name.
pub(crate) struct Origin {
    /// Name of the key: nobody who has one goes by another name.
    account: Option<String>,
    reviewer: Option<String>,
    key: Option<String>,
    /// Path, query and body: what a key stands for.
    request: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Self::receive(request, MAX_BODY).await
    }
}

impl<T: DeserializeOwned> Change<T> {
    /// Of a body of at most so many bytes.
    pub(crate) async fn receive(request: Request, limit: usize) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, limit).await.map_err(|_| {
            Problem::new(ProblemType::BodyTooLarge, format_args!("the body has more than {limit} bytes, or broke off"))
        })?;
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(Problem::new(
                ProblemType::JsonExpected,
                "a change is sent as application/json; set the header Content-Type",
            ));
        }
        let text = if bytes.is_empty() { "{}".as_bytes() } else { &bytes[..] };
        let body = serde_json::from_slice(text).map_err(|error| {
            Problem::new(
                ProblemType::MalformedBody,
                format_args!("the JSON cannot be read: {}", shorten(&error.to_string())),
            )
        })?;
        let text_of = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let request =
            format!("{} {} {}", parts.uri.path(), parts.uri.query().unwrap_or_default(), vision::Sha256::of(text));
        let account = parts.extensions.get::<Identity>().and_then(Identity::account).map(str::to_owned);
        let origin = Origin { account, reviewer: reviewer_of(&parts), key: text_of("idempotency-key"), request };
        Ok(Self { body, origin })
    }
}

fn reviewer_of(parts: &Parts) -> Option<String> {
    let header = parts.headers.get("x-reviewer").and_then(|value| value.to_str().ok());
    header.map(str::to_owned)
}

impl Origin {
    /// Who asks: the account, where there is one; else named in the body, in the query or in `X-Reviewer`, else `anonymous`.
    pub(crate) fn reviewer(&self, named: Option<&str>) -> String {
        self.account.as_deref().or(named).or(self.reviewer.as_deref()).unwrap_or(ANONYMOUS).to_owned()
    }

    /// The name of this request, of that reviewer.
    pub(crate) fn key(&self, reviewer: &str) -> Result<Option<Key>, Problem> {
        let key = self.key.as_deref().map(|key| Key::new(key, format!("{reviewer} {}", self.request)));
        Ok(key.transpose()?)
    }
}

impl Origin {
    /// The name of this request, of that organisation: what others name theirs is not seen by it.
    pub(crate) fn key_within(&self, organisation: &str) -> Result<Option<Key>, Problem> {
        let key = self.key.as_deref().map(|key| Key::new(&format!("{organisation}/{key}"), self.request.as_str()));
        Ok(key.transpose()?)
    }

    /// The name of this request, as the client gave it.
    pub(crate) fn key_text(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// A query string whose every key is known.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(ProblemType::BadParameter, shorten(&rejection.body_text()))),
        }
    }
}

/// A value of a query string, or a problem that names it.
pub(crate) fn parse<T: std::str::FromStr>(
    name: &str,
    value: Option<&str>,
    allowed: &str,
) -> Result<Option<T>, Problem> {
    value.map(|text| text.parse().map_err(|_| Problem::parameter(name, text, allowed))).transpose()
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
