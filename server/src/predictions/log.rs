//! The way from the workers to the log: bounded, and nobody waits for it.

use std::sync::{Mutex, PoisonError};

use store::predictions::{Drift, NewPrediction};
use tokio::sync::mpsc;

/// Answers that may wait to be written: half a minute of a busy server whose database is away.
const ROOM: usize = 1_024;

/// Takes answers in.
#[derive(Debug)]
pub(crate) struct PredictionLog {
    /// `None` where nothing is logged.
    entries: Option<mpsc::Sender<NewPrediction>>,
    inbox: Mutex<Option<mpsc::Receiver<NewPrediction>>>,
    drift: Mutex<Vec<Drift>>,
}

impl PredictionLog {
    pub(crate) fn new(enabled: bool) -> Self {
        let (entries, inbox) = enabled.then(|| mpsc::channel(ROOM)).unzip();
        Self { entries, inbox: Mutex::new(inbox), drift: Mutex::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    /// Whether there was room for it.
    pub(crate) fn take(&self, entry: NewPrediction) -> bool {
        self.entries.as_ref().is_none_or(|entries| entries.try_send(entry).is_ok())
    }

    /// The other end, once: for whoever writes.
    pub(crate) fn inbox(&self) -> Option<mpsc::Receiver<NewPrediction>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How answers have changed, as far as it was looked at.
    pub(crate) fn drift(&self) -> Vec<Drift> {
        self.drift.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_drift(&self, drift: Vec<Drift>) {
        *self.drift.lock().unwrap_or_else(PoisonError::into_inner) = drift;
    }
}
