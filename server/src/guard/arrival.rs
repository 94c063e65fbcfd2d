//! A request's body that must come in time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clients::Presence;
use crate::problem::{Problem, ProblemType};

/// How long a body that is still arriving is waited for once the server was told to stop: it was not accepted yet.
const WHEN_STOPPING: Duration = Duration::from_secs(2);

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Between two pieces.
    pub(super) idle: Duration,
    /// For all of it.
    pub(super) whole: Duration,
}

/// Why a body was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Late {
    #[error("no byte of the body came for {} s; send the body in one go", .0.as_secs_f64())]
    Stalled(Duration),
    #[error("the body was not complete after {} s; send less or use a faster connection", .0.as_secs_f64())]
    TooSlow(Duration),
    #[error("the server is stopping, and the body had not arrived")]
    Stopping,
}

impl Late {
    pub(super) fn problem(self) -> Problem {
        match self {
            Self::Stalled(_) | Self::TooSlow(_) => Problem::new(ProblemType::UploadTooSlow, self),
            Self::Stopping => Problem::new(ProblemType::Stopping, self).retry_after(5),
        }
    }
}

/// A body under the clock, which runs while somebody wants more of it than there is: a handler that reads on later has not
/// been kept waiting.
pub(super) struct Arriving {
    inner: Body,
    patience: Patience,
    /// Time spent waiting for pieces that came.
    waited: Duration,
    /// Since when the next one is waited for.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    stop: watch::Receiver<bool>,
    stopping: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    presence: Option<Arc<Presence>>,
    late: Arc<OnceLock<Late>>,
}

impl Arriving {
    /// The body, and the place where it says why it was given up.
    pub(super) fn new(
        inner: Body,
        patience: Patience,
        presence: Option<Arc<Presence>>,
        stop: watch::Receiver<bool>,
    ) -> (Self, Arc<OnceLock<Late>>) {
        let late = Arc::<OnceLock<Late>>::default();
        let said = Arc::clone(&late);
        let body = Self {
            inner,
            patience,
            waited: Duration::ZERO,
            since: None,
            timer: None,
            stop,
            stopping: None,
            presence,
            late,
        };
        (body, said)
    }

    /// Whether the body has been waited for long enough.
    fn is_late(&mut self, cx: &mut Context<'_>) -> Option<Late> {
        let Patience { idle, whole } = self.patience;
        let left = whole.saturating_sub(self.waited);
        let deadline = *self.since.get_or_insert_with(Instant::now) + idle.min(left);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        if timer.as_mut().poll(cx).is_ready() {
            let whole = left <= idle;
            return Some(if whole { Late::TooSlow(self.patience.whole) } else { Late::Stalled(self.patience.idle) });
        }
        let mut stop = self.stop.clone();
        let stopping = self.stopping.get_or_insert_with(|| {
            Box::pin(async move {
                // The sender lives as long as the server.
                drop(stop.wait_for(|stop| *stop).await);
                tokio::time::sleep(WHEN_STOPPING).await;
            })
        });
        stopping.as_mut().poll(cx).is_ready().then_some(Late::Stopping)
    }

    fn arrived(&self) {
        if let Some(presence) = &self.presence {
            presence.request_arrived();
        }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Some(since) = self.since.take() {
                    self.waited += since.elapsed();
                }
                if frame.is_none() || self.inner.is_end_stream() {
                    self.arrived();
                }
                Poll::Ready(frame)
            }
            Poll::Pending => match self.is_late(cx) {
                None => Poll::Pending,
                Some(late) => {
                    let late = *self.late.get_or_init(|| late);
                    Poll::Ready(Some(Err(axum::Error::new(late))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
