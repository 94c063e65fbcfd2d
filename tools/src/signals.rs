//! Ctrl-C and SIGTERM.

use std::process;
use std::thread;

use train::core::Stop;

/// Returns when the process is asked to end.
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be watched");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Turns the first signal into a wish to stop, the second into the end of the process.
pub(crate) fn stop_on_signal(stop: &Stop) -> anyhow::Result<()> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                asked_to_end().await;
                if stop.request() {
                    process::exit(130);
                }
                eprintln!("stopping after this step; once more to stop at once");
            }
        });
    })?;
    Ok(())
}
