//! Batches, prepared ahead on worker threads.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use thiserror::Error;

/// How batches are prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// Worker threads, at least one.
    pub threads: usize,
    /// Maximum number of batches that are ready or in work before they are asked for: memory is `ahead` times a batch.
    pub ahead: usize,
}

/// A worker thread died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a thread that prepares images panicked; its message is above")]
pub struct WorkerPanicked;

/// Batches in order. Dropping it stops the workers.
pub struct Loader<B, E> {
    shared: Arc<Shared<B, E>>,
    workers: Vec<JoinHandle<()>>,
    total: usize,
}

struct Shared<B, E> {
    state: Mutex<State<B, E>>,
    changed: Condvar,
}

struct State<B, E> {
    /// The next batch to be worked on.
    next_job: usize,
    /// The next batch to be handed out.
    next_out: usize,
    ready: BTreeMap<usize, Result<B, E>>,
    stop: bool,
    panicked: bool,
}

impl<B, E> fmt::Debug for Loader<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("total", &self.total).field("workers", &self.workers.len()).finish()
    }
}

impl<B, E> Shared<B, E> {
    fn lock(&self) -> MutexGuard<'_, State<B, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the others when a worker dies.
struct Watch<'a, B, E>(&'a Shared<B, E>);

impl<B, E> Drop for Watch<'_, B, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().panicked = true;
            self.0.changed.notify_all();
        }
    }
}

impl<B: Send + 'static, E: Send + 'static> Loader<B, E> {
    /// Starts to make the batches with these numbers; `make` is called with each number once, on any of the threads.
    #[must_use]
    pub fn start(
        numbers: Range<usize>,
        workers: Workers,
        make: impl Fn(usize) -> Result<B, E> + Send + Sync + 'static,
    ) -> Self {
        let total = numbers.end;
        let first = numbers.start.min(total);
        let (next_job, next_out, ready) = (first, first, BTreeMap::new());
        let state = State { next_job, next_out, ready, stop: false, panicked: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let make = Arc::new(make);
        let worker = |_| {
            let (shared, make) = (Arc::clone(&shared), Arc::clone(&make));
            thread::spawn(move || work(&shared, &*make, total, workers.ahead.max(1)))
        };
        let workers = (0..workers.threads.max(1)).map(worker).collect();
        Self { shared, workers, total }
    }
}

fn work<B, E>(shared: &Shared<B, E>, make: &dyn Fn(usize) -> Result<B, E>, total: usize, ahead: usize) {
    let _watch = Watch(shared);
    loop {
        let job = {
            let mut state = shared.lock();
            loop {
                if state.stop || state.panicked || state.next_job >= total {
                    return;
                }
                if state.next_job < state.next_out + ahead {
                    break;
                }
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.next_job += 1;
            state.next_job - 1
        };
        let batch = make(job);
        let mut state = shared.lock();
        // After an error nobody asks for more.
        state.stop |= batch.is_err();
        state.ready.insert(job, batch);
        shared.changed.notify_all();
    }
}

impl<B, E: From<WorkerPanicked>> Iterator for Loader<B, E> {
    type Item = Result<B, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = self.shared.lock();
        loop {
            if state.next_out >= self.total {
                return None;
            }
            let at = state.next_out;
            if let Some(batch) = state.ready.remove(&at) {
                state.next_out = if batch.is_err() { self.total } else { at + 1 };
                self.shared.changed.notify_all();
                return Some(batch);
            }
            // A later batch failed, and this one will not be made any more.
            if state.stop && state.next_job <= at {
                let failed = state.ready.iter().find(|(_, batch)| batch.is_err()).map(|(at, _)| *at);
                state.next_out = self.total;
                return failed.and_then(|at| state.ready.remove(&at));
            }
            if state.panicked {
                state.next_out = self.total;
                return Some(Err(WorkerPanicked.into()));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.total - self.shared.lock().next_out;
        (0, Some(left))
    }
}

impl<B, E> Drop for Loader<B, E> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Its panic was told by `Watch`.
            let _ = worker.join();
        }
    }
}
