//! All files below a folder, without ever leaving it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What lies below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The folder.
    pub root: PathBuf,
    /// Regular files as `/` paths relative to the root, sorted by bytes.
    pub files: Vec<String>,
    /// Symbolic links, sorted by path. They are reported, never followed: so no link leads out of the tree, none is
    /// counted twice, and a loop is only a link.
    pub links: Vec<Link>,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it lies, relative to the root.
    pub path: String,
    /// What it says, as written.
    pub target: String,
}

/// Why a folder cannot be listed.
#[derive(Debug, Error)]
pub enum WalkError {
    /// The operating system refuses.
    #[error("cannot list {path}")]
    List {
        /// Which folder or entry.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The root is no folder.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// What was named.
        path: PathBuf,
    },
    /// A name that no JSON file can hold.
    #[error("the file name {path:?} is not UTF-8: rename it")]
    NotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// A pipe, socket or device.
    #[error("{path} is neither a file nor a folder (a pipe, socket or device): remove it from the data set")]
    Special {
        /// Which.
        path: PathBuf,
    },
    /// More than a data set may have.
    #[error("{root} holds more than {MAX_FILES} files: name a folder further down")]
    TooMany {
        /// The root.
        root: PathBuf,
    },
}

/// Most files in one tree.
pub const MAX_FILES: usize = 5_000_000;

/// Lists all files below `root`, which itself may be a link to a folder. Folders above none of the files leave no trace.
///
/// # Errors
/// When a folder cannot be listed or holds something that is no file, folder or link.
pub fn walk(root: &Path) -> Result<Tree, WalkError> {
    let metadata = fs::metadata(root).map_err(|source| WalkError::List { path: root.to_owned(), source })?;
    if !metadata.is_dir() {
        return Err(WalkError::NotAFolder { path: root.to_owned() });
    }
    let mut tree = Tree { root: root.to_owned(), files: Vec::new(), links: Vec::new() };
    let mut pending = vec![String::new()];
    while let Some(folder) = pending.pop() {
        list(&mut tree, &folder, &mut pending)?;
        if tree.files.len() + tree.links.len() + pending.len() > MAX_FILES {
            return Err(WalkError::TooMany { root: root.to_owned() });
        }
    }
    tree.files.sort_unstable();
    tree.links.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

/// One folder: its files and links go into `tree`, its folders into `pending`.
fn list(tree: &mut Tree, folder: &str, pending: &mut Vec<String>) -> Result<(), WalkError> {
    let native = if folder.is_empty() { tree.root.clone() } else { tree.root.join(super::relative::to_native(folder)) };
    let entries = fs::read_dir(&native).map_err(|source| WalkError::List { path: native.clone(), source })?;
    for entry in entries {
        let entry = entry.map_err(|source| WalkError::List { path: native.clone(), source })?;
        let utf8 = |name: &OsStr| {
            name.to_str().map(str::to_owned).ok_or_else(|| WalkError::NotUtf8 { path: native.join(name) })
        };
        let name = utf8(&entry.file_name())?;
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        // Of the entry itself, not of what a link leads to.
        let kind = entry.file_type().map_err(|source| WalkError::List { path: entry.path(), source })?;
        if kind.is_symlink() {
            let target =
                fs::read_link(entry.path()).map_err(|source| WalkError::List { path: entry.path(), source })?;
            tree.links.push(Link { path, target: utf8(target.as_os_str())? });
        } else if kind.is_dir() {
            pending.push(path);
        } else if kind.is_file() {
            tree.files.push(path);
        } else {
            return Err(WalkError::Special { path: entry.path() });
        }
    }
    Ok(())
}
