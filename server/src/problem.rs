//! Every error a client can see, as RFC 9457 `application/problem+json`.
//!
//! [`ProblemType::row`] (in `table`) is the one table that decides status codes. Handlers return a [`Problem`]; `observe` turns it
//! into a body, because only there the request's id is at hand.

mod convert;
mod table;

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_id;

/// Content type of problems.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What kind of thing went wrong. `/problems/<slug>` explains it to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table says what each means")]
pub enum ProblemType {
    MissingImage,
    MalformedBody,
    UndecodableImage,
    Unauthorized,
    CrossSite,
    Forbidden,
    NotFound,
    UnknownItem,
    UnknownModel,
    UnknownDataSet,
    UnknownJob,
    UnknownTest,
    UnknownKey,
    MethodNotAllowed,
    UploadTooSlow,
    Claimed,
    AlreadyLabelled,
    SecondLook,
    PhotoChanged,
    NothingToUndo,
    CodeTaken,
    NameTaken,
    VersionTaken,
    WrongStatus,
    GatesNotPassed,
    NothingBefore,
    QuotaReached,
    JobStatus,
    BodyTooLarge,
    ImageTooLarge,
    TableTooLarge,
    UnsupportedContentType,
    UnsupportedImage,
    UnsupportedTable,
    JsonExpected,
    UnknownHost,
    BadParameter,
    KeyReused,
    UnreadableTable,
    UnfitTable,
    UnfitModel,
    TooManyRequests,
    BadRequest,
    InternalError,
    NotReady,
    ModelsUnavailable,
    Overloaded,
    Stopping,
    ReviewUnavailable,
    StoreUnavailable,
    TookTooLong,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Last part of the `type`.
    pub slug: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// Short, the same for every occurrence.
    pub title: &'static str,
    /// For the page: what it means and what to do.
    pub meaning: &'static str,
}

impl ProblemType {
    /// All of them, in the order of their status.
    pub const ALL: [Self; 51] = [
        Self::MissingImage,
        Self::MalformedBody,
        Self::UndecodableImage,
        Self::BadRequest,
        Self::Unauthorized,
        Self::CrossSite,
        Self::Forbidden,
        Self::NotFound,
        Self::UnknownItem,
        Self::UnknownModel,
        Self::UnknownDataSet,
        Self::UnknownJob,
        Self::UnknownTest,
        Self::UnknownKey,
        Self::MethodNotAllowed,
        Self::UploadTooSlow,
        Self::Claimed,
        Self::AlreadyLabelled,
        Self::SecondLook,
        Self::PhotoChanged,
        Self::NothingToUndo,
        Self::CodeTaken,
        Self::NameTaken,
        Self::VersionTaken,
        Self::WrongStatus,
        Self::GatesNotPassed,
        Self::NothingBefore,
        Self::QuotaReached,
        Self::JobStatus,
        Self::BodyTooLarge,
        Self::ImageTooLarge,
        Self::TableTooLarge,
        Self::UnsupportedContentType,
        Self::UnsupportedImage,
        Self::UnsupportedTable,
        Self::JsonExpected,
        Self::UnknownHost,
        Self::BadParameter,
        Self::KeyReused,
        Self::UnreadableTable,
        Self::UnfitTable,
        Self::UnfitModel,
        Self::TooManyRequests,
        Self::InternalError,
        Self::NotReady,
        Self::ModelsUnavailable,
        Self::Overloaded,
        Self::Stopping,
        Self::ReviewUnavailable,
        Self::StoreUnavailable,
        Self::TookTooLong,
    ];

    /// Stable URI of the type, relative to the server.
    #[must_use]
    pub fn uri(self) -> String {
        format!("/problems/{}", self.row().slug)
    }
}

/// One occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemType,
    detail: String,
    retry_after_seconds: Option<u64>,
    parameter: Option<BadParameter>,
}

/// Which parameter was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BadParameter {
    name: String,
    value: Option<String>,
    allowed: Option<String>,
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Stable; opens a page that explains it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/bad-parameter")]
    pub kind: String,
    /// The same for every occurrence.
    #[schema(example = "A parameter has a value it may not have")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Cause and remedy of this occurrence.
    #[schema(example = "conf is \"1.5\", but it must be a number within 0 and 1")]
    pub detail: String,
    /// The path that was asked.
    #[schema(example = "/v2/recognize")]
    pub instance: String,
    /// Also in the header `x-request-id` and in the log.
    pub request_id: String,
    /// When to try again; also in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// Which parameter was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

impl Problem {
    /// `detail` names cause and remedy, and nothing of the server's inside.
    #[must_use]
    pub fn new(kind: ProblemType, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string(), retry_after_seconds: None, parameter: None }
    }

    /// Tells the client when to come again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// For a status that something else decided (an unknown path, a wrong method).
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ProblemType::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ProblemType::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ProblemType::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemType::UnsupportedContentType,
            status if status.is_client_error() => ProblemType::BadRequest,
            _ => ProblemType::InternalError,
        };
        Self::new(kind, kind.row().meaning)
    }

    /// Which kind.
    #[must_use]
    pub fn kind(&self) -> ProblemType {
        self.kind
    }

    /// Cause and remedy.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// As it is sent.
    #[must_use]
    pub fn body(&self, instance: &str, request_id: &str) -> ProblemBody {
        let Row { status, title, .. } = self.kind.row();
        let parameter = self.parameter.clone();
        ProblemBody {
            kind: self.kind.uri(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
            retry_after_seconds: self.retry_after_seconds,
            parameter: parameter.as_ref().map(|p| p.name.clone()),
            value: parameter.as_ref().and_then(|p| p.value.clone()),
            allowed: parameter.and_then(|p| p.allowed),
        }
    }
}

impl Problem {
    /// As an answer of JSON, where no layer writes it out.
    pub(crate) fn written(&self, instance: &str, request_id: &str) -> Response {
        let mut response = Json(self.body(instance, request_id)).into_response();
        *response.status_mut() = self.kind.row().status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(request_id::HEADER, id);
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Status, headers, and the problem itself for `observe` to write out.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.row().status.into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_is_listed_once_under_its_own_name() {
        let slugs: BTreeSet<_> = ProblemType::ALL.iter().map(|kind| kind.row().slug).collect();
        assert_eq!(slugs.len(), ProblemType::ALL.len());
        for kind in ProblemType::ALL {
            let row = kind.row();
            assert!(row.status.is_client_error() || row.status.is_server_error(), "{kind:?}");
            assert!(row.slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", row.slug);
            assert!(!row.title.is_empty() && row.meaning.ends_with(['.', '"']), "{kind:?}");
        }
        let by_status: Vec<_> = ProblemType::ALL.iter().map(|kind| kind.row().status).collect();
        assert!(by_status.is_sorted(), "the page lists them by status");
    }
}
