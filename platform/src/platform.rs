//! The store, the limits and the bench, together.

use std::sync::Arc;

use store::{Store, StoreHandle};
use tokio::sync::{Notify, Semaphore};

use crate::bench::Bench;
use crate::cache::Cache;
use crate::error::PlatformError;
use crate::incoming::Incoming;
use crate::limits::Limits;

/// Tables of organisations. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Option<StoreHandle>,
    limits: Limits,
    bench: Bench,
    uploads: Arc<Semaphore>,
    /// Told of every job that is wanted here.
    wanted: Notify,
    models: Cache,
}

impl Platform {
    /// Over a store that is opened when it is first needed; without one, everything says so.
    #[must_use]
    pub fn new(store: Option<StoreHandle>, limits: Limits) -> Self {
        let bench = Bench::new(limits.at_once, limits.per_organisation, limits.patience);
        let uploads = Arc::new(Semaphore::new(limits.uploads));
        let (wanted, models) = (Notify::new(), Cache::new(limits.model_bytes));
        Self { inner: Arc::new(Inner { store, limits, bench, uploads, wanted, models }) }
    }

    /// The store.
    ///
    /// # Errors
    /// When there is none, or it cannot be reached.
    pub async fn store(&self) -> Result<Store, PlatformError> {
        let handle = self.inner.store.as_ref().ok_or(PlatformError::NoStore)?;
        Ok(handle.get().await?)
    }

    /// What may be.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn bench(&self) -> &Bench {
        &self.inner.bench
    }

    pub(crate) fn models(&self) -> &Cache {
        &self.inner.models
    }

    pub(crate) fn wanted(&self) -> &Notify {
        &self.inner.wanted
    }

    /// A place for a file that arrives.
    ///
    /// # Errors
    /// When as many arrive as may.
    pub async fn receive(&self) -> Result<Incoming, PlatformError> {
        let place = Arc::clone(&self.inner.uploads).try_acquire_owned();
        let place = place.map_err(|_| PlatformError::Busy { what: "uploads", retry_after_seconds: 2 })?;
        Incoming::begin(self.inner.limits.upload_bytes, place).await
    }
}
