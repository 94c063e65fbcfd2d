//! The review queue behind the handlers: what is unsure goes in, what people say comes out at once.
//!
//! | file | what |
//! |---|---|
//! | `setup` | what a loader hands over |
//! | `intake` | from a recognised photo to rows: chosen by a worker, written by the handler |
//! | `keeper` | follows the store: opens it, swaps the gallery when labels changed it, forgets what is old |
//! | `reteach` | what people taught another embedder, embedded by the one that is served |
//! | `correct` | the crop of a box that a person drew |
//!
//! Recognition never waits for the store: when it cannot be reached the answer says so in `warnings`, and for some seconds
//! nobody tries again.

mod correct;
mod intake;
mod keeper;
mod reteach;
mod setup;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use pipeline::review::{LiveGallery, ReviewConfig, Sampler};
use store::{Store, StoreError, StoreSettings};
use tokio::sync::Notify;

pub(crate) use correct::corrected_crop;
pub(crate) use intake::{Prepared, Seen, media_type, prepare};
pub(crate) use keeper::{keep, start};
pub use setup::ReviewSetup;

use crate::problem::{Problem, ProblemType};

/// After a failure, nobody asks the store for this long.
const REST_MS: i64 = 3_000;

/// The queue of this server; empty until models are loaded, and for ever where review is switched off.
#[derive(Debug, Default)]
pub(crate) struct Review(OnceLock<Arc<Inner>>);

/// What there is when review is switched on.
pub(crate) struct Inner {
    pub(crate) config: ReviewConfig,
    settings: StoreSettings,
    enrolled: store::exemplars::Enrolled,
    /// `None` until it could be opened.
    store: RwLock<Option<Store>>,
    sampler: Mutex<Sampler>,
    live: tokio::sync::Mutex<LiveGallery>,
    /// Exemplars per SKU, as of the last swap.
    exemplars: RwLock<Arc<std::collections::HashMap<vision::SkuId, usize>>>,
    /// Somebody has labelled.
    wake: Notify,
    /// Until when the store is left alone, milliseconds since 1970.
    rests_until: AtomicI64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Review {
    /// What there is, when review is switched on and models are loaded.
    pub(crate) fn inner(&self) -> Option<&Arc<Inner>> {
        self.0.get()
    }

    /// The open store, for a handler.
    pub(crate) fn open(&self) -> Result<(&Arc<Inner>, Store), Problem> {
        let inner = self.inner().ok_or_else(|| {
            Problem::new(
                ProblemType::ReviewUnavailable,
                "there is no review queue: models are still being loaded, or `review.enabled` is false in pipeline.yaml",
            )
        })?;
        let store = inner.store().ok_or_else(|| {
            Problem::new(
                ProblemType::ReviewUnavailable,
                "the review queue cannot be opened at the moment; the server tries again by itself, its log has the cause",
            )
            .retry_after(5)
        })?;
        Ok((inner, store))
    }

    fn set(&self, inner: Arc<Inner>) -> bool {
        self.0.set(inner).is_ok()
    }
}

impl Inner {
    fn new(setup: ReviewSetup) -> Self {
        let ReviewSetup { config, settings, live, enrolled } = setup;
        Self {
            sampler: Mutex::new(Sampler::new(config.samplers, config.limits)),
            exemplars: RwLock::default(),
            config,
            settings,
            enrolled,
            store: RwLock::new(None),
            live: tokio::sync::Mutex::new(live),
            wake: Notify::new(),
            rests_until: AtomicI64::new(0),
        }
    }

    /// Fingerprint of the embedder that is served.
    pub(crate) fn embedder(&self) -> vision::Sha256 {
        self.enrolled.embedder
    }

    pub(crate) fn store(&self) -> Option<Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The gallery follows at once, not at the next look.
    pub(crate) fn gallery_changed(&self) {
        self.wake.notify_one();
    }

    fn sampler(&self) -> std::sync::MutexGuard<'_, Sampler> {
        self.sampler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store failed a moment ago.
    fn rests(&self) -> bool {
        store::model::now() < self.rests_until.load(Ordering::Relaxed)
    }

    fn failed(&self, error: &StoreError) {
        self.rests_until.store(store::model::now() + REST_MS, Ordering::Relaxed);
        tracing::warn!(error = error as &dyn std::error::Error, "the review queue could not be written");
    }
}
