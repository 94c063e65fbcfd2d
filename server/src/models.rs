//! What is loaded, and whether requests may come.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc;

use crate::beside::{Beside, Chosen};
use crate::served::Served;

/// Where the server stands.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Weights and gallery are being read.
    Loading,
    /// A first inference is running on every worker.
    WarmingUp,
    /// Requests are answered.
    Ready(Arc<Served>),
    /// Weights or gallery are missing or broken.
    Failed,
    /// Told to stop: what was accepted is finished.
    Stopping,
}

impl Phase {
    /// Stable spelling for health answers.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::WarmingUp => "warming_up",
            Self::Ready(_) => "ok",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
        }
    }

    /// What a person should know while it is not ready.
    pub(crate) const fn explanation(&self) -> &'static str {
        match self {
            Self::Loading => "Models and gallery are being loaded.",
            Self::WarmingUp => "Models are loaded; the first inference is running.",
            Self::Ready(_) => "Ready.",
            Self::Failed => {
                "Models or gallery could not be loaded. Run `shelf doctor` where the server runs: it says what is \
                 missing and how to get it. The server's log has the cause."
            }
            Self::Stopping => "The server is stopping.",
        }
    }
}

/// Why no recogniser is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// It will be soon.
    Loading,
    /// A person must act.
    Failed,
    /// Another server must answer.
    Stopping,
}

/// The current phase, and what answers in it.
#[derive(Debug)]
pub(crate) struct Models {
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Kept while stopping: what was accepted is finished with it.
    served: Option<Arc<Served>>,
    /// The other release of a test.
    beside: Option<Arc<Beside>>,
    /// While it is held, the gallery of what is served follows the labels.
    following: Option<mpsc::Sender<()>>,
}

impl Models {
    pub(crate) fn new() -> Self {
        Self { state: RwLock::new(State { phase: Phase::Loading, served: None, beside: None, following: None }) }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.read().phase.clone()
    }

    /// Moves on. Once failed or stopping, it is not ready any more.
    pub(crate) fn enter(&self, next: Phase) {
        let mut state = self.write();
        if let Phase::Ready(served) = &next {
            state.served = Some(Arc::clone(served));
        }
        let final_now = matches!(state.phase, Phase::Failed | Phase::Stopping);
        if !final_now || matches!(next, Phase::Stopping) {
            state.phase = next;
        }
    }

    /// What new requests are answered with from now on; gives back what they were answered with before. What was accepted is
    /// finished with what it began with. Nothing changes when the server is not ready, or is no more.
    pub(crate) fn swap(&self, next: Arc<Served>) -> Result<Arc<Served>, Arc<Served>> {
        let mut state = self.write();
        let Phase::Ready(before) = &mut state.phase else { return Err(next) };
        let before = std::mem::replace(before, Arc::clone(&next));
        state.served = Some(next);
        Ok(before)
    }

    /// The gallery of what is served follows the labels as long as the other end is open; that of what was served before does so
    /// no longer.
    pub(crate) fn follow(&self, following: Option<mpsc::Sender<()>>) {
        self.write().following = following;
    }

    /// For new requests.
    pub(crate) fn current(&self) -> Result<Arc<Served>, NotReady> {
        match self.phase() {
            Phase::Ready(served) => Ok(served),
            Phase::Loading | Phase::WarmingUp => Err(NotReady::Loading),
            Phase::Failed => Err(NotReady::Failed),
            Phase::Stopping => Err(NotReady::Stopping),
        }
    }

    /// For a new request of whoever is named so: while a test runs, one of two releases, always the same one for a name.
    pub(crate) fn choose(&self, unit: &str) -> Result<Chosen, NotReady> {
        let served = self.current()?;
        Ok(match self.beside() {
            Some(beside) => beside.choose(served, unit),
            None => Chosen { served, arm: None },
        })
    }

    /// The other release of a test, while one runs.
    pub(crate) fn beside(&self) -> Option<Arc<Beside>> {
        self.read().beside.clone()
    }

    /// From now on this is the other release of a test, or there is none. What was accepted is finished with what it began with.
    pub(crate) fn put_beside(&self, beside: Option<Arc<Beside>>) {
        self.write().beside = beside;
    }

    /// For work that was accepted and is nobody's answer.
    pub(crate) fn latest(&self) -> Option<Arc<Served>> {
        self.read().served.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
