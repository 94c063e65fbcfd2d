//! Workers of jobs beside the server: they stop with it, and give back what they have at hand.

use std::time::Duration;

use platform::Worker;
use tokio::task::JoinSet;

use crate::app::App;

/// Those that were started.
pub(crate) struct Labour(JoinSet<()>);

impl Labour {
    /// As many as are configured; none without a store.
    pub(crate) fn begin(app: &App) -> Self {
        let mut workers = JoinSet::new();
        let count = if app.store.is_some() { app.config.tables.jobs.workers } else { 0 };
        for number in 1..=count {
            let worker = Worker::new(app.platform.clone(), format!("server {} worker {number}", std::process::id()));
            let stop = app.stop.subscribe();
            workers.spawn(async move { worker.run(stop).await });
        }
        Self(workers)
    }

    /// Waits until they have stopped. What is still learning then ends with the process; its job is taken by another worker when the
    /// lease has run out.
    pub(crate) async fn end(mut self, patience: Duration) {
        let all = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("a worker was still learning when the drain's time was over: its job is taken again later");
        }
    }
}
