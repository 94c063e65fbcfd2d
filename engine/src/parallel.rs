//! The threads that bring work to a session.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Applies `work` to every item on at most `parallelism` threads, this one among them. Results keep the order. After an
/// error no further item is started. Threads of their own, not of a pool: they wait for their turn at a session, and a pool
/// whose threads wait does nothing else. A caller that is itself a thread of a pool works alone: candle's threads would wait
/// for helpers that wait for candle's threads.
///
/// # Errors
/// The error of the first item that failed.
pub fn in_parallel<I: Sync, R: Send, E: Send>(
    items: &[I],
    parallelism: usize,
    work: impl Fn(&I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((i, result));
        }
        done
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // Preparing one run may overlap the network of another, but more threads than this only wait.
    let wanted = parallelism.min(items.len()).min(2 * cores).saturating_sub(1);
    let helpers = if rayon::current_thread_index().is_some() { 0 } else { wanted };
    let mut done = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|&(i, _)| i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_pool_of_one_thread_nobody_waits_for_it() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let on_pool = |i: &usize| Ok::<_, ()>(pool.install(|| i + 1));
        assert_eq!(pool.install(|| in_parallel(&[1, 2, 3], 3, on_pool)), Ok(vec![2, 3, 4]));
    }

    #[test]
    fn results_keep_the_order_and_the_first_error_wins() {
        let items: Vec<usize> = (0..100).collect();
        for parallelism in [0, 1, 3, 200] {
            let squares: Result<Vec<_>, ()> = in_parallel(&items, parallelism, |&i| Ok(i * i));
            assert_eq!(squares.unwrap(), items.iter().map(|i| i * i).collect::<Vec<_>>());
            let failed = in_parallel(&items, parallelism, |&i| if i < 10 { Ok(i) } else { Err(i) });
            assert!(failed.is_err_and(|i| i >= 10));
        }
    }
}
