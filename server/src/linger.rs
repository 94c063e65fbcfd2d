//! Reads on after an answer was given early, so that the answer arrives.
//!
//! When a server closes a connection whose client is still sending, the kernel resets it, and the client may lose the
//! answer ("connection reset" instead of "413, at most 20 MiB"). So a body nobody read to its end is read and thrown
//! away for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Longest time spent on it.
const MAX_TIME: Duration = Duration::from_secs(3);
/// Maximum number of bytes thrown away.
const MAX_BYTES: usize = 64 << 20;

/// A request's body that is read on when it is dropped early.
pub(crate) struct LingeringBody {
    inner: Option<Body>,
    /// The client waits for "100 Continue" before it sends, and nobody has asked for the body yet.
    held_back: bool,
}

impl LingeringBody {
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Self {
        let held_back =
            headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self { inner: Some(body), held_back }
    }
}

impl HttpBody for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.held_back = false;
        let Some(body) = &mut self.inner else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        let Some(body) = self.inner.take().filter(|body| !self.held_back && !body.is_end_stream()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(MAX_TIME, discard(body)));
        }
    }
}

async fn discard(body: Body) {
    let mut stream = body.into_data_stream();
    let mut seen = 0;
    while let Some(Ok(piece)) = stream.next().await {
        seen += piece.len();
        if seen > MAX_BYTES {
            return;
        }
    }
}
