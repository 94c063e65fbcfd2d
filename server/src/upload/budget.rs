//! Memory that photos on their way may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    free: Arc<AtomicUsize>,
}

/// One request's share; given back when the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Reservation(Arc<Held>);

#[derive(Debug)]
struct Held {
    budget: Budget,
    bytes: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(AtomicUsize::new(bytes)) }
    }

    /// A reservation of nothing yet.
    pub(crate) fn open(&self) -> Reservation {
        Reservation(Arc::new(Held { budget: self.clone(), bytes: AtomicUsize::new(0) }))
    }
}

impl Reservation {
    /// Takes more, as bytes arrive: a slow client holds only what it has sent. `false` when not enough is free.
    #[must_use]
    pub(crate) fn grow(&self, bytes: usize) -> bool {
        let take = |free: usize| free.checked_sub(bytes);
        let taken = self.0.budget.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok();
        if taken {
            self.0.bytes.fetch_add(bytes, Ordering::AcqRel);
        }
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.free.fetch_add(*self.bytes.get_mut(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10);
        let one = budget.open();
        assert!(one.grow(4) && one.grow(4));
        let two = budget.open();
        assert!(!two.grow(3));
        assert!(two.grow(2));
        let clone = one.clone();
        drop(one);
        assert!(!two.grow(1), "a clone still holds the bytes");
        drop(clone);
        assert!(two.grow(8));
        drop(two);
        assert!(budget.open().grow(10));
    }
}
