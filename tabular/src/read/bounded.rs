//! A reader that ends when too much comes: in all, or since the last mark.

use std::cell::Cell;
use std::io::{self, Read};

/// Which limit ended a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// Bytes of the file.
    File,
    /// Bytes since the last mark.
    Row,
}

/// Counts what passes. A mark is set where a row ends, so that one endless row does not fill the memory.
pub(super) struct Bounded<R> {
    from: R,
    left: u64,
    since_mark: Cell<u64>,
    max_since_mark: u64,
    excess: Option<Excess>,
}

impl<R> Bounded<R> {
    pub(super) fn new(from: R, max_bytes: u64, max_since_mark: u64) -> Self {
        Self { from, left: max_bytes, since_mark: Cell::new(0), max_since_mark, excess: None }
    }

    /// What came so far is accounted for.
    pub(super) fn mark(&self) {
        self.since_mark.set(0);
    }

    /// Which limit was reached, if one was.
    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        let since = self.since_mark.get() + read as u64;
        self.since_mark.set(since);
        self.excess = match self.left.checked_sub(read as u64) {
            None => Some(Excess::File),
            Some(_) if since > self.max_since_mark => Some(Excess::Row),
            Some(left) => {
                self.left = left;
                return Ok(read);
            }
        };
        Err(io::Error::other("more than may be read"))
    }
}
