//! Files from outside, handled with care: bounded reading, safe names, a walk that never leaves its tree, atomic writing.

mod atomic;
mod bounded;
mod relative;
mod walk;

pub use atomic::{FolderDraft, write_atomic};
pub use bounded::{FileError, read_bounded, read_text_bounded};
pub use relative::{MAX_PATH_BYTES, UnsafePath, file_name, file_stem, parent, safe_component, safe_relative};
pub use walk::{Link, MAX_FILES, Tree, WalkError, walk};

pub(crate) use atomic::write_rows;
pub(crate) use bounded::into_text;
pub(crate) use relative::to_native;
