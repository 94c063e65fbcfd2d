//! Floor 4: releases as files. What a configuration names is [packed](mod@pack) into the registry of `store`, and comes out of it again,
//! every file held to its digest, as a configuration that loads the same recogniser.
//!
//! | module | what |
//! |---|---|
//! | [`mod@pack`] | detector, embedder, gallery and rules of a configuration -> a version |
//! | [`mod@unpack`] | a version -> a folder, and the configuration that loads it |
//! | [`manifest`] | what a version's settings hold |
//! | [`device`] | small networks for devices: run, held against what is said of them, kept |
//! | [`parcel`] | a version as one file, for another store |
//! | [`golden`] | what the embedder said when it was registered, to be said again |
//! | [`error`] | why any of it failed |

pub mod device;
pub mod error;
pub mod golden;
pub mod manifest;
pub mod pack;
pub mod parcel;
pub mod unpack;

pub use error::RegistryError;
pub use manifest::{Manifest, Part};
pub use pack::{About, Packed, pack, register};
pub use unpack::{Unpacked, unpack};
