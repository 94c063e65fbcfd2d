//! Memory that photos being worked on may take together, set aside before it is allocated.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use vision::{Cancel, ModelError};

/// How often one that waits for memory looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(50);

/// A number of bytes, shared by all workers.
#[derive(Debug)]
pub(crate) struct PhotoMemory {
    total: u64,
    free: Mutex<u64>,
    given_back: Condvar,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    memory: &'a PhotoMemory,
    bytes: u64,
}

impl PhotoMemory {
    pub(crate) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), given_back: Condvar::new() }
    }

    /// Waits until so much is free. What needs more than there is gets all of it, and works alone.
    pub(super) fn set_aside(&self, bytes: u64, cancel: &Cancel) -> Result<Held<'_>, ModelError> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            cancel.check()?;
            free = self.given_back.wait_timeout(free, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= bytes;
        Ok(Held { memory: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.memory.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn who_needs_much_waits_and_gives_up_in_time() {
        let memory = PhotoMemory::new(100);
        let half = memory.set_aside(60, &Cancel::never()).expect("free");
        let soon = Cancel::new(std::sync::Arc::default(), Instant::now() + Duration::from_millis(80));
        assert!(matches!(memory.set_aside(60, &soon), Err(ModelError::Cancelled)));
        let small = memory.set_aside(40, &Cancel::never()).expect("it fits beside");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| memory.set_aside(1_000, &Cancel::never()).map(|held| held.bytes));
            std::thread::sleep(Duration::from_millis(20));
            drop((half, small));
            assert_eq!(waits.join().expect("no panic").expect("all of it"), 100);
        });
        assert_eq!(*memory.free.lock().expect("no panic"), 100);
    }
}
