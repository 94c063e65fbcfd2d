//! Which files a person means by the paths on the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Endings that make a file inside a folder a candidate. Files named outright are taken whatever their ending, and all are
/// told by content when read.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The files themselves, and of folders the pictures directly inside, sorted by name.
pub(crate) fn collect(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut photos = Vec::new();
    for path in paths {
        let kind = std::fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
        if !kind.is_dir() {
            photos.push(path.clone());
            continue;
        }
        let before = photos.len();
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            let file = entry.with_context(|| format!("cannot list {}", path.display()))?.path();
            if file.is_file() && is_picture(&file) {
                photos.push(file);
            }
        }
        if photos.len() == before {
            bail!("{} holds no pictures (files ending in {})", path.display(), ENDINGS.join(", "));
        }
        photos[before..].sort();
    }
    Ok(photos)
}

fn is_picture(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known)))
}
