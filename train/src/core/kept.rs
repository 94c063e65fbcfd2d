//! What was opened, kept in memory within a bound; what cannot be opened, noted and opened no more.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// More images that cannot be read than are put up with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{count} images cannot be read, more than the {limit} that are put up with; the last: {last}; `shelf dataset check` lists them"
)]
pub struct TooManyUnreadable {
    /// How many so far.
    pub count: usize,
    /// How many are allowed.
    pub limit: usize,
    /// What is wrong with the last of them.
    pub last: String,
}

/// Why something could not be opened.
#[derive(Debug)]
pub enum Failure<E> {
    /// It is broken: training goes on without it.
    Unreadable(String),
    /// Training cannot go on.
    Fatal(E),
}

impl<E> Failure<E> {
    /// Broken, for this reason and all reasons behind it.
    pub fn unreadable(error: &dyn StdError) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Unreadable(text)
    }
}

/// Opened images by their origin. What comes first stays: an epoch asks for everything once, so throwing out the oldest would
/// throw out what is needed next.
#[derive(Debug)]
pub struct Kept<K, V> {
    /// Bytes.
    memory: u64,
    unreadable: usize,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    kept: BTreeMap<K, Arc<V>>,
    used: u64,
    broken: BTreeMap<K, String>,
}

impl<K: Clone + Ord + fmt::Debug, V> Kept<K, V> {
    /// Nothing yet; at most `memory` bytes. More than `unreadable` things that cannot be opened are an error.
    #[must_use]
    pub fn new(memory: u64, unreadable: usize) -> Self {
        let state = State { kept: BTreeMap::new(), used: 0, broken: BTreeMap::new() };
        Self { memory, unreadable, state: Mutex::new(state) }
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// What could not be opened so far, and why.
    #[must_use]
    pub fn unreadable(&self) -> BTreeMap<K, String> {
        self.lock().broken.clone()
    }

    /// What is kept under `key`, or what `open` makes, with its size in bytes. `None` for what cannot be opened, which is
    /// noted under `name`.
    ///
    /// # Errors
    /// When more cannot be opened than is put up with, and what ends training.
    pub fn get<E: From<TooManyUnreadable>>(
        &self,
        key: &K,
        name: &dyn fmt::Display,
        open: impl FnOnce() -> Result<(V, u64), Failure<E>>,
    ) -> Result<Option<Arc<V>>, E> {
        {
            let state = self.lock();
            if let Some(kept) = state.kept.get(key) {
                return Ok(Some(Arc::clone(kept)));
            }
            if state.broken.contains_key(key) {
                return Ok(None);
            }
        }
        // Nobody waits while it is opened; two that want the same open it twice.
        match open() {
            Ok((opened, size)) => {
                let opened = Arc::new(opened);
                let mut state = self.lock();
                if state.used + size <= self.memory && !state.kept.contains_key(key) {
                    state.used += size;
                    state.kept.insert(key.clone(), Arc::clone(&opened));
                }
                Ok(Some(opened))
            }
            Err(Failure::Fatal(error)) => Err(error),
            Err(Failure::Unreadable(reason)) => {
                tracing::warn!(image = %name, reason, "an image cannot be read and is left out");
                let last = format!("{name}: {reason}");
                let mut state = self.lock();
                state.broken.insert(key.clone(), reason);
                let (count, limit) = (state.broken.len(), self.unreadable);
                if count > limit { Err(TooManyUnreadable { count, limit, last }.into()) } else { Ok(None) }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_what_is_broken_is_opened_once() {
        let kept: Kept<u32, u32> = Kept::new(10, 1);
        let opened = Mutex::new(Vec::new());
        let get = |key: u32| {
            kept.get::<TooManyUnreadable>(&key, &key, || {
                opened.lock().unwrap().push(key);
                if key >= 100 { Err(Failure::Unreadable("torn".to_owned())) } else { Ok((key * 2, 6)) }
            })
        };
        for key in [1, 1, 2, 2, 100, 100] {
            let found = get(key).unwrap().map(|value| *value);
            assert_eq!(found, (key < 100).then_some(key * 2));
        }
        assert_eq!(*opened.lock().unwrap(), [1, 2, 2, 100], "the second has no room, the broken one is known");
        assert_eq!(kept.used(), 6);
        let error = get(101).unwrap_err();
        assert_eq!(error, TooManyUnreadable { count: 2, limit: 1, last: "101: torn".to_owned() });
        assert_eq!(kept.unreadable().len(), 2);
    }
}
