//! Why weights cannot be had from a hub, and what to do.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vision::Sha256;

/// Why weights cannot be had from a hub. URLs are told without their queries: these may hold signatures.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HubError {
    /// Text that names no file on a hub.
    #[error(
        "{given:?} names no weights on a hub: {reason}; write hf://OWNER/REPO, hf://OWNER/REPO@REVISION/FILE or a path"
    )]
    Name {
        /// What was given.
        given: String,
        /// Why it does not.
        reason: &'static str,
    },
    /// The program was built without the ability.
    #[error("this build cannot fetch weights from a hub; build it with the feature `hub`, or name a file")]
    NotBuilt,
    /// The address of the hub cannot be used.
    #[error("HF_ENDPOINT is {given:?}, but {reason}; the usual hub is https://huggingface.co")]
    Endpoint {
        /// What was given.
        given: String,
        /// Why it cannot.
        reason: &'static str,
    },
    /// The hub may not be asked and the cache has no answer.
    #[error(
        "{file} is not in the cache {cache}, and HF_HUB_OFFLINE forbids asking the hub; run once without it, copy the cache \
         of a machine that has the file, or name a path"
    )]
    Offline {
        /// What was wanted.
        file: String,
        /// Where it is not.
        cache: PathBuf,
    },
    /// There is no connection, or it broke before an answer.
    #[error(
        "cannot reach {url}: {source}; check network and proxy, set HF_ENDPOINT to a mirror, or fetch the file elsewhere and \
         name its path"
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No answer in time.
    #[error("{url} gave no answer within {limit:?}; check network and proxy, or try again later")]
    TimedOut {
        /// What was asked for.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The transfer came to a halt.
    #[error("{url} brought too little for {limit:?} after {got} of {size} bytes; run it again: it goes on from there")]
    Stalled {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes in all.
        size: u64,
        /// How long was waited.
        limit: Duration,
    },
    /// The hub has no such thing.
    #[error("{url} does not exist: the hub knows no such {missing}; check the name for a slip")]
    NotFound {
        /// What was asked for.
        url: String,
        /// What is missing.
        missing: Missing,
    },
    /// No file is named and none of the usual ones is there.
    #[error("{file} holds neither model.safetensors nor pytorch_model.bin; name one of its files: {file}/FILE")]
    NoWeights {
        /// Which repository.
        file: String,
    },
    /// The hub wants to know who asks.
    #[error(
        "the hub refuses {url} ({status}): the repository does not exist, is private, or its conditions are not accepted yet; \
         check the name, accept the conditions on its page, and set HF_TOKEN"
    )]
    Denied {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// Too many were asking.
    #[error(
        "the hub has too many requests for {url} (429){}; try again later, or set HF_TOKEN for a larger share",
        pause.map_or_else(String::new, |pause| format!(" and asks to wait {pause:?}"))
    )]
    Busy {
        /// What was asked for.
        url: String,
        /// How long the hub asks to wait.
        pause: Option<Duration>,
    },
    /// The hub has a fault.
    #[error("the hub fails at {url} ({status}); try again later")]
    Server {
        /// What was asked for.
        url: String,
        /// 500 and above.
        status: u16,
        /// How long the hub asks to wait.
        pause: Option<Duration>,
    },
    /// An answer that is none to this question.
    #[error("{url} answers with status {status}; is HF_ENDPOINT the address of a hub?")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// A header is missing or says nothing that can be used.
    #[error(
        "{url} answers with {name} {}; is HF_ENDPOINT the address of a hub, and the file one of weights?",
        value.as_ref().map_or_else(|| "missing".to_owned(), |value| format!("{value:?}"))
    )]
    Header {
        /// What was asked for.
        url: String,
        /// Which header.
        name: &'static str,
        /// What it says, `None` when it is missing.
        value: Option<String>,
    },
    /// No HTTP.
    #[error("{url} answers with what is no HTTP: {source}; is HF_ENDPOINT the address of a hub?")]
    Garbled {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// One place points to the next without end.
    #[error("{url} leads through too many redirects; is HF_ENDPOINT the address of a hub?")]
    Redirects {
        /// What was asked for.
        url: String,
    },
    /// The connection ended early.
    #[error("{url} ended after {got} of {size} bytes; run it again: it goes on from there")]
    Truncated {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes in all.
        size: u64,
    },
    /// More comes than the hub said.
    #[error("{url} brings more than the {size} bytes that the hub speaks of; nothing was kept, try again later")]
    Overlong {
        /// What was asked for.
        url: String,
        /// Bytes that were expected.
        size: u64,
    },
    /// The file is larger than any that is read.
    #[error("{url} has {size} bytes, more than the limit of {largest}; name a smaller file of the repository")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Its size.
        size: u64,
        /// The limit.
        largest: u64,
    },
    /// The bytes are not those that the hub speaks of.
    #[error(
        "{url} brought bytes with the SHA-256 {found} instead of {expected}; nothing was kept, try again or ask the mirror's owner"
    )]
    Digest {
        /// What was asked for.
        url: String,
        /// What the hub says.
        expected: Sha256,
        /// What came.
        found: Sha256,
        /// Whether some of the bytes are of an earlier try.
        resumed: bool,
    },
    /// The cache cannot be written or read.
    #[error(
        "cannot use {path} in the cache of weights: {source}; check permissions and free space, or set HF_HUB_CACHE"
    )]
    Cache {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// What a hub does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The repository.
    Repository,
    /// The branch, tag or commit.
    Revision,
    /// The file.
    File,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Repository => "repository",
            Self::Revision => "revision",
            Self::File => "file",
        })
    }
}

impl HubError {
    /// Whether the hub may answer when it is asked again: its fault or the network's, not the question's.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Stalled { .. }
            | Self::Busy { .. }
            | Self::Server { .. }
            | Self::Truncated { .. } => true,
            // What an earlier try left may be the broken part; it is gone now.
            Self::Digest { resumed, .. } => *resumed,
            _ => false,
        }
    }

    /// How long the hub asked to wait.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Busy { pause, .. } | Self::Server { pause, .. } => *pause,
            _ => None,
        }
    }
}
