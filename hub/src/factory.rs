//! A server of tables, as a trainer that lives apart knows it: it names a table, gives its CSV, and takes the model.
//!
//! Only the address that was given is ever asked: no redirect is followed, so the key goes nowhere else.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vision::Sha256;

/// What the answer to a request that went well says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Digest of the CSV.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

/// Why a server of tables did not give or take something.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FactoryError {
    /// The address cannot be used.
    #[error("--api-base is no address: {reason}")]
    Address {
        /// Why it cannot.
        reason: &'static str,
    },
    /// The program was built without the ability.
    #[error("this build cannot speak to a server; build it with the feature `hub`")]
    NotBuilt,
    /// There is no connection, or it broke.
    #[error("cannot reach {url}: {source}; is the server running?")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{url} gave no answer within {limit:?}")]
    TimedOut {
        /// What was asked for.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The key does not hold or does not suffice.
    #[error(
        "{url} refuses the key ({status}){}; an engineer's key of the data set's organisation is needed",
        said(detail)
    )]
    Denied {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// Anything else than success.
    #[error("{url} answers with status {status}{}", said(detail))]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// What the server said.
        detail: String,
        /// How long it asks to wait.
        pause: Option<Duration>,
    },
    /// An answer that says nothing that can be used.
    #[error("{url} answers without {what}: is it a server of tables?")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is missing.
        what: &'static str,
    },
    /// More than is taken.
    #[error("{url} has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The connection ended early.
    #[error("{url} ended after {got} of {bytes} bytes; run it again: it goes on from there")]
    Truncated {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// Other bytes than the server speaks of.
    #[error("{url} brought bytes with the SHA-256 {found} instead of {expected}; nothing was kept")]
    Digest {
        /// What was asked for.
        url: String,
        /// What the server says.
        expected: Sha256,
        /// What came.
        found: Sha256,
        /// Whether some of the bytes are of an earlier try.
        resumed: bool,
    },
    /// A file cannot be written or read.
    #[error("cannot use {path}: {source}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl FactoryError {
    /// Whether it may go well when it is tried again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Truncated { .. } => true,
            // What an earlier try left may be the broken part; it is gone now.
            Self::Digest { resumed, .. } => *resumed,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}
