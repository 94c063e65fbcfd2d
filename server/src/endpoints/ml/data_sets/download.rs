//! `GET /datasets/{id}/download`: the CSV of a data set, whole or from a byte on.

use std::io::Read;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use platform::data_sets::Content;

use super::super::problem;
use crate::access::Identity;
use crate::app::App;
use crate::problem::{Problem, ProblemBody};

/// Bytes of a piece.
const PIECE: u64 = 128 << 10;

/// Download a data set
///
/// The CSV in UTF-8, delimiter `,`. `ETag` is its SHA-256. `Range: bytes=N-` takes up a download that broke off.
#[utoipa::path(
    get,
    path = "/datasets/{dataset}/download",
    tag = "tables",
    params(("dataset" = String, Path, description = "Id of the data set")),
    responses(
        (status = 200, description = "The CSV", body = String, content_type = "text/csv"),
        (status = 206, description = "The CSV from a byte on", body = String, content_type = "text/csv"),
        (status = 401, description = "No key, or none that holds", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such data set", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(dataset): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (set, content) = app.platform.content(&identity.organisation, &dataset).await.map_err(problem::of_platform)?;
    let from = headers.get(header::RANGE).and_then(|range| first_byte(range.to_str().ok()?));
    // A range that begins behind the end is none: the whole is sent, and the client sees it by the status.
    let from = from.filter(|from| *from > 0 && *from < set.bytes);
    let start = from.unwrap_or(0);
    let about = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_LENGTH, (set.bytes - start).to_string()),
        (header::ETAG, format!("\"{}\"", set.sha256)),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", set.id)),
    ];
    let body = Body::from_stream(pieces(content, start));
    Ok(match from {
        None => (StatusCode::OK, about, body).into_response(),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", set.bytes - 1, set.bytes);
            (StatusCode::PARTIAL_CONTENT, about, [(header::CONTENT_RANGE, range)], body).into_response()
        }
    })
}

/// The N of `bytes=N-`; other ranges are not cut out, and the whole is an answer to them, too.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// The content from a byte on. It is read where threads may wait, a piece ahead of nobody.
fn pieces(content: Content, start: u64) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    struct Open {
        reader: Box<dyn Read + Send>,
        // A file behind the reader is there as long as this is.
        _content: Content,
    }
    enum State {
        Begin(Content, u64),
        Go(Open),
    }
    stream::try_unfold(State::Begin(content, start), |state| async move {
        let work = move || -> std::io::Result<Option<(Bytes, State)>> {
            let mut open = match state {
                State::Go(open) => open,
                State::Begin(content, start) => {
                    let mut reader = content.reader().map_err(std::io::Error::other)?;
                    std::io::copy(&mut (&mut reader).take(start), &mut std::io::sink())?;
                    Open { reader, _content: content }
                }
            };
            let mut piece = Vec::new();
            (&mut open.reader).take(PIECE).read_to_end(&mut piece)?;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), State::Go(open))))
        };
        tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
    })
}

#[cfg(test)]
mod tests {
    use super::first_byte;

    #[test]
    fn only_open_ranges_are_cut() {
        for (range, expected) in [
            ("bytes=5-", Some(5)),
            ("bytes=0-", Some(0)),
            ("bytes=5-9", None),
            ("bytes=-5", None),
            ("bytes=1-,3-", None),
            ("lines=1-", None),
            ("bytes=99999999999999999999-", None),
        ] {
            assert_eq!(first_byte(range), expected, "{range}");
        }
    }
}
