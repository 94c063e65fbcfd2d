//! The threads that all computing of the process shares.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Runs `work` on the threads that all candle runs of the process share: as many as this process may use cores, or
/// RAYON_NUM_THREADS. candle's own pool counts the cores of the machine, also those that a container may not use.
///
/// Called on a thread of any such pool it stays there. Every operation of [`crate::ops`] goes through here; whoever runs many
/// of them, as training does, wraps them all and saves the changing of threads.
pub fn on_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static THREADS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
        let pool = ThreadPoolBuilder::new().thread_name(|at| format!("candle-{at}")).build();
        pool.inspect_err(|error| tracing::warn!(%error, "candle gets no threads of its own")).ok()
    });
    if rayon::current_thread_index().is_some() {
        return work();
    }
    match &*THREADS {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::thread;

    use super::*;

    #[test]
    fn work_runs_on_shared_threads() {
        let name = || thread::current().name().map(str::to_owned);
        assert!(on_threads(name).is_some_and(|name| name.starts_with("candle-")));
        assert!(on_threads(|| on_threads(name)).is_some_and(|name| name.starts_with("candle-")));
        let allowed = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            assert_eq!(on_threads(rayon::current_num_threads), allowed);
        }
    }
}
