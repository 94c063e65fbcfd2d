//! All files below a folder, without ever leaving it.

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
    /// Files under a name that [`is_hidden`], sorted: what programs and systems leave behind. They are no data.
    pub hidden: Vec<String>,
    /// Files and folders whose names are no text, so that no label file can name them.
    pub unnamed: Vec<PathBuf>,
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
        /// Cause.
        source: io::Error,
    },
    /// The root is no folder.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// What was named.
        path: PathBuf,
    },
    /// A pipe, socket or device.
    #[error("{path} is neither a file nor a folder (a pipe, socket or device): remove it from the data set")]
    Special {
        /// Path of the file or folder.
        path: PathBuf,
    },
    /// More than a data set may have.
    #[error("{root} holds more than {MAX_FILES} files: name a folder further down")]
    TooMany {
        /// The root.
        root: PathBuf,
    },
}

/// Maximum number of files in one tree.
pub const MAX_FILES: usize = 5_000_000;

/// Whether a file or folder of this name is nobody's data: hidden ones (`.DS_Store`, `.ipynb_checkpoints`, `._a.jpg`), and what
/// systems and archives leave behind.
///
/// ```
/// use vision::files::is_hidden;
/// assert!(is_hidden("._a.jpg") && is_hidden("__MACOSX") && is_hidden("thumbs.db") && !is_hidden("a.jpg"));
/// ```
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || LEFT_BEHIND.iter().any(|left| name.eq_ignore_ascii_case(left))
}

/// Names without a dot that systems leave behind: macOS archives, Windows, Synology, rescued file systems.
const LEFT_BEHIND: &[&str] =
    &["__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found"];

/// Lists all files below `root`, which itself may be a link to a folder. Folders above none of the files leave no trace.
///
/// # Errors
/// When a folder cannot be listed or holds something that is no file, folder or link.
pub fn walk(root: &Path) -> Result<Tree, WalkError> {
    let metadata = fs::metadata(root).map_err(|source| WalkError::List { path: root.to_owned(), source })?;
    if !metadata.is_dir() {
        return Err(WalkError::NotAFolder { path: root.to_owned() });
    }
    let mut tree = Tree { root: root.to_owned(), files: vec![], hidden: vec![], unnamed: vec![], links: vec![] };
    let mut pending = vec![Folder { path: String::new(), hidden: false }];
    while let Some(folder) = pending.pop() {
        list(&mut tree, &folder, &mut pending)?;
        let found = tree.files.len() + tree.hidden.len() + tree.unnamed.len() + tree.links.len();
        if found + pending.len() > MAX_FILES {
            return Err(WalkError::TooMany { root: root.to_owned() });
        }
    }
    tree.files.sort_unstable();
    tree.hidden.sort_unstable();
    tree.unnamed.sort_unstable();
    tree.links.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

/// A folder to be listed.
struct Folder {
    path: String,
    /// Whether it, or one above it, is hidden.
    hidden: bool,
}

/// One folder: its files and links go into `tree`, its folders into `pending`.
fn list(tree: &mut Tree, folder: &Folder, pending: &mut Vec<Folder>) -> Result<(), WalkError> {
    let native = match folder.path.as_str() {
        "" => tree.root.clone(),
        path => tree.root.join(super::relative::to_native(path)),
    };
    let entries = fs::read_dir(&native).map_err(|source| WalkError::List { path: native.clone(), source })?;
    for entry in entries {
        let entry = entry.map_err(|source| WalkError::List { path: native.clone(), source })?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            tree.unnamed.push(entry.path());
            continue;
        };
        let hidden = folder.hidden || is_hidden(name);
        let path = if folder.path.is_empty() { name.to_owned() } else { format!("{}/{name}", folder.path) };
        // Of the entry itself, not of what a link leads to.
        let kind = entry.file_type().map_err(|source| WalkError::List { path: entry.path(), source })?;
        if kind.is_symlink() {
            let target =
                fs::read_link(entry.path()).map_err(|source| WalkError::List { path: entry.path(), source })?;
            match target.to_str() {
                Some(target) => tree.links.push(Link { path, target: target.to_owned() }),
                None => tree.unnamed.push(entry.path()),
            }
        } else if kind.is_dir() {
            pending.push(Folder { path, hidden });
        } else if kind.is_file() && hidden {
            tree.hidden.push(path);
        } else if kind.is_file() {
            tree.files.push(path);
        } else if !hidden {
            return Err(WalkError::Special { path: entry.path() });
        }
    }
    Ok(())
}
