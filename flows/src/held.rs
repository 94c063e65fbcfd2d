//! Signs of life of who has a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use store::Store;
use store::flows::HeldRun;
use tokio::task::JoinHandle;

use crate::error::FlowError;

/// A run at hand: its lease is renewed until this is dropped.
pub(crate) struct Held {
    run: HeldRun,
    lost: Arc<AtomicBool>,
    beating: JoinHandle<()>,
}

impl Held {
    pub(crate) fn start(store: Store, run: HeldRun, lease: Duration) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let beating = tokio::spawn(beat(store, run.clone(), lease, Arc::clone(&lost)));
        Self { run, lost, beating }
    }

    pub(crate) fn run(&self) -> &HeldRun {
        &self.run
    }

    /// Whether it still is this one's.
    pub(crate) fn check(&self) -> Result<(), FlowError> {
        if self.lost.load(Ordering::Acquire) { Err(FlowError::Lost) } else { Ok(()) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

async fn beat(store: Store, run: HeldRun, lease: Duration, lost: Arc<AtomicBool>) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(lease / 3).await;
        let begun = Instant::now();
        match store.beat_run(&run).await {
            Ok(Ok(())) => renewed = begun,
            Ok(Err(_)) => break,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a run gives no sign of life; trying again");
            }
        }
        // Another may have taken it: whoever cannot say that it lives stops before that.
        if renewed.elapsed() >= lease {
            break;
        }
    }
    lost.store(true, Ordering::Release);
}
