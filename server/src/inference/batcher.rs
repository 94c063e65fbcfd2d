//! Which of the waiting jobs one worker takes.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::fair::Turns;

/// What the queue must know about its entries.
pub(crate) trait Entry {
    /// Nobody waits for it any more.
    fn is_abandoned(&self) -> bool;

    /// Clients take turns.
    fn client(&self) -> IpAddr;

    /// It waits until nobody else does.
    fn is_patient(&self) -> bool;

    /// Both may be recognised in one batch.
    fn fits_with(&self, other: &Self) -> bool;
}

/// Takes the entry whose turn it is and others that fit with it, oldest first, at most `max_batch` and at most this worker's
/// share when `idle_workers` (this one included) wait for work: on a CPU two workers with one photo each are done
/// sooner than one with two. Those that do not fit keep their place. There is no waiting for a fuller batch.
pub(super) fn take_batch<T: Entry>(
    waiting: &mut VecDeque<T>,
    turns: &mut Turns,
    max_batch: usize,
    idle_workers: usize,
) -> Vec<T> {
    waiting.retain(|entry| !entry.is_abandoned());
    turns.next(waiting);
    let each = waiting.len().div_ceil(idle_workers.max(1));
    let size = each.min(max_batch);
    let Some(first) = waiting.pop_front() else { return Vec::new() };
    let mut batch = vec![first];
    let mut at = 0;
    while batch.len() < size && at < waiting.len() {
        if waiting[at].fits_with(&batch[0]) {
            batch.extend(waiting.remove(at));
        } else {
            at += 1;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter is its options; a capital has been abandoned.
    impl Entry for (char, u32) {
        fn is_abandoned(&self) -> bool {
            self.0.is_uppercase()
        }

        fn client(&self) -> IpAddr {
            [127, 0, 0, 1].into()
        }

        fn is_patient(&self) -> bool {
            false
        }

        fn fits_with(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    fn check(waiting: &str, max_batch: usize, idle: usize, taken: &[u32], left: &[u32]) {
        let mut queue: VecDeque<_> = waiting.chars().zip(0..).collect();
        let batch = take_batch(&mut queue, &mut Turns::default(), max_batch, idle);
        let numbers = |entries: Vec<(char, u32)>| entries.into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!(numbers(batch), taken, "taken of {waiting:?}");
        assert_eq!(numbers(queue.into()), left, "left of {waiting:?}");
    }

    #[test]
    fn batches_are_oldest_first_and_alike() {
        check("", 4, 1, &[], &[]);
        check("a", 4, 1, &[0], &[]);
        check("aaa", 1, 1, &[0], &[1, 2]);
        check("aaaaa", 4, 1, &[0, 1, 2, 3], &[4]);
        check("abab", 4, 1, &[0, 2], &[1, 3]);
        check("baaa", 4, 1, &[0], &[1, 2, 3]);
    }

    #[test]
    fn abandoned_entries_are_dropped() {
        check("AAA", 4, 1, &[], &[]);
        check("AaBa", 4, 1, &[1, 3], &[]);
        check("aAb", 4, 1, &[0], &[2]);
    }

    #[test]
    fn idle_workers_share() {
        check("aaaa", 8, 2, &[0, 1], &[2, 3]);
        check("aaa", 8, 2, &[0, 1], &[2]);
        check("aa", 8, 4, &[0], &[1]);
    }
}
