//! The queue of what is unsure, and what is known of it beside the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use store::{Store, StoreError, StoreHandle};
use tokio::sync::Notify;
use vision::{Sha256, SkuId};

use crate::{LiveGallery, ReviewConfig, ReviewError, ReviewSetup, Sampler};

/// After a failure, nobody asks the store for this long.
const REST_MS: i64 = 3_000;

/// The queue of what is served; empty until models are loaded, and for ever where review is switched off. Another release brings
/// a queue of its own: what waits is compared under its embedder.
#[derive(Debug, Default)]
pub struct Review(RwLock<Option<Arc<Queue>>>);

/// What there is when review is switched on.
pub struct Queue {
    pub(crate) config: ReviewConfig,
    pub(crate) handle: StoreHandle,
    pub(crate) enrolled: store::exemplars::Enrolled,
    /// The gallery's folder.
    pub(crate) gallery: std::path::PathBuf,
    /// `None` until it could be opened.
    pub(crate) store: RwLock<Option<Store>>,
    sampler: Mutex<Sampler>,
    pub(crate) live: tokio::sync::Mutex<LiveGallery>,
    /// Exemplars per SKU, as of the last swap.
    pub(crate) exemplars: RwLock<Arc<HashMap<SkuId, usize>>>,
    /// Somebody has labelled.
    pub(crate) wake: Notify,
    /// Until when the store is left alone, milliseconds since 1970.
    rests_until: AtomicI64,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Review {
    /// What there is, when review is switched on and models are loaded.
    #[must_use]
    pub fn queue(&self) -> Option<Arc<Queue>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The queue with its open store.
    ///
    /// # Errors
    /// [`ReviewError::Absent`] where there is no queue, [`ReviewError::NotOpen`] while its store cannot be opened.
    pub fn open(&self) -> Result<(Arc<Queue>, Store), ReviewError> {
        let queue = self.queue().ok_or(ReviewError::Absent)?;
        let store = queue.store().ok_or(ReviewError::NotOpen)?;
        Ok((queue, store))
    }

    /// From now on this is the queue. What was picked for the one before is still written.
    pub fn set(&self, queue: Option<Arc<Queue>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = queue;
    }
}

impl Queue {
    pub(crate) fn new(setup: ReviewSetup) -> Self {
        let ReviewSetup { config, store: handle, live, enrolled, gallery } = setup;
        Self {
            sampler: Mutex::new(Sampler::new(config.samplers, config.limits)),
            exemplars: RwLock::default(),
            config,
            handle,
            enrolled,
            gallery,
            store: RwLock::new(None),
            live: tokio::sync::Mutex::new(live),
            wake: Notify::new(),
            rests_until: AtomicI64::new(0),
        }
    }

    /// Which facings are queued, how many, and for how long.
    #[must_use]
    pub fn config(&self) -> &ReviewConfig {
        &self.config
    }

    /// Fingerprint of the embedder that is served.
    #[must_use]
    pub fn embedder(&self) -> Sha256 {
        self.enrolled.embedder
    }

    pub(crate) fn store(&self) -> Option<Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The gallery follows at once, not at the next look.
    pub fn gallery_changed(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn sampler(&self) -> std::sync::MutexGuard<'_, Sampler> {
        self.sampler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store failed a moment ago.
    pub(crate) fn rests(&self) -> bool {
        store::model::now() < self.rests_until.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self, error: &StoreError) {
        self.rests_until.store(store::model::now() + REST_MS, Ordering::Relaxed);
        tracing::warn!(error = error as &dyn std::error::Error, "the review queue could not be written");
    }
}
