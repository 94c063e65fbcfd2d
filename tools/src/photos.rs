//! Which files a person means by the paths on the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dataset::files::is_hidden;
use dataset::layout::{FileSort, IMAGES};
use vision::decode::heic;

/// The files themselves, whatever their ending (all are told by content when read), and of folders the images directly inside,
/// sorted by name. What lies there but is not read is counted, with its first name.
pub(crate) fn collect(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut photos = Vec::new();
    for path in paths {
        let kind = std::fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
        if !kind.is_dir() {
            photos.push(path.clone());
            continue;
        }
        let found = look(path)?;
        for (count, what, first) in [
            (found.others.len(), "images of kinds that are not read", found.others.first()),
            (found.hidden.len(), "hidden files", found.hidden.first()),
        ] {
            if let Some(first) = first {
                eprintln!("passed over in {}: {count} {what}, such as {}", path.display(), first.display());
            }
        }
        if found.photos.is_empty() {
            bail!("{} holds no images that are read (files ending in {})", path.display(), IMAGES.join(", "));
        }
        photos.extend(found.photos);
    }
    Ok(photos)
}

/// What phones save, which is read where libheif is installed.
fn is_heic(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["heic", "heif", "hif"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[derive(Default)]
struct Found {
    photos: Vec<PathBuf>,
    others: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

fn look(folder: &Path) -> anyhow::Result<Found> {
    let listing = || format!("cannot list {}", folder.display());
    let mut found = Found::default();
    for entry in std::fs::read_dir(folder).with_context(listing)? {
        let file = entry.with_context(listing)?.path();
        if !file.is_file() {
            continue;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match FileSort::of(&name) {
            _ if is_hidden(&name) => found.hidden.push(file),
            FileSort::Image => found.photos.push(file),
            FileSort::OtherImage if is_heic(&name) && heic::available() => found.photos.push(file),
            FileSort::OtherImage => found.others.push(file),
            FileSort::NoImage => {}
        }
    }
    for list in [&mut found.photos, &mut found.others, &mut found.hidden] {
        list.sort();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_a_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["b.JPG", "a.jpe", "c.heic", "._a.jpg", ".DS_Store", "notes.txt", "Thumbs.db"] {
            std::fs::write(folder.path().join(name), "").expect("writable");
        }
        let found = look(folder.path()).expect("listed");
        let names = |files: &[PathBuf]| -> Vec<String> {
            files.iter().map(|f| f.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(&found.photos), ["a.jpe", "b.JPG"]);
        assert_eq!(names(&found.others), ["c.heic"]);
        assert_eq!(names(&found.hidden), [".DS_Store", "._a.jpg", "Thumbs.db"]);
    }
}
