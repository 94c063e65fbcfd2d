//! Writes answers down, many at once; forgets what is too old; looks how answers change.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::access::DEFAULT_ORGANISATION;
use store::model::now;
use store::predictions::{NewPrediction, Signal};
use store::{StoreError, StoreHandle};
use tokio::sync::mpsc;

use crate::app::App;
use crate::config::Predictions;
use crate::metrics::Metrics;
use crate::predictions::PredictionLog;

/// Answers written together.
const TOGETHER: usize = 256;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_millis(200);
/// Pause after the store failed.
const REST: Duration = Duration::from_secs(3);
/// How often it is looked how answers change, and what is too old.
const LOOK: Duration = Duration::from_secs(600);
/// Longest time for the last answers when the server stops.
const LAST: Duration = Duration::from_secs(3);

/// Keeps the log until `stopped` is closed, and writes what there is left then.
pub(crate) async fn write_log(app: Arc<App>, stopped: mpsc::Receiver<()>) {
    let (Some(inbox), Some(store)) = (app.predictions.inbox(), app.store.clone()) else { return };
    let (log, metrics) = (Arc::clone(&app.predictions), Arc::clone(&app.metrics));
    let writer = Writer { store, log, metrics, settings: app.config.predictions, failing: false };
    drop(app);
    writer.run(inbox, stopped).await;
}

struct Writer {
    store: StoreHandle,
    log: Arc<PredictionLog>,
    metrics: Arc<Metrics>,
    settings: Predictions,
    /// The store was away when it was asked last.
    failing: bool,
}

impl Writer {
    async fn run(mut self, mut inbox: mpsc::Receiver<NewPrediction>, mut stopped: mpsc::Receiver<()>) {
        let mut batch = Vec::with_capacity(TOGETHER);
        self.look().await;
        let mut looked = Instant::now();
        loop {
            let rest = if self.failing { REST } else { GATHER };
            let more = async {
                if batch.is_empty() {
                    match tokio::time::timeout(LOOK, inbox.recv()).await {
                        Ok(Some(entry)) => batch.push(entry),
                        Ok(None) | Err(_) => return,
                    }
                }
                tokio::time::sleep(rest).await;
                while batch.len() < TOGETHER
                    && let Ok(entry) = inbox.try_recv()
                {
                    batch.push(entry);
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
        while let Ok(entry) = inbox.try_recv() {
            batch.push(entry);
        }
        if !batch.is_empty() && !matches!(tokio::time::timeout(LAST, self.write(&batch)).await, Ok(true)) {
            self.metrics.predictions("lost", batch.len());
        }
    }

    /// Whether they are written. Those that are not stay, and what then has no room is lost.
    async fn write(&mut self, batch: &[NewPrediction]) -> bool {
        let written = async { self.store.get().await?.log_predictions(batch.to_vec()).await };
        match written.await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the log of answers is written again");
                }
                self.metrics.predictions("logged", batch.len());
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "answers cannot be written into the log; trying again");
                }
                false
            }
        }
    }

    async fn look(&self) {
        if let Err(error) = self.try_to_look().await {
            let error = &error as &dyn Error;
            tracing::warn!(error, "the log of answers cannot be looked through; later");
        }
    }

    async fn try_to_look(&self) -> Result<(), StoreError> {
        let store = self.store.get().await?;
        if let Some(keep) = self.settings.keep {
            let before = now().saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
            let answers = store.forget_predictions(DEFAULT_ORGANISATION, before).await?;
            let compared = store.forget_ab_answers(before).await?;
            if answers + compared > 0 {
                tracing::info!(answers, compared, "answers were older than they are kept, and are forgotten");
            }
        }
        let mut drift = Vec::new();
        for signal in Signal::ALL {
            drift.push(store.drift(DEFAULT_ORGANISATION, *signal, now()).await?);
        }
        self.log.set_drift(drift);
        Ok(())
    }
}
