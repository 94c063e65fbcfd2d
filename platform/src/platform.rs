//! The store, the limits and the bench, together.

use std::sync::Arc;

use store::{Store, StoreHandle};
use tokio::sync::{Notify, Semaphore};

use crate::bench::Bench;
use crate::cache::Cache;
use crate::error::PlatformError;
use crate::export::Exporter;
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
    exporter: Option<Exporter>,
}

impl Platform {
    /// Over a store that is opened when it is first needed; without one, everything says so.
    #[must_use]
    pub fn new(store: Option<StoreHandle>, limits: Limits) -> Self {
        Self::exporting(store, limits, None)
    }

    /// The same, with what writes models as ONNX.
    #[must_use]
    pub fn exporting(store: Option<StoreHandle>, limits: Limits, exporter: Option<Exporter>) -> Self {
        let bench = Bench::new(limits.at_once, limits.per_organisation, limits.patience);
        let uploads = Arc::new(Semaphore::new(limits.uploads));
        let (wanted, models) = (Notify::new(), Cache::new(limits.model_bytes));
        Self { inner: Arc::new(Inner { store, limits, bench, uploads, wanted, models, exporter }) }
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

    pub(crate) fn exporter(&self) -> Option<&Exporter> {
        self.inner.exporter.as_ref()
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
