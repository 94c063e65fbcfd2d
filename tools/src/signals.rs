//! Ctrl-C, SIGTERM and SIGHUP.

mod hangup;
#[cfg(feature = "workbench")]
mod stop;

pub(crate) use hangup::Hangups;
#[cfg(feature = "workbench")]
pub(crate) use stop::stop_on_signal;

/// Returns when the process is asked to end.
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be watched");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
