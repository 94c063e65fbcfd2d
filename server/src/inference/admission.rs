//! Who may come in: no is said early, before a photo is read, and again when it would have to wait too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::JobQueue;
use super::job::{Answer, Job, JobError, JobRequest};
use super::queue::PushError;
use crate::config::ServerConfig;

/// Bounds of the advice in `Retry-After`, in seconds.
const RETRY_AFTER: (u64, u64) = (1, 60);

/// The way to the workers.
#[derive(Debug)]
pub(crate) struct Inference {
    queue: Arc<JobQueue>,
    workers: usize,
    timeout: Duration,
    /// Moving average of a photo's time at a worker, in microseconds.
    pace: Arc<AtomicU64>,
}

/// Why a request gets no answer from the workers.
#[derive(Debug)]
pub(crate) enum Refused {
    /// As many photos wait as may.
    Full {
        /// When it may be worth trying again.
        retry_after_seconds: u64,
    },
    /// The server is stopping.
    Stopping,
    /// The answer took too long.
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// A worker tried.
    Failed(JobError),
}

impl Inference {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            queue: Arc::new(JobQueue::new(config.queue.get())),
            workers: config.workers.get(),
            timeout: config.timeouts.request,
            pace: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(crate) fn queue(&self) -> &Arc<JobQueue> {
        &self.queue
    }

    pub(crate) fn pace(&self) -> &Arc<AtomicU64> {
        &self.pace
    }

    /// Asked before the body is read, so that an overloaded server does not receive photos it will not look at.
    pub(crate) fn admit(&self) -> Result<(), Refused> {
        if self.queue.is_full() { Err(self.full()) } else { Ok(()) }
    }

    /// Hands a photo to the workers and waits. When the caller goes away, so does its place in the queue.
    pub(crate) async fn answer(&self, request: JobRequest) -> Result<Answer, Refused> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(Job { request, enqueued: Instant::now(), reply }).map_err(|error| match error {
            PushError::Full(_) => self.full(),
            PushError::Closed(_) => Refused::Stopping,
        })?;
        match tokio::time::timeout(self.timeout, answer).await {
            Err(_) => Err(Refused::TimedOut { after: self.timeout }),
            // The queue was cleared at the end of the drain.
            Ok(Err(_)) => Err(Refused::Stopping),
            Ok(Ok(Err(error))) => Err(Refused::Failed(error)),
            Ok(Ok(Ok(answer))) => Ok(answer),
        }
    }

    fn full(&self) -> Refused {
        let pace = Duration::from_micros(self.pace.load(Ordering::Relaxed));
        let wait = pace.mul_f64(self.queue.capacity() as f64 / self.workers as f64);
        Refused::Full { retry_after_seconds: (wait.as_secs_f64().ceil() as u64).clamp(RETRY_AFTER.0, RETRY_AFTER.1) }
    }
}

/// Folds one photo's time into the average: an eighth of the difference at a time.
pub(super) fn record_pace(pace: &AtomicU64, took: Duration) {
    let took = took.as_micros() as u64;
    let old = pace.load(Ordering::Relaxed);
    let new = if old == 0 { took } else { old - old / 8 + took / 8 };
    // A lost update between two workers changes an estimate a little.
    pace.store(new.max(1), Ordering::Relaxed);
}
