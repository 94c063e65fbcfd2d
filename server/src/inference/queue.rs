//! The bounded queue between async handlers and worker threads.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::batcher::{Entry, take_batch};
use super::fair::{Turns, ahead, is_full};

/// Clients take turns, and none has all places; full is full.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    turns: Turns,
    idle: usize,
    busy: usize,
    open: bool,
}

/// What is before a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Entries that wait.
    pub(crate) waiting: usize,
    /// Those among them whose turn comes first.
    pub(crate) ahead: usize,
    /// Workers with a batch at hand.
    pub(crate) busy: usize,
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
        let state = State { waiting: VecDeque::new(), turns: Turns::default(), idle: 0, busy: 0, open: true };
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

    /// Whether nobody waits and no worker has anything at hand.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.busy == 0 && state.waiting.iter().all(Entry::is_abandoned)
    }

    /// Whether the server goes on.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Workers with a batch at hand.
    pub(crate) fn busy(&self) -> usize {
        self.lock().busy
    }

    /// What a new entry of this client would have before it.
    pub(crate) fn load(&self, client: IpAddr) -> Load {
        let mut state = self.lock();
        state.waiting.retain(|entry| !entry.is_abandoned());
        let waiting = state.waiting.iter().filter(|entry| !entry.is_patient()).count();
        Load { waiting, ahead: ahead(&state.waiting, client), busy: state.busy }
    }

    /// Whether an entry of this client pushed now would be refused.
    pub(crate) fn is_full(&self, client: IpAddr) -> bool {
        self.lock().has_no_room(client, false, self.capacity)
    }

    pub(crate) fn push(&self, entry: T) -> Result<(), PushError<T>> {
        let mut state = self.lock();
        if !state.open {
            return Err(PushError::Closed(entry));
        }
        if state.has_no_room(entry.client(), entry.is_patient(), self.capacity) {
            return Err(PushError::Full(entry));
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
            let State { waiting, turns, .. } = &mut *state;
            let batch = take_batch(waiting, turns, max_batch, idle);
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

impl<T: Entry> State<T> {
    fn has_no_room(&mut self, client: IpAddr, patient: bool, capacity: usize) -> bool {
        self.waiting.retain(|entry| !entry.is_abandoned());
        is_full(&self.waiting, client, patient, capacity)
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
    struct Work(u32, Arc<AtomicBool>, u8, bool);

    impl Work {
        fn new(number: u32) -> Self {
            Self(number, Arc::default(), 1, false)
        }

        fn of(client: u8, number: u32) -> Self {
            Self(number, Arc::default(), client, false)
        }
    }

    impl Entry for Work {
        fn is_abandoned(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn client(&self) -> IpAddr {
            client(self.2)
        }

        fn is_patient(&self) -> bool {
            self.3
        }

        fn fits_with(&self, _other: &Self) -> bool {
            true
        }
    }

    fn client(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
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
        assert!(queue.is_full(client(1)));
        assert!(matches!(queue.push(Work::new(2)), Err(PushError::Full(Work(2, ..)))));
        gone.1.store(true, Ordering::Relaxed);
        assert_eq!(queue.depth(), 1);
        assert!(!queue.is_full(client(1)));
        queue.push(Work::new(3)).expect("the abandoned entry made room");
        assert_eq!(numbers(queue.take(8)), [1, 3]);
    }

    #[test]
    fn clients_take_turns_and_none_has_all_places() {
        let queue = Queue::new(8);
        for number in 0..6 {
            queue.push(Work::new(number)).expect("room");
        }
        assert!(queue.is_full(client(1)) && !queue.is_full(client(2)));
        assert_eq!(queue.load(client(1)), Load { waiting: 6, ahead: 6, busy: 0 });
        assert_eq!(queue.load(client(2)), Load { waiting: 6, ahead: 1, busy: 0 });
        queue.push(Work::of(2, 10)).expect("room for others");
        queue.push(Work::of(2, 11)).expect("room for others");
        assert!(queue.is_full(client(3)), "full is full");
        let order: Vec<u32> = (0..8).flat_map(|_| numbers(queue.take(1))).collect();
        assert_eq!(order, [0, 10, 1, 11, 2, 3, 4, 5]);
    }

    #[test]
    fn batches_wait_until_nobody_else_does() {
        let queue = Queue::new(8);
        let patient = |number| Work(number, Arc::default(), 3, true);
        queue.push(patient(0)).expect("room");
        queue.push(patient(1)).expect("room");
        assert!(matches!(queue.push(patient(2)), Err(PushError::Full(_))), "a quarter of the places");
        queue.push(Work::new(10)).expect("room");
        queue.push(Work::of(2, 20)).expect("room");
        assert_eq!(queue.load(client(4)), Load { waiting: 2, ahead: 2, busy: 0 });
        let order: Vec<u32> = (0..4).flat_map(|_| numbers(queue.take(1))).collect();
        assert_eq!(order, [10, 20, 0, 1]);
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
        let queue = Arc::new(Queue::new(128));
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
