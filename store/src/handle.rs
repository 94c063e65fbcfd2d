//! A store that is opened by whoever needs it first, and then is the same for all.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::StoreError;
use crate::store::{Store, StoreSettings};

/// Cheap to clone; all clones open one store. SQLite knows one writer: two stores of one process would wait for each other.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    settings: Arc<StoreSettings>,
    opened: Arc<OnceCell<Store>>,
}

impl From<StoreSettings> for StoreHandle {
    fn from(settings: StoreSettings) -> Self {
        Self { settings: Arc::new(settings), opened: Arc::default() }
    }
}

impl StoreHandle {
    /// The store, opened now when nobody has before. A failure is forgotten: the next call tries again.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn get(&self) -> Result<Store, StoreError> {
        self.opened.get_or_try_init(|| Store::open(&self.settings)).await.cloned()
    }

    /// The store, when somebody has opened it.
    #[must_use]
    pub fn opened(&self) -> Option<&Store> {
        self.opened.get()
    }
}
