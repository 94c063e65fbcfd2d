//! Values that threads take turns with.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A fixed set of values, each used by one thread at a time. Who finds all of them taken waits.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    items: Vec<Mutex<T>>,
    /// Places in `items` that nobody uses. The one used last is taken first: its memory is warm.
    idle: Mutex<Vec<usize>>,
    returned: Condvar,
}

/// Gives the place back, also when the work panics.
struct Lease<'a, T> {
    pool: &'a Pool<T>,
    place: usize,
}

impl<T> Pool<T> {
    /// A pool of `items`. An empty pool would make everyone wait for ever, so it is refused by the callers' types:
    /// they always build at least one item.
    pub(crate) fn new(items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<_> = items.into_iter().map(Mutex::new).collect();
        debug_assert!(!items.is_empty(), "an empty pool serves nobody");
        Self { idle: Mutex::new((0..items.len()).rev().collect()), items, returned: Condvar::new() }
    }

    /// Waits for an idle item and works with it. No lock that others need is held meanwhile.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lease = self.take();
        work(&mut lock(&self.items[lease.place]))
    }

    fn take(&self) -> Lease<'_, T> {
        let mut idle = lock(&self.idle);
        loop {
            if let Some(place) = idle.pop() {
                return Lease { pool: self, place };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        lock(&self.pool.idle).push(self.place);
        self.pool.returned.notify_one();
    }
}

/// A panic in another thread leaves nothing half-done here: the engines keep no state between runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn never_more_workers_than_items_and_every_item_comes_back() {
        let pool = Pool::new([0_usize, 0]);
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        pool.with(|runs| {
                            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            *runs += 1;
                            std::thread::yield_now();
                            working.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
        assert_eq!(pool.items.iter().map(|item| *lock(item)).sum::<usize>(), 400);
        assert_eq!(lock(&pool.idle).len(), 2);
    }

    #[test]
    fn a_panic_gives_its_item_back() {
        let pool = Pool::new([7]);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.with(|_| panic!("on purpose"))));
        assert!(outcome.is_err());
        assert_eq!(pool.with(|item| *item), 7);
    }
}
