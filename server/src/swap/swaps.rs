//! How it stands with what is served: for `/health`, metrics, and whoever changes what is in production.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use pipeline::{Recognizer, Release};
use store::model::{Timestamp, now};
use tokio::sync::Notify;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SwapState {
    /// What should be served is served, or nothing can be done about it.
    #[default]
    Idle,
    /// Another release is being loaded and tried.
    Loading,
    /// The one before still answers what it has accepted.
    Draining,
    /// Another one is wanted, and the one before the last still answers: there is no room for a third.
    Waiting,
}

impl SwapState {
    /// Stable spelling.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::Draining => "draining",
            Self::Waiting => "waiting",
        }
    }
}

/// A release that does not answer, though it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Name and version.
    pub(crate) release: String,
    /// Why, with what lies behind it.
    pub(crate) cause: String,
    pub(crate) at: Timestamp,
}

/// Shared by whoever swaps and whoever tells.
#[derive(Debug, Default)]
pub(crate) struct Swaps {
    told: Mutex<Told>,
    /// Releases that were served or tried, whether or not they are in memory still.
    releases: Mutex<Vec<Weak<Release>>>,
    changed: Notify,
}

#[derive(Debug, Default, Clone)]
struct Told {
    state: SwapState,
    refused: Option<Refused>,
    test: Option<Tried>,
}

/// A release that is tried beside the one in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// Name of the test.
    pub(crate) test: String,
    /// Name and version.
    pub(crate) release: String,
    /// Why it does not answer though it should.
    pub(crate) refused: Option<String>,
}

impl Swaps {
    /// Something of the registry has changed here: whoever follows it looks at once.
    pub(crate) fn production_changed(&self) {
        self.changed.notify_one();
    }

    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn state(&self) -> SwapState {
        self.told().state
    }

    pub(crate) fn refusal(&self) -> Option<Refused> {
        self.told().refused.clone()
    }

    pub(crate) fn enter(&self, state: SwapState) {
        self.told().state = state;
    }

    pub(crate) fn refuse(&self, release: &str, cause: String) {
        self.told().refused = Some(Refused { release: release.to_owned(), cause, at: now() });
    }

    /// What was refused is wanted no longer, or answers now.
    pub(crate) fn settle(&self) {
        self.told().refused = None;
    }

    /// How it stands with the test that runs; nothing while none does.
    pub(crate) fn try_out(&self, tried: Option<Tried>) {
        self.told().test = tried;
    }

    pub(crate) fn tried(&self) -> Option<Tried> {
        self.told().test.clone()
    }

    /// Counts it as long as anybody answers with it.
    pub(crate) fn count(&self, recognizer: &Recognizer) {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner).push(recognizer.in_memory());
    }

    /// How many releases are in memory.
    pub(crate) fn in_memory(&self) -> usize {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        releases.retain(|release| release.strong_count() > 0);
        releases.len()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
