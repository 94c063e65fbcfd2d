//! Labelled images of a folder as ground truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::Args;
use dataset::{DataFolder, LayoutChoice, LayoutKind, Part, image_file, yolo};
use eval::{ImageInfo, Rect, Truth};
use vision::RgbImage;

use crate::chosen::{Chosen, PartName};
use crate::classes::class_names;

/// Images with their true boxes.
pub(super) struct LabelledFolder {
    pub(super) files: Vec<PathBuf>,
    pub(super) images: Vec<ImageInfo>,
    /// Names of the data's classes; `None` when the data has none.
    pub(super) names: Option<Vec<String>>,
    /// Class numbers are those of the data.
    pub(super) truths: Vec<Truth>,
    /// Images without a label file.
    pub(super) unlabelled: usize,
}

/// Which images of a folder take part.
#[derive(Args)]
pub(super) struct SelectArgs {
    /// Only the images of this part: of --split, else in folders of its name
    #[arg(long, requires = "data")]
    part: Option<PartName>,
    /// Frozen split that says which part a picture is in (see `shelf dataset split`)
    #[arg(long, value_name = "FILE", requires = "part")]
    split: Option<PathBuf>,
    /// Leave images without a label file out, instead of counting them as empty
    #[arg(long, requires = "data")]
    pub(super) labelled_only: bool,
    /// The data's classes: a file, or names separated by commas [default: the data's own file]
    #[arg(long, value_name = "NAMES", requires = "data")]
    classes: Option<String>,
}

/// Lists a data set. What would silently be left out of the metrics is refused.
///
/// # Errors
/// When it cannot be listed, holds no image, or holds symbolic links or images of a kind that is not read.
pub(super) fn scan(root: &Path, kind: LayoutKind) -> anyhow::Result<DataFolder> {
    let folder = DataFolder::scan(root, LayoutChoice::Is(kind))?;
    if let Some(link) = folder.links.first() {
        bail!(
            "{} is a symbolic link (to {}), and links are not followed: what lies behind would silently be left out; copy it, \
             or name the folder it is in",
            folder.locate(&link.path).display(),
            link.target
        );
    }
    if let Some(other) = folder.unsupported.first() {
        bail!(
            "{} is no JPEG, PNG or WebP ({} such images) and would silently be left out; convert it or take it away",
            folder.locate(other).display(),
            folder.unsupported.len()
        );
    }
    Ok(folder)
}

impl LabelledFolder {
    /// Reads headers and labels; pixels later.
    ///
    /// # Errors
    /// When the folder holds no labelled image, a label file is wrong, or labels belong to no image.
    pub(super) fn read(root: &Path, select: &SelectArgs) -> anyhow::Result<Self> {
        let folder = scan(root, LayoutKind::Boxes)?;
        if let Some(stray) = folder.stray_labels.first() {
            bail!(
                "{} belongs to no image ({} such files): labels that are not evaluated would hide misses; see `shelf dataset check`",
                folder.locate(stray).display(),
                folder.stray_labels.len()
            );
        }
        if let Some((label, images)) = folder.shared_labels().into_iter().next() {
            bail!("{label} is the label file of {} and of {}", images[0].path, images[1].path);
        }
        let names = class_names(select.classes.as_deref(), root)?;
        let mut read = Self {
            files: Vec::new(),
            images: Vec::new(),
            names: names.map(|names| names.as_slice().to_vec()),
            truths: Vec::new(),
            unlabelled: 0,
        };
        let wanted = select.part.map(Part::from);
        let chosen = select.split.as_deref().map(|split| Chosen::read(split, select.part)).transpose()?;
        let taken = folder.images.iter().filter(|entry| match &chosen {
            Some(chosen) => chosen.takes(&entry.path),
            None => wanted.is_none() || entry.part == wanted,
        });
        for entry in taken {
            if entry.label.is_none() && select.labelled_only {
                read.unlabelled += 1;
                continue;
            }
            let file = folder.locate(&entry.path);
            let size = image_file::upright_size(&file)?;
            let index = read.images.len() as u32;
            match &entry.label {
                None => read.unlabelled += 1,
                Some(label) => read.add_labels(&folder.locate(label), index, size)?,
            }
            read.images.push(ImageInfo { name: entry.path.clone(), size: Some(size) });
            read.files.push(file);
        }
        ensure!(
            !read.images.is_empty(),
            "{} holds no image that was asked for ({} found in all)",
            root.display(),
            folder.images.len()
        );
        ensure!(
            !read.truths.is_empty(),
            "{} holds images but not one labelled box: an empty set cannot be evaluated",
            root.display()
        );
        Ok(read)
    }

    fn add_labels(&mut self, file: &Path, image: u32, (width, height): (u32, u32)) -> anyhow::Result<()> {
        for line in yolo::read(file)? {
            let class = line.label.class;
            if let Some(names) = &self.names {
                ensure!(
                    (class as usize) < names.len(),
                    "{}:{}: class {class} has no name; the data names classes 0 to {}",
                    file.display(),
                    line.line,
                    names.len() - 1
                );
            }
            let [x1, y1, x2, y2] = line.label.edges();
            let (w, h) = (f64::from(width), f64::from(height));
            let rect = Rect::from_corners(x1 * w, y1 * h, x2 * w, y2 * h);
            self.truths.push(Truth { image, class, rect, area: rect.area(), crowd: false });
        }
        Ok(())
    }

    /// One list of classes for data and detector, by name, and the number in it of each of the detector's classes.
    /// Without names in the data, numbers mean the same on both sides.
    ///
    /// # Errors
    /// When the data's numbers go beyond the detector's, or no name is common.
    pub(super) fn join_classes(&self, detector: &[String]) -> anyhow::Result<(Vec<String>, Vec<u32>)> {
        let Some(names) = &self.names else {
            let max = self.truths.iter().map(|t| t.class as usize).max().unwrap_or(0);
            ensure!(
                max < detector.len(),
                "the labels speak of class {max}, but the detector knows {} ({}); name the data's classes with --classes",
                detector.len(),
                detector.join(", ")
            );
            return Ok((detector.to_vec(), (0..detector.len() as u32).collect()));
        };
        let mut all = names.clone();
        let mut index: HashMap<&String, u32> = names.iter().zip(0..).collect();
        ensure!(
            detector.iter().any(|name| index.contains_key(name)),
            "the data's classes ({}) and the detector's ({}) have no name in common; name the data's with --classes",
            names.join(", "),
            detector.join(", ")
        );
        let numbers = detector.iter().map(|name| {
            *index.entry(name).or_insert_with(|| {
                all.push(name.clone());
                all.len() as u32 - 1
            })
        });
        let numbers = numbers.collect();
        Ok((all, numbers))
    }
}

/// Opens the photos that a ground truth file names, where tools put them: in `images/` beside it, or beside it.
pub(super) fn photos_beside(truth: &Path) -> impl Fn(&str) -> Option<RgbImage> {
    let folder = truth.parent().unwrap_or(Path::new("")).to_owned();
    let places = [folder.join("images"), folder];
    move |name| {
        // A name out of a file must not lead out of the folder.
        let name = dataset::files::safe_relative(name).ok()?;
        let path = places.iter().map(|place| place.join(&name)).find(|path| path.is_file())?;
        image_file::load(&path).ok()
    }
}
