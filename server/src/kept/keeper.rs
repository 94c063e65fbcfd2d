//! Writes photos, many at once; lets go what is too old; removes copies of what was deleted.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::access::{DEFAULT_ORGANISATION, Role};
use store::audit::Actor;
use store::photos::Kept;
use store::{StoreError, StoreHandle};
use tokio::sync::mpsc;

use super::PhotoIntake;
use super::intake::Waiting;
use crate::config::Photos;
use crate::metrics::Metrics;

/// Photos written together.
const TOGETHER: usize = 32;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_millis(200);
/// Pause after the store failed.
const REST: Duration = Duration::from_secs(3);
/// How often it is looked what is too old, and what is still to be removed.
const LOOK: Duration = Duration::from_secs(600);
/// Longest time for the last photos when the server stops.
const LAST: Duration = Duration::from_secs(5);

/// Keeps photos until `stopped` is closed, and writes what there is left then. Where none are kept, only what was deleted is
/// removed.
pub(crate) async fn keep(
    store: Option<StoreHandle>,
    intake: Arc<PhotoIntake>,
    (metrics, settings): (Arc<Metrics>, Photos),
    stopped: mpsc::Receiver<()>,
) {
    let Some(store) = store else { return };
    let inbox = intake.inbox();
    drop(intake);
    Keeper { store, metrics, settings, failing: false }.run(inbox, stopped).await;
}

struct Keeper {
    store: StoreHandle,
    metrics: Arc<Metrics>,
    settings: Photos,
    /// The store was away when it was asked last.
    failing: bool,
}

impl Keeper {
    async fn run(mut self, inbox: Option<mpsc::Receiver<Waiting>>, mut stopped: mpsc::Receiver<()>) {
        let Some(mut inbox) = inbox else {
            loop {
                self.look().await;
                tokio::select! {
                    _ = stopped.recv() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        };
        let mut batch: Vec<Waiting> = Vec::with_capacity(TOGETHER);
        self.look().await;
        let mut looked = Instant::now();
        loop {
            let rest = if self.failing { REST } else { GATHER };
            let more = async {
                if batch.is_empty() {
                    match tokio::time::timeout(LOOK, inbox.recv()).await {
                        Ok(Some(photo)) => batch.push(photo),
                        Ok(None) | Err(_) => return,
                    }
                }
                tokio::time::sleep(rest).await;
                while batch.len() < TOGETHER
                    && let Ok(photo) = inbox.try_recv()
                {
                    batch.push(photo);
                }
            };
            tokio::select! {
                biased;
                _ = stopped.recv() => break,
                () = more => {}
            }
            if !batch.is_empty() && self.write(&batch).await {
                batch.clear();
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look().await;
            }
        }
        inbox.close();
        while let Ok(photo) = inbox.try_recv() {
            batch.push(photo);
        }
        let last = Instant::now();
        for part in batch.chunks(TOGETHER) {
            let left = LAST.saturating_sub(last.elapsed());
            if !matches!(tokio::time::timeout(left, self.write(part)).await, Ok(true)) {
                self.metrics.photos("lost", part.len() as u64);
            }
        }
    }

    /// Whether they are written. Those that are not stay, and what then has no room is lost.
    async fn write(&mut self, batch: &[Waiting]) -> bool {
        let photos = batch.iter().map(|waiting| waiting.photo.clone()).collect();
        let written = async { self.store.get().await?.keep_photos(photos).await };
        match written.await {
            Ok(Kept { kept, known }) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("photos are kept again");
                }
                self.metrics.photos("kept", kept);
                self.metrics.photos("known", known);
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "photos cannot be kept; trying again");
                }
                false
            }
        }
    }

    async fn look(&self) {
        // Whoever keeps no photos does not open the store for them.
        if !self.settings.keep && self.store.opened().is_none() {
            return;
        }
        if let Err(error) = self.try_to_look().await {
            let error = &error as &dyn Error;
            tracing::warn!(error, "photos that are kept cannot be looked through; later");
        }
    }

    async fn try_to_look(&self) -> Result<(), StoreError> {
        let store = self.store.get().await?;
        if self.settings.keep {
            let actor = Actor {
                organisation: DEFAULT_ORGANISATION.to_owned(),
                name: "server".to_owned(),
                role: Role::Admin,
                request: String::new(),
            };
            let photos = store.forget_photos(&self.settings.retention, &actor).await?;
            if photos > 0 {
                tracing::info!(photos, "photos were older, or more, than are kept, and go");
            }
        }
        while store.erase().await? > 0 {}
        Ok(())
    }
}
