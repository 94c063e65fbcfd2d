//! Values that threads take turns with.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A fixed set of values, each used by one thread at a time. Who finds all of them taken waits.
///
/// One more value may stand by for a caller that finds the pool idle. It counts like any other: never do more callers
/// work at once than there are ordinary values.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    /// The ordinary values, and last the one for a lone caller.
    items: Vec<Mutex<T>>,
    ordinary: usize,
    places: Mutex<Places>,
    returned: Condvar,
}

#[derive(Debug)]
struct Places {
    /// Ordinary values that nobody uses. The one used last is taken first: its memory is warm.
    idle: Vec<usize>,
    /// Whether a lone caller would find its value.
    lone_idle: bool,
}

/// Gives the place back, also when the work panics.
struct Lease<'a, T> {
    pool: &'a Pool<T>,
    place: usize,
}

impl<T> Pool<T> {
    /// A pool of `items`, at least one, and perhaps one for a `lone` caller.
    pub(crate) fn new(items: Vec<T>, lone: Option<T>) -> Self {
        let ordinary = items.len();
        debug_assert!(ordinary > 0, "an empty pool serves nobody");
        let places = Places { idle: (0..ordinary).rev().collect(), lone_idle: lone.is_some() };
        let items = items.into_iter().chain(lone).map(Mutex::new).collect();
        Self { items, ordinary, places: Mutex::new(places), returned: Condvar::new() }
    }

    /// Waits for a turn and works. No lock that others need is held meanwhile.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lease = Lease { place: self.take(), pool: self };
        work(&mut lock(&self.items[lease.place]))
    }

    fn take(&self) -> usize {
        let has_lone = self.items.len() > self.ordinary;
        let mut places = lock(&self.places);
        loop {
            let lone_works = has_lone && !places.lone_idle;
            if places.lone_idle && places.idle.len() == self.ordinary {
                places.lone_idle = false;
                return self.ordinary;
            }
            if places.idle.len() > usize::from(lone_works)
                && let Some(place) = places.idle.pop()
            {
                return place;
            }
            places = self.returned.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        let mut places = lock(&self.pool.places);
        if self.place == self.pool.ordinary {
            places.lone_idle = true;
        } else {
            places.idle.push(self.place);
        }
        drop(places);
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

    /// Number of runs of each item after eight threads made 50 each, and the most that worked at once.
    fn hammer(pool: &Pool<usize>) -> (Vec<usize>, usize) {
        let (working, max) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        pool.with(|runs| {
                            max.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            *runs += 1;
                            std::thread::yield_now();
                            working.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        (pool.items.iter().map(|item| *lock(item)).collect(), max.load(Ordering::SeqCst))
    }

    #[test]
    fn never_more_workers_than_items_and_every_item_comes_back() {
        for lone in [None, Some(0)] {
            let pool = Pool::new(vec![0, 0], lone);
            for round in 1..=3 {
                let (runs, max) = hammer(&pool);
                assert!(max <= 2, "{max} at once");
                assert_eq!(runs.iter().sum::<usize>(), round * 400);
                assert_eq!(lock(&pool.places).idle.len(), 2);
                assert_eq!(lock(&pool.places).lone_idle, lone.is_some());
            }
        }
    }

    #[test]
    fn a_lone_caller_gets_the_item_that_stands_by() {
        let pool = Pool::new(vec!["first", "second"], Some("lone"));
        let mut seen = Vec::new();
        pool.with(|alone| {
            seen.push(*alone);
            pool.with(|another| seen.push(*another));
        });
        pool.with(|alone| seen.push(*alone));
        assert_eq!(seen, ["lone", "first", "lone"]);
    }

    #[test]
    fn a_panic_gives_its_item_back() {
        for lone in [None, Some(7)] {
            let pool = Pool::new(vec![7], lone);
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.with(|_| panic!("on purpose"))));
            assert!(outcome.is_err());
            assert_eq!(pool.with(|item| *item), 7);
        }
    }
}
