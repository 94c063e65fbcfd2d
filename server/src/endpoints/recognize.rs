//! `POST /v2/recognize`: a photo in, facings and counts out.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use review::{Prepared, Source};
use utoipa::ToSchema;

use crate::app::App;
use crate::beside::Chosen;
use crate::clients::Peer;
use crate::inference::{AnswerBody, AnswerFormat, Caller, JobRequest, Refused};
use crate::predictions::Occasion;
use crate::problem::{Problem, ProblemBody};
use crate::request_id::RequestId;
use crate::served::Served;
use crate::upload;
use crate::wire::answer::RecognizeAnswer;
use crate::wire::parameters::{GalleryChoice, RecognizeQuery};

/// How long the client can use an answer, in milliseconds.
const TIMEOUT: &str = "x-timeout-ms";
/// Which store a photo was taken in.
const STORE: &str = "x-store";
const MAX_STORE: usize = 64;
/// A day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// A file's bytes.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes bodies in the OpenAPI document")]
pub(crate) struct File(Vec<u8>);

/// The form that sends a photo.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body in the OpenAPI document")]
pub(crate) struct RecognizeForm {
    /// The file: JPEG, PNG or WebP.
    pub(crate) image: File,
}

/// The JSON that sends a photo.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body in the OpenAPI document")]
pub(crate) struct RecognizeJson {
    /// The file as base64, or as a data URL with base64.
    #[schema(example = "/9j/4AAQSkZJRg...")]
    pub(crate) image: String,
}

/// Recognise the containers on one photo
///
/// Finds bottles, cans and glasses, identifies each against the gallery, and counts them. Also mounted at
/// `/api/v1/ai/v2/recognize`. With `Accept: image/jpeg` the answer is the photo with boxes and names.
#[utoipa::path(
    post,
    path = "/v2/recognize",
    tag = "recognition",
    params(
        RecognizeQuery,
        ("x-timeout-ms" = Option<u64>, Header, description = "How long an answer is of use, from the last byte of the photo: then the work ends, and where it cannot be done in time it is refused at once"),
        ("x-store" = Option<String>, Header, description = "Name of the store the photo was taken in, as the parameter `store`: no store fills the review queue alone"),
    ),
    request_body(
        description = "The photo, sent in one of these ways; its format is recognised by its content.",
        content(
            (RecognizeForm = "multipart/form-data"),
            (File = "image/jpeg"),
            (File = "image/png"),
            (File = "image/webp"),
            (File = "application/octet-stream"),
            (RecognizeJson = "application/json"),
        )
    ),
    responses(
        (status = 200, description = "What was found", content((RecognizeAnswer = "application/json"), (File = "image/jpeg"))),
        (status = 400, description = "No photo, or one that cannot be decoded", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "The photo did not arrive in time", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many bytes or pixels", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not a photo, or not sent as one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter has a value it may not have", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "The server failed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not ready, or too much to do: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "The answer took too long", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn recognize(
    State(app): State<Arc<App>>,
    (Extension(id), Extension(peer)): (Extension<RequestId>, Extension<Peer>),
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let query = RecognizeQuery::parse(&pairs)?;
    choose(&query, &*current(&app)?)?;
    let caller = Caller { client: peer.address(), patience: patience(&headers)?, patient: false };
    app.inference.admit(caller).inspect_err(|refused| count(&app, refused))?;

    let upload = upload::receive(&headers, body, &app.config, &app.budget).await.inspect_err(|error| {
        app.metrics.rejected(if matches!(error, upload::UploadError::Busy) { "memory" } else { "bad_upload" });
    })?;
    app.metrics.photo_received(upload.photo.len());
    // Now it is accepted. Asked once more: who sends slowly holds no release that was replaced meanwhile.
    let occasion = occasion(&query, &headers)?;
    let Chosen { served, arm } = chosen(&app, &query, occasion.store.as_deref(), id.as_str())?;
    let gallery = choose(&query, &served)?;
    let format = if prefers_jpeg(&headers) {
        AnswerFormat::Jpeg
    } else {
        AnswerFormat::Json {
            annotate: query.annotate.unwrap_or(false),
            embeddings: query.return_embeddings.unwrap_or(served.options.keep_embeddings),
        }
    };
    let source = Source::new(peer.address(), occasion.store.as_deref());
    let options = query.over(&served.options);
    let request = JobRequest { id, upload, served, arm, options, gallery, format, occasion, source };
    let answer = app.inference.answer(caller, request).await.inspect_err(|refused| count(&app, refused))?;

    let body = finish(&app, answer.body, answer.review).await?;
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response.extensions_mut().insert(answer.summary);
    Ok(response)
}

fn current(app: &App) -> Result<Arc<Served>, Problem> {
    Ok(app.models.current().inspect_err(|_| app.metrics.rejected("not_ready"))?)
}

/// What answers: while a test runs, always the same release for a user, or for a store where no user is named.
pub(super) fn chosen(app: &App, query: &RecognizeQuery, store: Option<&str>, request: &str) -> Result<Chosen, Problem> {
    // Nothing is tried on the example, which has a gallery of its own.
    if query.gallery == Some(GalleryChoice::Example) {
        return Ok(Chosen { served: current(app)?, arm: None });
    }
    let unit = query.user_id.as_deref().or(store).unwrap_or(request);
    Ok(app.models.choose(unit).inspect_err(|_| app.metrics.rejected("not_ready"))?)
}

/// Writes into the review queue what goes there, and gives the answer, which says so, encoded.
pub(super) async fn finish(app: &App, mut body: AnswerBody, review: Option<Box<Prepared>>) -> Result<Bytes, Problem> {
    if let Some(prepared) = review {
        let written = prepared.write().await;
        if let AnswerBody::Open(answer) = &mut body {
            answer.put_aside(&written);
        }
        app.metrics.review_queued(&written);
    }
    match body {
        AnswerBody::Encoded(bytes) => Ok(bytes),
        // Thousands of numbers as text: no work for an async thread.
        AnswerBody::Open(answer) => {
            tokio::task::spawn_blocking(move || answer.encode()).await.map_err(|_| Problem::internal())
        }
    }
}

/// The gallery that is asked for, of a release that does all that is asked.
pub(super) fn choose(query: &RecognizeQuery, served: &Served) -> Result<GalleryChoice, Problem> {
    let recognizer = served.recognizer();
    query.within(&recognizer.settings().requests, recognizer.detector().input_pixels())?;
    let gallery = query.gallery.unwrap_or_default();
    if gallery == GalleryChoice::Example && served.example.is_none() {
        return Err(Problem::parameter("gallery", "example", "served: this server offers no example"));
    }
    Ok(gallery)
}

fn count(app: &App, refused: &Refused) {
    match refused {
        Refused::Full { .. } => app.metrics.rejected("queue_full"),
        Refused::TooLate { .. } => app.metrics.rejected("too_late"),
        Refused::Stopping => app.metrics.rejected("stopping"),
        Refused::TimedOut { .. } => app.metrics.recognition("timeout"),
        // Counted by the worker.
        Refused::Failed(_) => {}
    }
}

/// Where and when the photo was taken: the header and the parameter of the store say the same, if both say anything.
fn occasion(query: &RecognizeQuery, headers: &HeaderMap) -> Result<Occasion, Problem> {
    let header = store(headers)?;
    match (header, &query.store) {
        (Some(header), Some(store)) if header != store => {
            Err(Problem::parameter("store", store, "the same as in the header x-store, or left out"))
        }
        _ => Ok(Occasion::of(query, header)),
    }
}

/// Which store the photo was taken in, where the client says so: `x-store`.
fn store(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(STORE) else { return Ok(None) };
    let wrong =
        || Problem::parameter(STORE, &String::from_utf8_lossy(value.as_bytes()), "1 to 64 visible characters of ASCII");
    let text = value.to_str().map_err(|_| wrong())?;
    if (1..=MAX_STORE).contains(&text.len()) { Ok(Some(text)) } else { Err(wrong()) }
}

/// How long the client can use an answer: `x-timeout-ms`.
pub(super) fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.parse() {
        Ok(milliseconds @ 1..=MAX_TIMEOUT_MS) => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(Problem::parameter(TIMEOUT, &text, "a whole number of milliseconds within 1 and 86400000")),
    }
}

/// Whether `Accept` ranks a JPEG above JSON. When it does not say, the answer is JSON.
fn prefers_jpeg(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    quality(accept, "image/jpeg") > quality(accept, "application/json")
}

/// Weight of a media type in `Accept` (RFC 9110, 12.5.1): that of the most specific range that covers it.
fn quality(accept: &str, media_type: &str) -> f32 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specificity = match name.as_str() {
            "*/*" => 1,
            name if name.strip_suffix("/*") == Some(kind) => 2,
            name if name == media_type => 3,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        if specificity > best.0 {
            best = (specificity, weight);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_sent_only_when_it_is_asked_for() {
        let check = |accept: &'static str, jpeg: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_jpeg(&headers), jpeg, "{accept}");
        };
        check("image/jpeg", true);
        check("IMAGE/JPEG", true);
        check("image/*", true);
        check("image/jpeg, application/json;q=0.5", true);
        check("image/jpeg;q=0.5, application/json", false);
        check("application/json, image/jpeg;q=0.9", false);
        check("*/*", false);
        check("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", false);
        check("image/png", false);
        check("", false);
        assert!(!prefers_jpeg(&HeaderMap::new()));
    }
}
