//! Files from outside, handled with care: bounded reading, safe names, a walk that never leaves its tree, atomic writing.

mod atomic;
mod bounded;
mod relative;
mod replace;
mod text;
mod walk;

pub use atomic::{FolderDraft, write_atomic, write_rows};
pub use bounded::{FileError, read_bounded};
pub use relative::{
    MAX_PATH_BYTES, UnsafePath, file_name, file_stem, parent, safe_component, safe_relative, to_native,
};
pub use replace::{replace, sync_folder};
pub use text::{composed, into_text, read_text_bounded};
pub use walk::{Link, MAX_FILES, Tree, WalkError, is_hidden, walk};
