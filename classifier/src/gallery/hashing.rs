//! The digest and the size of what is read or written.

use std::io::{self, Read, Write};

use sha2::Digest as _;
use vision::Sha256;

/// Counts and digests what passes through.
pub(crate) struct Hashing<T> {
    inner: T,
    hasher: sha2::Sha256,
    pub(crate) bytes: u64,
}

impl<T> Hashing<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    /// What passes through.
    pub(crate) fn get_ref(&self) -> &T {
        &self.inner
    }

    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.hasher.finalize().into())
    }

    fn saw(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.saw(&buffer[..n]);
        Ok(n)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buffer)?;
        self.saw(&buffer[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
