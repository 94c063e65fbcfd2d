//! A small data set on disk, to be made odd.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A data set of two images with a box each.
#[derive(Clone)]
pub(crate) struct Set {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) links: Vec<(String, String)>,
    /// The file that is made odd.
    pub(crate) main: &'static str,
}

impl Set {
    pub(crate) fn new(main: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        Self { files, links: Vec::new(), main }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.files[self.main].clone()).unwrap()
    }

    pub(crate) fn with(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(self.main.to_owned(), bytes.into());
        self
    }

    /// Replaces text in the main file, which must be there.
    pub(crate) fn swap(self, pairs: &[(&str, &str)]) -> Self {
        let mut text = self.text();
        for (from, to) in pairs {
            assert!(text.contains(from), "{from} is not in {}", self.main);
            text = text.replace(from, to);
        }
        self.with(text)
    }

    pub(crate) fn add(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    pub(crate) fn rename(mut self, from: &str, to: &str) -> Self {
        let bytes = self.files.remove(from).expect("it is there");
        self.files.insert(to.to_owned(), bytes);
        self
    }

    /// Puts a file elsewhere and a link in its place.
    pub(crate) fn link(mut self, path: &str) -> Self {
        let bytes = self.files.remove(path).expect("it is there");
        self.files.insert("elsewhere.bin".to_owned(), bytes);
        self.links.push((path.to_owned(), "elsewhere.bin".to_owned()));
        self
    }

    pub(crate) fn write(&self, root: &Path) {
        for (path, bytes) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        for (path, target) in &self.links {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(root.join(target), root.join(path)).unwrap();
        }
    }
}
