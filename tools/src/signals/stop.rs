//! Training that ends at a step, and at once when asked twice.

use std::process;
use std::thread;

use train::core::Stop;

use super::asked_to_end;

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
