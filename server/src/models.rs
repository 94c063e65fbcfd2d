//! What is loaded, and whether requests may come.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use pipeline::{RecognizeOptions, Recognizer};
use review::{ReviewSetup, Serving};

use crate::example::Example;

/// What a loader hands over.
pub struct Loaded {
    /// Detector, embedder and gallery.
    pub recognizer: Recognizer,
    /// What requests start from; their parameters change it.
    pub options: RecognizeOptions,
    /// The queue of what is unsure; `None` switches it off. Taken out when the server starts it.
    pub review: Option<ReviewSetup>,
    /// What the page offers to who has no photo at hand.
    pub example: Option<Arc<Example>>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Where the server stands.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Weights and gallery are being read.
    Loading,
    /// A first inference is running on every worker.
    WarmingUp,
    /// Requests are answered.
    Ready(Arc<Loaded>),
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

/// The current phase. Workers take an `Arc` of what is loaded, so it can be replaced while they run.
#[derive(Debug)]
pub(crate) struct Models {
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Kept while stopping: what was accepted is finished with it.
    loaded: Option<Arc<Loaded>>,
}

impl Models {
    pub(crate) fn new() -> Self {
        Self { state: RwLock::new(State { phase: Phase::Loading, loaded: None }) }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state.read().unwrap_or_else(PoisonError::into_inner).phase.clone()
    }

    /// Moves on. Once failed or stopping, it is not ready any more.
    pub(crate) fn enter(&self, next: Phase) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Ready(loaded) = &next {
            state.loaded = Some(Arc::clone(loaded));
        }
        let final_now = matches!(state.phase, Phase::Failed | Phase::Stopping);
        if !final_now || matches!(next, Phase::Stopping) {
            state.phase = next;
        }
    }

    /// For new requests.
    pub(crate) fn current(&self) -> Result<Arc<Loaded>, NotReady> {
        match self.phase() {
            Phase::Ready(loaded) => Ok(loaded),
            Phase::Loading | Phase::WarmingUp => Err(NotReady::Loading),
            Phase::Failed => Err(NotReady::Failed),
            Phase::Stopping => Err(NotReady::Stopping),
        }
    }

    /// For requests that were accepted.
    pub(crate) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).loaded.clone()
    }
}

impl Serving for Models {
    fn recognizer(&self) -> Option<Recognizer> {
        match self.phase() {
            Phase::Ready(loaded) => Some(loaded.recognizer.clone()),
            _ => None,
        }
    }

    fn replace(&self, recognizer: Recognizer) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = &state.loaded else { return };
        let (options, example) = (old.options.clone(), old.example.clone());
        let new = Arc::new(Loaded { recognizer, options, review: None, example });
        if let Phase::Ready(ready) = &mut state.phase {
            *ready = Arc::clone(&new);
        }
        state.loaded = Some(new);
    }
}
