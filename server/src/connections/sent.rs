//! The body of an answer, which tells its connection what becomes of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::clients::{Memory, Presence};

/// An answer on its way into the connection.
pub(super) struct Sent {
    inner: Body,
    presence: Arc<Presence>,
    memory: Memory,
}

impl Sent {
    pub(super) fn new(inner: Body, presence: Arc<Presence>, memory: Memory) -> Self {
        Self { inner, presence, memory }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(piece) = frame.data_ref()
        {
            let memory = self.memory.take();
            self.presence.piece(piece.len(), memory);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The connection has all of it, or wants no more.
impl Drop for Sent {
    fn drop(&mut self) {
        self.presence.answer_ended();
    }
}
