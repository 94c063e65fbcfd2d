//! Floor 1: weights that others publish on a hub: `hf://timm/efficientnet_b2.ra_in1k` becomes a file in the hub's local cache.
//!
//! [`Hub::fetch`] asks the hub which commit, size and SHA-256 a file has, transfers it beside its place, compares the digest
//! and only then lets it be seen. The cache has the layout that the hub's own tools use, so what they fetched is found here
//! and the other way round. A build without the feature `client` answers [`HubError::NotBuilt`].
//!
//! The other clients of HTTP that there are lie here, too: [`factory`], a server of tables as a trainer knows it, and
//! [`ServerClient`], which asks a server for its metrics.

mod error;
pub mod factory;
mod file;
mod options;
mod source;

#[cfg(feature = "client")]
mod enabled;
#[cfg(feature = "client")]
pub use enabled::{FactoryClient, Hub, ServerClient};

#[cfg(not(feature = "client"))]
mod disabled;
#[cfg(not(feature = "client"))]
pub use disabled::{FactoryClient, Hub, ServerClient};

use std::time::Duration;

pub use error::{HubError, Missing};
pub use file::{DEFAULT_FILES, HubFile, SCHEME};
pub use options::{DEFAULT_ENDPOINT, HubOptions, Limits, Token};
pub use source::WeightsSource;

/// What [`Hub::fetch`] tells while it works.
#[derive(Debug)]
pub enum Progress<'a> {
    /// So many bytes of so many are here.
    Bytes {
        /// Here.
        done: u64,
        /// In all.
        total: u64,
    },
    /// A try failed; the next begins after `pause`.
    Waiting {
        /// Why it failed.
        error: &'a HubError,
        /// How long nothing happens.
        pause: Duration,
    },
    /// Another process fetches the same file: this one waits for it.
    Locked,
    /// The hub cannot be asked, so an earlier answer of the cache holds.
    Stale {
        /// Why it cannot.
        error: &'a HubError,
    },
}
