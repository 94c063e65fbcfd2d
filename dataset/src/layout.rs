//! Which images a folder holds, and what is known of each: a label file of boxes, or a SKU by its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{Link, WalkError, file_name, file_stem, parent, walk};
use crate::names::data_root;
use crate::split::Part;

/// How a data set says what its images show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutKind {
    /// YOLO: `images/.../a.jpg` with `labels/.../a.txt`, or `a.jpg` with `a.txt` beside it.
    Boxes,
    /// Image folder: `.../SKU/a.jpg`; each image shows one product.
    Folders,
}

/// What the caller knows about the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayoutChoice {
    /// [`LayoutKind::Boxes`] when there is any label file or an `images` folder, else [`LayoutKind::Folders`].
    #[default]
    Auto,
    /// As told.
    Is(LayoutKind),
}

/// An image of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Relative to the data set, with `/`.
    pub path: String,
    /// Its label file, when there is one ([`LayoutKind::Boxes`]).
    pub label: Option<String>,
    /// Its SKU: the name of its folder ([`LayoutKind::Folders`]).
    pub sku: Option<String>,
    /// The part its folder says it belongs to (`train/`, `val2017/`, `test/`).
    pub part: Option<Part>,
}

impl ImageFile {
    /// Where its label file is, or would be: the last folder called `images` becomes `labels`; beside the image when
    /// there is no such folder.
    #[must_use]
    pub fn label_path(&self) -> String {
        self.label.clone().unwrap_or_else(|| label_for(&self.path))
    }
}

/// The content of a data set's folder. All lists are sorted by path.
#[derive(Debug, Clone)]
pub struct DataFolder {
    /// The folder.
    pub root: PathBuf,
    /// How it says what is on the images.
    pub kind: LayoutKind,
    /// Images of a kind that is read: JPEG, PNG, WebP.
    pub images: Vec<ImageFile>,
    /// Label files without an image.
    pub stray_labels: Vec<String>,
    /// Images of a kind that is not read.
    pub unsupported: Vec<String>,
    /// Symbolic links, which are not followed.
    pub links: Vec<Link>,
    /// Hidden files and what systems leave behind ([`crate::files::is_hidden`]), which are passed over.
    pub hidden: usize,
    /// Files and folders whose names are no text, which are passed over.
    pub unnamed: usize,
}

/// A folder that is no data set.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// It cannot be listed.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// There is nothing to work on.
    #[error(
        "{root} holds no image (JPEG, PNG or WebP){}{}{}",
        if *.unsupported > 0 { format!("; {unsupported} of other kinds are not read, such as {example}: save them as JPEG") } else { String::new() },
        if *.links > 0 { format!("; its {links} symbolic links are not followed: copy the images, or name the folder they are in") } else { String::new() },
        if *.hidden > 0 { format!("; its {hidden} hidden files are passed over") } else { String::new() }
    )]
    NoImages {
        /// Which folder.
        root: PathBuf,
        /// Links seen on the way.
        links: usize,
        /// Images of kinds that are not read.
        unsupported: usize,
        /// The first of them.
        example: String,
        /// Hidden files.
        hidden: usize,
    },
}

/// Extensions of images that are read, in small letters.
pub const IMAGES: &[&str] = &["jpg", "jpeg", "jpe", "jfif", "png", "webp"];

/// Extensions of images that are not.
const OTHER_IMAGES: &[&str] = &[
    "bmp", "gif", "tif", "tiff", "heic", "heif", "hif", "avif", "jxl", "jp2", "dng", "cr2", "cr3", "nef", "arw", "psd",
    "svg",
];

/// What a file is by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSort {
    /// An image of a kind that is read.
    Image,
    /// An image of a kind that is not.
    OtherImage,
    /// None.
    NoImage,
}

impl FileSort {
    /// By the extension of a name or `/` path, in capitals or not.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match extension(path).as_deref() {
            Some(e) if IMAGES.contains(&e) => Self::Image,
            Some(e) if OTHER_IMAGES.contains(&e) => Self::OtherImage,
            _ => Self::NoImage,
        }
    }
}

/// Text files that are no labels although they lie among images or labels.
const NOT_LABELS: &[&str] =
    &["classes", "readme", "license", "licence", "train", "val", "valid", "test", "provenance", "notes"];

impl DataFolder {
    /// Looks a folder through, named by itself or by its `data.yaml`. Images are not opened.
    ///
    /// # Errors
    /// When the folder cannot be listed or holds no image.
    pub fn scan(root: &Path, choice: LayoutChoice) -> Result<Self, LayoutError> {
        let data = Self::survey(root, choice)?;
        if data.images.is_empty() {
            return Err(data.no_images());
        }
        Ok(data)
    }

    /// That it holds no image, and what it holds instead.
    pub(crate) fn no_images(&self) -> LayoutError {
        LayoutError::NoImages {
            root: self.root.clone(),
            links: self.links.len(),
            unsupported: self.unsupported.len(),
            example: self.unsupported.first().cloned().unwrap_or_default(),
            hidden: self.hidden,
        }
    }

    /// As [`DataFolder::scan`], but a folder without images will do.
    pub(crate) fn survey(root: &Path, choice: LayoutChoice) -> Result<Self, WalkError> {
        let root = &data_root(root);
        let tree = walk(root)?;
        let mut texts = BTreeSet::new();
        let mut paths = Vec::new();
        let mut unsupported = Vec::new();
        for path in tree.files {
            match FileSort::of(&path) {
                FileSort::Image => paths.push(path),
                FileSort::OtherImage => unsupported.push(path),
                FileSort::NoImage if extension(&path).as_deref() == Some("txt") => {
                    texts.insert(path);
                }
                FileSort::NoImage => {}
            }
        }
        let labels = labels_of(&paths, &texts);
        let used: BTreeSet<String> = labels.iter().flatten().cloned().collect();
        let kind = match choice {
            LayoutChoice::Is(kind) => kind,
            LayoutChoice::Auto => {
                let boxes = !used.is_empty() || paths.iter().any(|p| folders(p).any(is_images));
                if boxes { LayoutKind::Boxes } else { LayoutKind::Folders }
            }
        };
        let stray_labels = match kind {
            LayoutKind::Boxes => stray(&texts, &used),
            LayoutKind::Folders => Vec::new(),
        };
        let images = paths
            .into_iter()
            .zip(labels)
            .map(|(path, label)| match kind {
                LayoutKind::Boxes => ImageFile { part: part_by_folder(&path), path, label, sku: None },
                LayoutKind::Folders => {
                    ImageFile { part: part_by_folder(&path), sku: sku_by_folder(&path), path, label: None }
                }
            })
            .collect();
        let (hidden, unnamed) = (tree.hidden.len(), tree.unnamed.len());
        Ok(Self { root: root.clone(), kind, images, stray_labels, unsupported, links: tree.links, hidden, unnamed })
    }

    /// Where a relative path lies.
    #[must_use]
    pub fn locate(&self, relative: &str) -> PathBuf {
        self.root.join(crate::files::to_native(relative))
    }

    /// Images that would share a label file (`a.jpg` and `a.png`), by that file.
    #[must_use]
    pub fn shared_labels(&self) -> BTreeMap<String, Vec<&ImageFile>> {
        let mut by_label: BTreeMap<String, Vec<&ImageFile>> = BTreeMap::new();
        if self.kind == LayoutKind::Boxes {
            for image in &self.images {
                by_label.entry(image.label_path()).or_default().push(image);
            }
        }
        by_label.retain(|_, images| images.len() > 1);
        by_label
    }
}

fn extension(path: &str) -> Option<String> {
    let (stem, extension) = file_name(path).rsplit_once('.')?;
    (!stem.is_empty()).then(|| extension.to_ascii_lowercase())
}

fn with_extension_txt(path: &str) -> String {
    let folder = parent(path);
    let separator = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{separator}{}.txt", file_stem(path))
}

/// Folder names of a path, outermost first.
fn folders(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    parent(path).split('/').filter(|f| !f.is_empty())
}

/// Whether a folder of this name holds images whose labels lie in a folder called `labels`. Where file systems tell capitals
/// from small letters people write both.
pub(crate) fn is_images(name: &str) -> bool {
    name.eq_ignore_ascii_case("images")
}

/// The label file of each image: beside it or in `labels`, exactly so called; else the one whose name is the same but for
/// how its letters are composed and for capitals in `labels` and `.txt`.
fn labels_of(images: &[String], texts: &BTreeSet<String>) -> Vec<Option<String>> {
    let places = |path: &str| [label_for(path), with_extension_txt(path)];
    let mut labels: Vec<Option<String>> =
        images.iter().map(|path| places(path).into_iter().find(|label| texts.contains(label))).collect();
    if labels.iter().all(Option::is_some) {
        return labels;
    }
    let taken: BTreeSet<&String> = labels.iter().flatten().collect();
    let mut others: BTreeMap<String, Option<&String>> = BTreeMap::new();
    for text in texts.iter().filter(|text| !taken.contains(text)) {
        // Two files that differ only so are told apart by nobody: neither is taken.
        others.entry(folded(text)).and_modify(|other| *other = None).or_insert(Some(text));
    }
    let found: Vec<Option<String>> = images
        .iter()
        .zip(&labels)
        .map(|(path, label)| match label {
            Some(_) => None,
            None => places(path).iter().find_map(|place| others.get(&folded(place)).copied().flatten()).cloned(),
        })
        .collect();
    for (label, found) in labels.iter_mut().zip(found) {
        *label = label.take().or(found);
    }
    labels
}

/// A label's path without what does not tell it from another.
fn folded(path: &str) -> String {
    let small = |name: &str| if is_labels(name) { "labels".to_owned() } else { name.to_owned() };
    let folders: Vec<String> = folders(path).map(small).collect();
    crate::files::composed(&format!("{}/{}.txt", folders.join("/"), file_stem(path)))
}

fn is_labels(name: &str) -> bool {
    name.eq_ignore_ascii_case("labels")
}

/// See [`Image::label_path`].
pub(crate) fn label_for(path: &str) -> String {
    let names: Vec<&str> = folders(path).collect();
    let images = names.iter().rposition(|name| is_images(name));
    let labels = match images.map(|at| names[at]) {
        Some("Images") => "Labels",
        Some("IMAGES") => "LABELS",
        _ => "labels",
    };
    let names: Vec<&str> =
        names.iter().enumerate().map(|(at, name)| if Some(at) == images { labels } else { name }).collect();
    let file = with_extension_txt(file_name(path));
    if names.is_empty() { file } else { format!("{}/{file}", names.join("/")) }
}

/// Text files that look like labels but belong to no image: all in a `labels` folder, and those in a folder where other
/// images have their labels beside them.
fn stray(texts: &BTreeSet<String>, used: &BTreeSet<String>) -> Vec<String> {
    let beside: BTreeSet<&str> = used.iter().map(|label| parent(label)).collect();
    let is_note = |path: &str| NOT_LABELS.contains(&file_stem(path).to_ascii_lowercase().as_str());
    // `a.ignore.txt` beside the labels of an image marks what is not labelled on it.
    let is_mark = |path: &str| path.strip_suffix(".ignore.txt").is_some_and(|p| used.contains(&format!("{p}.txt")));
    texts
        .iter()
        .filter(|path| !used.contains(*path) && !is_note(path) && !is_mark(path))
        .filter(|path| folders(path).any(is_labels) || beside.contains(parent(path)))
        .cloned()
        .collect()
}

/// The part a folder name on the way to `path` stands for: `train`, `val`, `valid`, `validation`, `test`, also with a
/// year (`val2017`). The outermost counts.
#[must_use]
pub fn part_by_folder(path: &str) -> Option<Part> {
    folders(path).find_map(|name| match name.to_ascii_lowercase().trim_end_matches(|c: char| c.is_ascii_digit()) {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Val),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    })
}

/// The innermost folder, its letters composed, unless it stands for a part.
fn sku_by_folder(path: &str) -> Option<String> {
    let name = folders(path).next_back()?;
    let holder = format!("{name}/x");
    if part_by_folder(&holder).is_some() { None } else { Some(crate::files::composed(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn yolo_folders() {
        let root = folder(&[
            "images/train/a.jpg",
            "images/train/b.JPG",
            "labels/train/a.txt",
            "labels/train/lost.txt",
            "labels/train/a.ignore.txt",
            "images/val2017/c.png",
            "labels/classes.txt",
            "README.txt",
            "images/val2017/old.bmp",
        ]);
        let data = DataFolder::scan(root.path(), LayoutChoice::Auto).unwrap();
        assert_eq!(data.kind, LayoutKind::Boxes);
        let seen: Vec<_> = data.images.iter().map(|p| (p.path.as_str(), p.label.as_deref(), p.part)).collect();
        assert_eq!(
            seen,
            [
                ("images/train/a.jpg", Some("labels/train/a.txt"), Some(Part::Train)),
                ("images/train/b.JPG", None, Some(Part::Train)),
                ("images/val2017/c.png", None, Some(Part::Val)),
            ]
        );
        assert_eq!(data.images[1].label_path(), "labels/train/b.txt");
        assert_eq!(data.stray_labels, ["labels/train/lost.txt"]);
        assert_eq!(data.unsupported, ["images/val2017/old.bmp"]);
    }

    #[test]
    fn labels_beside_images() {
        let root = folder(&["scene.jpg", "scene.txt", "other.txt", "classes.txt", "scene.png"]);
        let data = DataFolder::scan(root.path(), LayoutChoice::Auto).unwrap();
        assert_eq!(data.kind, LayoutKind::Boxes);
        assert_eq!(data.images[0].label.as_deref(), Some("scene.txt"));
        assert_eq!(data.stray_labels, ["other.txt"]);
        assert_eq!(data.shared_labels().keys().collect::<Vec<_>>(), ["scene.txt"]);
    }

    #[test]
    fn image_folders() {
        let root = folder(&["train/cola/1.jpg", "val/cola/2.jpg", "train/3.jpg"]);
        let data = DataFolder::scan(root.path(), LayoutChoice::Auto).unwrap();
        assert_eq!(data.kind, LayoutKind::Folders);
        let seen: Vec<_> = data.images.iter().map(|p| (p.path.as_str(), p.sku.as_deref(), p.part)).collect();
        assert_eq!(
            seen,
            [
                ("train/3.jpg", None, Some(Part::Train)),
                ("train/cola/1.jpg", Some("cola"), Some(Part::Train)),
                ("val/cola/2.jpg", Some("cola"), Some(Part::Val)),
            ]
        );
    }

    #[test]
    fn capitals_and_composed_letters_are_the_same_name() {
        let root = folder(&[
            "Images/a.JPG",
            "Labels/a.TXT",
            "Images/caf\u{e9}.jpe",
            "Labels/cafe\u{301}.txt",
            "Images/.b.jpg",
            "Labels/._a.txt",
            "Images/__MACOSX/c.jpg",
            "Images/phone.HEIC",
        ]);
        let data = DataFolder::scan(root.path(), LayoutChoice::Auto).unwrap();
        let seen: Vec<_> = data.images.iter().map(|p| (p.path.as_str(), p.label.as_deref())).collect();
        let expected =
            [("Images/a.JPG", Some("Labels/a.TXT")), ("Images/caf\u{e9}.jpe", Some("Labels/cafe\u{301}.txt"))];
        assert_eq!(seen, expected);
        assert_eq!((data.kind, data.stray_labels.len(), data.hidden), (LayoutKind::Boxes, 0, 3));
        assert_eq!(data.unsupported, ["Images/phone.HEIC"]);
        assert_eq!(label_for("Images/x.jpg"), "Labels/x.txt");
    }

    #[test]
    fn nothing_to_work_on() {
        let root = folder(&["labels/a.txt"]);
        let error = DataFolder::scan(root.path(), LayoutChoice::Auto).unwrap_err();
        assert!(error.to_string().contains("holds no image"), "{error}");
    }
}
