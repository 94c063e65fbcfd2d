//! Who may come in: no is said early, before a photo is read, and again when it would have to wait too long.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use review::Cut;
use tokio::sync::oneshot;
use vision::{BBox, Cancel};

use super::JobQueue;
use super::job::{Answer, Classified, Job, JobError, JobRequest, Work};
use super::latency::LatencyAverage;
use super::queue::PushError;
use super::shadow::Shadows;
use crate::config::ServerConfig;
use crate::served::Served;

/// Bounds of the advice in `Retry-After`, in seconds.
const RETRY_AFTER: (u64, u64) = (1, 60);

/// Of the time until its deadline, the part that a photo may be expected to take: expectations are wrong now and then.
const SAFE: f64 = 0.8;

/// How long a photo of a batch may take.
const PATIENT: Duration = Duration::from_secs(600);
/// How often it looks for a place.
const PLACE: Duration = Duration::from_millis(20);

/// The way to the workers.
#[derive(Debug)]
pub(crate) struct Inference {
    queue: Arc<JobQueue>,
    workers: usize,
    timeout: Duration,
    latency: Arc<LatencyAverage>,
    shadows: Arc<Shadows>,
}

/// Why a request gets no answer from the workers.
#[derive(Debug)]
pub(crate) enum Refused {
    /// As many photos wait as may.
    Full {
        /// When it may be worth trying again.
        retry_after_seconds: u64,
    },
    /// There would be no answer in time.
    TooLate {
        /// How long an answer would take, as things are.
        expected: Duration,
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

/// Who asks, and how long an answer is of use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// Clients take turns by address.
    pub(crate) client: IpAddr,
    /// From the last byte of the photo to its answer; the server's own limit when that is shorter.
    pub(crate) patience: Option<Duration>,
    /// Of a batch: waits for a place, and until nobody else waits.
    pub(crate) patient: bool,
}

/// Says that its caller is gone when it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Inference {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            queue: Arc::new(JobQueue::new(config.queue.get())),
            workers: config.workers.get(),
            timeout: config.timeouts.request,
            latency: Arc::default(),
            shadows: Arc::default(),
        }
    }

    pub(crate) fn queue(&self) -> &Arc<JobQueue> {
        &self.queue
    }

    /// What is looked at again when nobody waits.
    pub(crate) fn shadows(&self) -> &Arc<Shadows> {
        &self.shadows
    }

    pub(crate) fn latency(&self) -> &Arc<LatencyAverage> {
        &self.latency
    }

    /// Asked before the body is read, so that an overloaded server does not receive photos it will not look at.
    pub(crate) fn admit(&self, caller: Caller) -> Result<(), Refused> {
        if self.queue.is_full(caller.client) {
            return Err(self.full());
        }
        self.in_time(caller.client, self.patience(caller))
    }

    fn patience(&self, caller: Caller) -> Duration {
        if caller.patient {
            return PATIENT;
        }
        caller.patience.map_or(self.timeout, |patience| patience.min(self.timeout))
    }

    /// Whether there would be an answer in time, by what photos take and how many are before this one when clients take turns.
    /// Who finds a free worker is always let in: nothing else would ever correct the estimate.
    fn in_time(&self, client: IpAddr, patience: Duration) -> Result<(), Refused> {
        let load = self.queue.load(client);
        if load.waiting == 0 && load.busy < self.workers {
            return Ok(());
        }
        let (each, ahead) = (self.latency.mean(), load.ahead + load.busy);
        let expected = each.mul_f64(ahead as f64 / self.workers as f64) + self.latency.upper_bound();
        let allowed = patience.mul_f64(SAFE);
        if expected <= allowed {
            return Ok(());
        }
        let retry_after_seconds = seconds(expected - allowed);
        Err(Refused::TooLate { expected, retry_after_seconds })
    }

    /// Hands a photo to the workers and waits. When the caller goes away, so does its place in the queue, and its work ends at
    /// the next step.
    pub(crate) async fn answer(&self, caller: Caller, request: JobRequest) -> Result<Answer, Refused> {
        self.wait(caller, |reply| Work::Photo { request: Box::new(request), reply }).await
    }

    /// Has a worker say what crops show.
    pub(crate) async fn classify(
        &self,
        caller: Caller,
        (served, images): (Arc<Served>, Vec<Bytes>),
        top_k: usize,
    ) -> Result<Classified, Refused> {
        self.wait(caller, |reply| Work::Crops { served, images, top_k, reply }).await
    }

    /// Has a worker cut a box out of a photo and embed it: as much work as a small photo, and admitted like one.
    pub(crate) async fn cut(&self, caller: Caller, photo: Bytes, bbox: BBox) -> Result<Cut, Refused> {
        self.admit(caller)?;
        self.wait(caller, |reply| Work::Cut { photo, bbox, reply }).await
    }

    async fn wait<T>(
        &self,
        caller: Caller,
        work: impl FnOnce(oneshot::Sender<Result<T, JobError>>) -> Work,
    ) -> Result<T, Refused> {
        let patience = self.patience(caller);
        if !caller.patient {
            self.in_time(caller.client, patience)?;
        }
        let (reply, answer) = oneshot::channel();
        let (enqueued, gone) = (Instant::now(), Arc::<AtomicBool>::default());
        let waiting = Waiting(Arc::clone(&gone));
        let cancel = Cancel::new(gone, enqueued + patience);
        let Caller { client, patient, .. } = caller;
        let mut job = Job { client, enqueued, patient, deadline: enqueued + patience, cancel, work: work(reply) };
        self.shadows.interrupt();
        while let Err(error) = self.queue.push(job) {
            match error {
                PushError::Full(back) if patient && enqueued.elapsed() < patience => job = back,
                PushError::Full(_) => return Err(self.full()),
                PushError::Closed(_) => return Err(Refused::Stopping),
            }
            tokio::time::sleep(PLACE).await;
        }
        let outcome = tokio::time::timeout(patience, answer).await;
        drop(waiting);
        match outcome {
            Err(_) | Ok(Ok(Err(JobError::Cancelled))) => Err(Refused::TimedOut { after: patience }),
            // The queue was cleared at the end of the drain.
            Ok(Err(_)) => Err(Refused::Stopping),
            Ok(Ok(Err(JobError::TooLate))) => {
                let expected = self.latency.upper_bound();
                Err(Refused::TooLate { expected, retry_after_seconds: seconds(expected) })
            }
            Ok(Ok(Err(error))) => Err(Refused::Failed(error)),
            Ok(Ok(Ok(answer))) => Ok(answer),
        }
    }

    fn full(&self) -> Refused {
        let wait = self.latency.mean().mul_f64(self.queue.capacity() as f64 / self.workers as f64);
        Refused::Full { retry_after_seconds: seconds(wait) }
    }
}

fn seconds(wait: Duration) -> u64 {
    (wait.as_secs_f64().ceil() as u64).clamp(RETRY_AFTER.0, RETRY_AFTER.1)
}
