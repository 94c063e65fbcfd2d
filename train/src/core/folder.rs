//! The folder of a run: `runs/<task>/<name>/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vision::RgbImage;

/// Where a run writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// `<root>/<name>`, or `<root>/<name>2`, `3`, ... when there is one already. Makes it, and points `<root>/latest` at it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(root: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        for number in 1..10_000 {
            let name = if number == 1 { name.to_owned() } else { format!("{name}{number}") };
            let folder = root.join(&name);
            match fs::create_dir(&folder) {
                Ok(()) => {
                    fs::create_dir(folder.join("weights"))?;
                    let run = Self(folder);
                    run.point_latest(root, &name)?;
                    return Ok(run);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{} has ten thousand runs called {name}", root.display())))
    }

    /// A run that exists.
    ///
    /// # Errors
    /// When there is no folder of a run.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if folder.join("weights").is_dir() {
            Ok(Self(folder.to_owned()))
        } else {
            let text = format!("{} is no folder of a training run: it has no weights/", folder.display());
            Err(io::Error::new(io::ErrorKind::NotFound, text))
        }
    }

    #[cfg(unix)]
    fn point_latest(&self, root: &Path, name: &str) -> io::Result<()> {
        let beside = root.join(format!(".latest-{}", std::process::id()));
        let _ = fs::remove_file(&beside);
        std::os::unix::fs::symlink(name, &beside)?;
        fs::rename(&beside, root.join("latest"))
    }

    #[cfg(not(unix))]
    fn point_latest(&self, _: &Path, _: &str) -> io::Result<()> {
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The checkpoint that a run goes on from.
    #[must_use]
    pub fn last(&self) -> PathBuf {
        self.0.join("weights/last.safetensors")
    }

    /// The best network so far, as it is served.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.0.join("weights/best.safetensors")
    }

    /// A row per epoch.
    #[must_use]
    pub fn results(&self) -> PathBuf {
        self.0.join("results.csv")
    }

    /// Writes an image, whole or not at all. Returns where.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_image(&self, name: &str, image: &RgbImage) -> io::Result<PathBuf> {
        let (path, beside) = (self.0.join(name), self.0.join(format!(".{name}")));
        image.save(&beside).map_err(io::Error::other)?;
        fs::rename(&beside, &path)?;
        Ok(path)
    }
}

/// `folder` of a run from what people write after `--resume`: `last` is the latest run of `root`, everything else a folder
/// or the checkpoint in it.
///
/// # Errors
/// When there is no such run.
pub fn find_run(root: &Path, which: &str) -> io::Result<RunFolder> {
    let given = Path::new(which);
    let folder = match which {
        "last" | "latest" | "best" => root.join("latest"),
        // Made absolute first: `last.safetensors` names no folder that its run could be found by.
        _ if given.is_file() => given.canonicalize()?.ancestors().nth(2).unwrap_or(given).to_owned(),
        _ if given.is_dir() => given.to_owned(),
        _ => root.join(which),
    };
    RunFolder::open(&folder.canonicalize().unwrap_or(folder))
}
