//! The bounded queue between async handlers and worker threads.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::batcher::{Entry, take_batch};

/// First come, first served; full is full.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    idle: usize,
    busy: usize,
    open: bool,
}

/// Why an entry was not taken; it is given back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushError<T> {
    /// As many wait as may.
    Full(T),
    /// The server is stopping.
    Closed(T),
}

impl<T: Entry> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), idle: 0, busy: 0, open: true };
        Self { state: Mutex::new(state), wake: Condvar::new(), capacity }
    }

    // Held for moments and never over foreign code, so a poisoned state is still sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Entries that wait and are waited for.
    pub(crate) fn depth(&self) -> usize {
        self.lock().waiting.iter().filter(|entry| !entry.is_abandoned()).count()
    }

    /// Workers with a batch at hand.
    pub(crate) fn busy(&self) -> usize {
        self.lock().busy
    }

    /// Whether an entry pushed now would be refused.
    pub(crate) fn is_full(&self) -> bool {
        let mut state = self.lock();
        state.waiting.len() >= self.capacity && {
            state.waiting.retain(|entry| !entry.is_abandoned());
            state.waiting.len() >= self.capacity
        }
    }

    pub(crate) fn push(&self, entry: T) -> Result<(), PushError<T>> {
        let mut state = self.lock();
        if !state.open {
            return Err(PushError::Closed(entry));
        }
        if state.waiting.len() >= self.capacity {
            state.waiting.retain(|entry| !entry.is_abandoned());
            if state.waiting.len() >= self.capacity {
                return Err(PushError::Full(entry));
            }
        }
        state.waiting.push_back(entry);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits for work; empty once the queue is closed and drained. The worker counts as busy until it comes back.
    pub(crate) fn take(&self, max_batch: usize) -> Vec<T> {
        let mut state = self.lock();
        state.idle += 1;
        loop {
            let idle = state.idle;
            let batch = take_batch(&mut state.waiting, max_batch, idle);
            if !batch.is_empty() {
                state.idle -= 1;
                state.busy += 1;
                return batch;
            }
            if !state.open {
                state.idle -= 1;
                return Vec::new();
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The worker that took a batch is done with it.
    pub(crate) fn done(&self) {
        self.lock().busy -= 1;
    }

    /// Nothing more is taken in; what waits is still handed out.
    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.wake.notify_all();
    }

    /// Drops what waits: nobody is left to answer to.
    pub(crate) fn clear(&self) {
        // Dropped outside the lock: an entry may hold a large photo.
        let dropped = std::mem::take(&mut self.lock().waiting);
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Clone)]
    struct Work(u32, Arc<AtomicBool>);

    impl Work {
        fn new(number: u32) -> Self {
            Self(number, Arc::default())
        }
    }

    impl Entry for Work {
        fn is_abandoned(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn fits_with(&self, _other: &Self) -> bool {
            true
        }
    }

    fn numbers(batch: Vec<Work>) -> Vec<u32> {
        batch.into_iter().map(|work| work.0).collect()
    }

    #[test]
    fn full_is_full_until_someone_goes_away() {
        let queue = Queue::new(2);
        let gone = Work::new(0);
        queue.push(gone.clone()).expect("room");
        queue.push(Work::new(1)).expect("room");
        assert!(queue.is_full());
        assert!(matches!(queue.push(Work::new(2)), Err(PushError::Full(Work(2, _)))));
        gone.1.store(true, Ordering::Relaxed);
        assert_eq!(queue.depth(), 1);
        assert!(!queue.is_full());
        queue.push(Work::new(3)).expect("the abandoned entry made room");
        assert_eq!(numbers(queue.take(8)), [1, 3]);
    }

    #[test]
    fn closing_hands_out_the_rest() {
        let queue = Queue::new(4);
        queue.push(Work::new(0)).expect("room");
        queue.push(Work::new(1)).expect("room");
        queue.close();
        assert!(matches!(queue.push(Work::new(2)), Err(PushError::Closed(_))));
        assert_eq!(numbers(queue.take(1)), [0]);
        assert_eq!(numbers(queue.take(1)), [1]);
        assert!(queue.take(1).is_empty());
        assert_eq!(queue.busy(), 2);
        queue.done();
        assert_eq!(queue.busy(), 1);
    }

    #[test]
    fn sleeping_workers_wake_for_work_and_for_the_end() {
        let queue = Arc::new(Queue::new(64));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let mut seen = Vec::new();
                    loop {
                        let batch = queue.take(3);
                        if batch.is_empty() {
                            return seen;
                        }
                        seen.extend(numbers(batch));
                        queue.done();
                    }
                })
            })
            .collect();
        for number in 0..50 {
            queue.push(Work::new(number)).expect("room");
            if number % 10 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
        queue.close();
        let mut seen: Vec<u32> = workers.into_iter().flat_map(|w| w.join().expect("no panic")).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }
}
