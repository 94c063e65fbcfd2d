//! What one connection is waiting for, known to all who must decide about it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::upload::Reservation;

/// Shared by the socket, the request's body, the answer's body and the list of connections.
#[derive(Debug)]
pub(crate) struct Presence {
    opened: Instant,
    /// When the server began to wait for the client, in milliseconds since `opened` and one more; 0 while the client waits.
    waits_since: AtomicU64,
    /// A request is with its handler.
    working: AtomicBool,
    /// All of that request has arrived.
    whole: AtomicBool,
    /// Interim answers are understood (HTTP/1.1).
    interim: AtomicBool,
    /// An answer's body has not been handed to the connection to its end.
    answering: AtomicBool,
    /// Bytes of answers that the kernel has not taken yet.
    unsent: AtomicUsize,
    /// Memory accounted for them.
    held: Mutex<Vec<Reservation>>,
}

impl Presence {
    pub(crate) fn new() -> Self {
        Self {
            opened: Instant::now(),
            waits_since: AtomicU64::new(1),
            working: AtomicBool::new(false),
            whole: AtomicBool::new(false),
            interim: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            unsent: AtomicUsize::new(0),
            held: Mutex::default(),
        }
    }

    fn wait(&self) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        self.waits_since.store(since, Ordering::Release);
    }

    /// The head of a request came; `whole` when it has no body.
    pub(crate) fn request_began(&self, interim: bool, whole: bool) {
        self.interim.store(interim, Ordering::Release);
        self.whole.store(false, Ordering::Release);
        self.working.store(true, Ordering::Release);
        self.wait();
        if whole {
            self.request_arrived();
        }
    }

    /// The last byte of the request came: from now on the client waits.
    pub(crate) fn request_arrived(&self) {
        self.whole.store(true, Ordering::Release);
        self.waits_since.store(0, Ordering::Release);
    }

    /// The handler is done: the client may take the answer.
    pub(crate) fn answer_began(&self) {
        self.answering.store(true, Ordering::Release);
        self.working.store(false, Ordering::Release);
        self.wait();
    }

    /// A piece of the answer goes to the connection, and with it the memory that was set aside for it.
    pub(crate) fn piece(&self, bytes: usize, memory: Option<Reservation>) {
        self.unsent.fetch_add(bytes, Ordering::AcqRel);
        if let Some(memory) = memory {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        }
    }

    /// The answer has no more pieces.
    pub(crate) fn answer_ended(&self) {
        self.answering.store(false, Ordering::Release);
    }

    /// The kernel has taken all there was.
    pub(crate) fn flushed(&self) {
        self.unsent.store(0, Ordering::Release);
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        drop(held);
    }

    /// How long the server has been waiting for the client: to send a request, or to take an answer. `None` while it is the
    /// client that waits.
    pub(crate) fn waited(&self) -> Option<Duration> {
        let since = self.waits_since.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.opened.elapsed().saturating_sub(Duration::from_millis(since)))
    }

    /// Bytes of answers that the client has not taken.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Acquire)
    }

    /// Whether something that was accepted is not finished: a request, or an answer on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.working.load(Ordering::Acquire) || self.is_answering()
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire) || self.unsent() > 0
    }

    /// Whether a whole request is with its handler: the client has nothing more to say.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.working.load(Ordering::Acquire) && self.whole.load(Ordering::Acquire)
    }

    /// Whether the handler of a request has not seen all of it.
    pub(crate) fn is_arriving(&self) -> bool {
        self.working.load(Ordering::Acquire) && !self.whole.load(Ordering::Acquire)
    }

    pub(crate) fn understands_interim(&self) -> bool {
        self.interim.load(Ordering::Acquire)
    }
}
