//! A body that is refused as soon as it is too large. Whether it comes in time is for `guard` to say.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::StreamExt;

use super::{Reservation, UploadError};
use crate::config::ServerConfig;

/// Pieces of a request's body. Limits hold while it streams, whatever `Content-Length` says or does not say.
pub(super) struct LimitedBody {
    stream: BodyDataStream,
    reservation: Reservation,
    received: usize,
    limit: usize,
    announced: Option<usize>,
}

impl LimitedBody {
    /// Refuses at once what announces itself as too large.
    pub(super) fn new(
        body: Body,
        headers: &HeaderMap,
        config: &ServerConfig,
        reservation: Reservation,
    ) -> Result<Self, UploadError> {
        let limit = config.max_body_bytes;
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(UploadError::TooLarge { limit });
        }
        Ok(Self { stream: body.into_data_stream(), reservation, received: 0, limit, announced })
    }

    /// Length the client announced, within the limit.
    pub(super) fn announced(&self) -> Option<usize> {
        self.announced
    }

    /// The next piece; `None` at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, UploadError> {
        let Some(piece) = self.stream.next().await else { return Ok(None) };
        let piece = piece.map_err(|_| UploadError::Broken)?;
        self.received += piece.len();
        if self.received > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        if !self.reservation.grow(piece.len()) {
            return Err(UploadError::Busy);
        }
        Ok(Some(piece))
    }
}
