//! One digest for a folder, and what changed since.
//!
//! Every file is hashed with SHA-256; the digests, bound to their paths, are the leaves of a Merkle tree ([`merkle`]) whose
//! root stands for the whole folder. The root does not depend on the order in which the file system lists files, on time
//! stamps, on rights, or on empty folders; it does depend on every path and every byte. A symbolic link counts as what it
//! says, not as what it leads to.

mod compare;
mod files;
mod manifest;
pub mod merkle;

pub use compare::{Comparison, Moved};
pub use files::{FileDigest, HashError, hash_files};
pub use manifest::{Entry, LinkEntry, MANIFEST_FORMAT, Manifest, ManifestError, inside};
