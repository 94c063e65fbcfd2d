//! What was queued when, and by whom: nobody fills the queue alone, and what matters most finds room to the end.
//!
//! | of each limit | who |
//! |---|---|
//! | all | items that are urgent, or were sampled for an estimate |
//! | three quarters | other items, together |
//! | three quarters | items of one client or one store |
//! | half | those of them that are not urgent |

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::config::Limits;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Where a photo comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    client: u64,
    store: Option<u64>,
}

impl Source {
    /// By whatever tells clients apart, and by the name of the store, where the client says one.
    #[must_use]
    pub fn new(client: impl Hash, store: Option<&str>) -> Self {
        let number = |what: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            what(&mut hasher);
            hasher.finish()
        };
        Self { client: number(&|hasher| client.hash(hasher)), store: store.map(|name| number(&|h| name.hash(h))) }
    }
}

/// One item of the past.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Milliseconds since 1970.
    at: i64,
    /// Nobody knows of what an earlier process queued.
    source: Option<Source>,
    ordinary: bool,
}

/// Items of the last day, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    taken: VecDeque<Taken>,
}

impl Ledger {
    /// What an earlier process queued.
    pub(super) fn load(&mut self, mut times: Vec<i64>) {
        times.sort_unstable();
        self.taken = times.into_iter().map(|at| Taken { at, source: None, ordinary: true }).collect();
    }

    pub(super) fn take(&mut self, at: i64, source: Option<Source>, ordinary: bool) {
        self.taken.push_back(Taken { at, source, ordinary });
    }

    /// One item of that moment was not queued after all.
    pub(super) fn give_back(&mut self, at: i64) {
        if let Some(place) = self.taken.iter().rposition(|taken| taken.at == at) {
            self.taken.remove(place);
        }
    }

    /// Whether one more item may be queued.
    pub(super) fn has_room(&mut self, limits: &Limits, now: i64, source: Option<Source>, ordinary: bool) -> bool {
        while self.taken.front().is_some_and(|taken| taken.at <= now - DAY) {
            self.taken.pop_front();
        }
        [(limits.per_minute, MINUTE), (limits.per_hour, HOUR), (limits.per_day, DAY)]
            .into_iter()
            .all(|(limit, span)| self.has_room_within(limit, now - span, source, ordinary))
    }

    fn has_room_within(&self, limit: usize, since: i64, source: Option<Source>, ordinary: bool) -> bool {
        let count = |which: &dyn Fn(&Taken) -> bool| {
            self.taken.iter().rev().take_while(|taken| taken.at > since).filter(|taken| which(taken)).count()
        };
        if count(&|_| true) >= limit {
            return false;
        }
        let Some(source) = source else { return true };
        let (half, max) = (limit.div_ceil(2), (limit * 3).div_ceil(4));
        let by_client = |taken: &Taken| taken.source.is_some_and(|other| other.client == source.client);
        let by_store =
            |taken: &Taken| taken.source.is_some_and(|other| other.store == source.store) && source.store.is_some();
        let fair = |own: &dyn Fn(&Taken) -> bool| {
            count(own) < max && !(ordinary && count(&|taken| taken.ordinary && own(taken)) >= half)
        };
        let left = !(ordinary && count(&|taken| taken.ordinary) >= max);
        left && fair(&by_client) && fair(&by_store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many items of a source find room, one after the other.
    fn fill(ledger: &mut Ledger, limit: usize, source: Option<Source>, ordinary: bool) -> usize {
        let limits = Limits { per_photo: 8, per_minute: limit, per_hour: 1_000, per_day: 5_000 };
        let mut found = 0;
        while ledger.has_room(&limits, 1_000, source, ordinary) {
            ledger.take(1_000, source, ordinary);
            found += 1;
        }
        found
    }

    #[test]
    fn nobody_fills_the_queue_alone() {
        let (one, other, third) = (Source::new(1, None), Source::new(2, None), Source::new(3, Some("north")));
        let mut ledger = Ledger::default();
        assert_eq!(fill(&mut ledger, 120, Some(one), true), 60, "half for what is not urgent");
        assert_eq!(fill(&mut ledger, 120, Some(one), false), 30, "a quarter more for what is");
        assert_eq!(fill(&mut ledger, 120, Some(other), true), 30, "three quarters are not urgent");
        assert_eq!(fill(&mut ledger, 120, Some(third), true), 0);
        assert_eq!(fill(&mut ledger, 120, Some(third), false), 0, "120 are 120");
        let mut ledger = Ledger::default();
        assert_eq!(fill(&mut ledger, 120, Some(one), true), 60);
        assert_eq!(fill(&mut ledger, 120, Some(third), true), 30);
        // Clients of one store share.
        assert_eq!(fill(&mut ledger, 120, Some(Source::new(4, Some("north"))), false), 30);
        assert_eq!(fill(&mut Ledger::default(), 120, None, true), 120, "without a source there is no share");
        assert_eq!(fill(&mut Ledger::default(), 1, Some(one), true), 1);
    }

    #[test]
    fn time_and_what_is_given_back_make_room() {
        let limits = Limits { per_photo: 8, per_minute: 1, per_hour: 2, per_day: 2 };
        let mut ledger = Ledger::default();
        assert!(ledger.has_room(&limits, 0, None, true));
        ledger.take(0, None, true);
        assert!(!ledger.has_room(&limits, MINUTE - 1, None, true) && ledger.has_room(&limits, MINUTE, None, true));
        ledger.give_back(0);
        assert!(ledger.has_room(&limits, 1, None, true));
        ledger.load(vec![2 * HOUR, HOUR]);
        assert!(!ledger.has_room(&limits, DAY, None, true) && ledger.has_room(&limits, DAY + HOUR, None, true));
    }
}
