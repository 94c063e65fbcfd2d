//! Stores to test on.

use store::{Store, StoreSettings};
use tempfile::TempDir;

/// A store of the test's own.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) settings: StoreSettings,
    _folder: TempDir,
}

impl TestStore {
    pub(crate) async fn sqlite() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = format!("sqlite:{}", folder.path().join("shelf.db").display());
        Some(Self::open(folder, database).await)
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let database = tokio::task::spawn_blocking(crate::postgres::database).await.expect("no panic")?;
        Some(Self::open(tempfile::tempdir().expect("a temporary folder"), database).await)
    }

    async fn open(folder: TempDir, database: String) -> Self {
        let objects = folder.path().join("objects").display().to_string();
        let settings = StoreSettings { database: database.into(), objects, ..StoreSettings::default() };
        let store = Store::open(&settings).await.expect("the store opens");
        Self { store, settings, _folder: folder }
    }

    /// Another process, as far as the database can tell.
    pub(crate) async fn again(&self) -> Store {
        Store::open(&self.settings).await.expect("the store opens again")
    }
}

/// One body, a test on each database.
macro_rules! on_each {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident) $body:block)*) => {$(
        async fn $name($place: $crate::test_store::TestStore) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                if let Some(place) = $crate::test_store::TestStore::sqlite().await {
                    super::$name(place).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(place) = $crate::test_store::TestStore::postgres().await {
                    super::$name(place).await;
                }
            }
        }
    )*};
}

pub(crate) use on_each;
