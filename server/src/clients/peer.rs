//! Who is at the other end.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(SocketAddr);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Their address.
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
