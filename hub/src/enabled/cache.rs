//! The hub's local cache: `blobs` named by their digest, `snapshots` of commits that point to them, `refs` that tell which
//! commit a branch was when it was last asked for.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use vision::files;

use super::super::{HubError, HubFile};
use super::remote::Remote;

/// One repository at one revision in the cache.
pub(super) struct CachedRepo {
    repo: CacheRepo,
    folder: PathBuf,
    locks: PathBuf,
    revision: String,
    pinned: bool,
}

impl CachedRepo {
    pub(super) fn new(cache: &Path, file: &HubFile) -> Self {
        let id = format!("{}/{}", file.owner(), file.repo());
        let repo = Repo::with_revision(id, RepoType::Model, file.revision().to_owned());
        let name = repo.folder_name();
        Self {
            folder: cache.join(&name),
            locks: cache.join(".locks").join(&name),
            repo: Cache::new(cache.to_owned()).repo(repo),
            revision: file.revision().to_owned(),
            pinned: file.is_pinned(),
        }
    }

    /// The file `name`, as it was when the revision was last asked for.
    pub(super) fn cached(&self, name: &str) -> Option<PathBuf> {
        if self.pinned {
            // Nobody writes a reference from a commit to itself.
            return Some(self.repo.pointer_path(&self.revision).join(name)).filter(|path| path.is_file());
        }
        self.repo.get(name).filter(|path| path.is_file())
    }

    /// Where the bytes of `remote` lie.
    pub(super) fn blob(&self, remote: &Remote) -> PathBuf {
        self.folder.join("blobs").join(remote.sha256.to_string())
    }

    /// Where they are gathered.
    pub(super) fn partial(&self, remote: &Remote) -> PathBuf {
        self.blob(remote).with_extension("incomplete")
    }

    /// Keeps other processes from the bytes of `remote` until the answer is dropped; `waiting` is told when one of them is
    /// there first. The folders are made, too.
    pub(super) fn lock(&self, remote: &Remote, waiting: &mut dyn FnMut()) -> Result<File, HubError> {
        for folder in [&self.locks, &self.folder.join("blobs")] {
            fs::create_dir_all(folder).map_err(|source| HubError::Cache { path: folder.clone(), source })?;
        }
        let path = self.locks.join(format!("{}.lock", remote.sha256));
        let io = |source| HubError::Cache { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().map_err(io)?;
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        Ok(file)
    }

    /// Gives the gathered bytes of `remote`, which are right and on the disk, their name.
    pub(super) fn keep(&self, remote: &Remote) -> Result<(), HubError> {
        let blob = self.blob(remote);
        let kept =
            fs::rename(self.partial(remote), &blob).and_then(|()| files::sync_folder(&self.folder.join("blobs")));
        kept.map_err(|source| HubError::Cache { path: blob, source })
    }

    /// Lets the commit's `name` point to the bytes of `remote`, and the revision to the commit.
    pub(super) fn point(&self, remote: &Remote, name: &str) -> Result<PathBuf, HubError> {
        let path = self.repo.pointer_path(&remote.commit).join(name);
        // From snapshots/COMMIT/NAME, whose name may have folders of its own.
        let up = "../".repeat(2 + name.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{}", remote.sha256));
        let made = parent(&path).and_then(|()| link(&target, &path));
        made.map_err(|source| HubError::Cache { path: path.clone(), source })?;
        if !self.pinned {
            let reference = self.folder.join("refs").join(&self.revision);
            let written = parent(&reference).and_then(|()| files::replace(&reference, &[remote.commit.as_bytes()]));
            written.map_err(|source| HubError::Cache { path: reference, source })?;
        }
        Ok(path)
    }
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Makes `path` a relative link to `target`, whatever it was before.
#[cfg(unix)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(path).is_ok_and(|old| old == target) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    // A link cannot be made over another, but renamed over it.
    let beside =
        tempfile::Builder::new().prefix(".writing-").make_in(folder, |new| std::os::unix::fs::symlink(target, new))?;
    beside.persist(path).map_err(|error| error.error)?;
    files::sync_folder(folder)
}

/// Elsewhere links want rights that few have: a copy.
#[cfg(not(unix))]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    fs::copy(folder.join(target), beside.path())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}
