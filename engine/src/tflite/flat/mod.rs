//! Flatbuffers (<https://flatbuffers.dev/internals/>): tables of optional fields, found by offsets that lead forward only.

mod read;
mod write;

pub(super) use read::{Broken, Reader, View};
pub(super) use write::{Child, Table};
