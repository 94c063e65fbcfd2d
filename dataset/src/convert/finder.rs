//! Finding the images that labels name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::files::{composed, file_stem, parent, to_native, walk};
use crate::layout::FileSort;

/// The images of a folder by the names labels give them.
#[derive(Debug)]
pub struct ImageFinder {
    folder: PathBuf,
    /// By name without what differs between systems; made when a name is not found as it is written. `None` where two images
    /// have one such name.
    folded: OnceLock<HashMap<String, Option<PathBuf>>>,
}

impl ImageFinder {
    /// Looks in `folder` and its `images` or `JPEGImages`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), folded: OnceLock::new() }
    }

    /// Where the image called `file` lies. A name that differs only in how its letters are composed or in capitals of its
    /// extension is the same name, when only one image has it.
    #[must_use]
    pub fn find(&self, file: &str) -> Option<PathBuf> {
        let native = to_native(file);
        let exact = ["", "images", "JPEGImages"].into_iter().map(|base| self.folder.join(base).join(&native));
        exact.into_iter().find(|path| path.is_file()).or_else(|| {
            let folded = self.folded.get_or_init(|| index(&self.folder));
            folded.get(&fold(file)).cloned().flatten()
        })
    }
}

fn index(folder: &Path) -> HashMap<String, Option<PathBuf>> {
    let mut index: HashMap<String, Option<PathBuf>> = HashMap::new();
    // What cannot be listed holds no image that could be found.
    let files = walk(folder).map(|tree| tree.files).unwrap_or_default();
    for file in files.iter().filter(|file| FileSort::of(file) == FileSort::Image) {
        let path = folder.join(to_native(file));
        let (first, rest) = file.split_once('/').unwrap_or(("", file));
        let inside = ["images", "jpegimages"].iter().any(|base| first.eq_ignore_ascii_case(base));
        for name in [Some(file.as_str()), inside.then_some(rest)].into_iter().flatten() {
            index.entry(fold(name)).and_modify(|other| *other = None).or_insert_with(|| Some(path.clone()));
        }
    }
    index
}

fn fold(file: &str) -> String {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    composed(&format!("{}/{}.{extension}", parent(file), file_stem(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_between_systems() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a.jpg", "images/b.JPG", "Images/c.jpg", "cafe\u{301}.png", "d.jpg", "images/d.JPG"] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let finder = ImageFinder::new(root.path());
        let check = |file: &str, expected: Option<&str>| {
            assert_eq!(finder.find(file), expected.map(|e| root.path().join(e)), "{file}");
        };
        check("a.jpg", Some("a.jpg"));
        check("a.JPG", Some("a.jpg"));
        check("b.jpg", Some("images/b.JPG"));
        check("c.jpg", Some("Images/c.jpg"));
        check("caf\u{e9}.png", Some("cafe\u{301}.png"));
        check("d.jpg", Some("d.jpg"));
        check("D.jpg", None);
        check("nowhere.jpg", None);
    }
}
