//! SIGHUP: "load anew", or the end of the terminal that the program was started from.

use std::future::Future;
use std::io::{IsTerminal as _, stdin};
use std::pin::Pin;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Both meanings, told apart.
pub(crate) struct Hangups {
    /// A message for each wish to load anew; wishes that come while one waits are one.
    pub(crate) reload: mpsc::Receiver<()>,
    /// Completes when the terminal is gone: then the program ends, as programs do.
    pub(crate) terminal_gone: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Hangups {
    /// Watches from now on; within a runtime.
    pub(crate) fn watch() -> Self {
        let mut hangups = signal(SignalKind::hangup()).expect("signals can be watched");
        let (reload, wishes) = mpsc::channel(1);
        let (gone, end) = oneshot::channel::<()>();
        let had_terminal = stdin().is_terminal();
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                // A terminal that has hung up is one no longer.
                if had_terminal && !stdin().is_terminal() {
                    let _ = gone.send(());
                    return;
                }
                let _ = reload.try_send(());
            }
        });
        let terminal_gone = Box::pin(async move {
            if end.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        Self { reload: wishes, terminal_gone }
    }
}
