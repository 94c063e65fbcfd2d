//! Synthetic and pasted shelves as a source of images.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use ::dataset::files::FileError;
use ::dataset::yolo::{self, BadLabels, Label, LabelLine};
use synth::framebuffer::Framebuffer;
use synth::{Class, Finish, SYNTH_VERSION, SynthConfig, World};
use vision::{BBox, RgbImage, Sha256};

use super::dataset::{Origin, TrainingData};
use super::error::DataError;

thread_local! {
    /// Scratch space: at 1280 x 960 it is 34 MB, dear to get anew for every shelf.
    static FRAMEBUFFER: RefCell<Framebuffer> = RefCell::new(Framebuffer::new(1, 1));
}

/// Synthetic shelves of one world of products.
#[derive(Debug)]
pub struct SyntheticShelves {
    world: World,
    identity: Sha256,
    /// Our number of each class that is rendered; `None` for one that is not trained, which is background then.
    classes: [Option<usize>; Class::NAMES.len()],
}

/// A synthetic shelf.
#[derive(Debug, Clone)]
pub struct SyntheticShelf {
    /// The image, after JPEG, as a telephone would have stored it.
    pub image: RgbImage,
    /// Labelled facings: class and box in pixels.
    pub objects: Vec<(usize, BBox)>,
    /// Facings too hidden to be labelled, but not quite background either.
    pub hidden: Vec<BBox>,
}

impl SyntheticShelves {
    /// The products of `config`, and instances cut out of the images in the folders `paste` (YOLO's layout). `names` are the
    /// classes that are trained. Takes seconds.
    ///
    /// # Errors
    /// When the configuration or a folder cannot be used.
    pub fn build(
        config: SynthConfig,
        paste: &[PathBuf],
        names: &[String],
        labels: BadLabels,
    ) -> Result<Self, DataError> {
        let classes = Class::NAMES.map(|name| names.iter().position(|known| known == name));
        let world = World::build_with(config, paste, labels)?;
        let codes: Vec<&str> = world.catalogue().skus.iter().map(|sku| sku.code.as_str()).collect();
        // Caches on disk know worlds by this text, in which one key has kept its first name.
        let config = format!("{:?}", world.config()).replace("paste_ratio", "paste_share");
        let parts = [format!("{SYNTH_VERSION}\0{config}"), codes.join("\0")];
        let identity = Sha256::of_parts(&[parts[0].as_bytes(), parts[1].as_bytes()]);
        Ok(Self { world, identity, classes })
    }

    /// What `labels` had counted before, and what was not understood in the folders `paste`.
    #[must_use]
    pub fn left_out(&self) -> &BadLabels {
        self.world.left_out()
    }

    /// Tells worlds apart: what all its shelves follow from.
    #[must_use]
    pub fn identity(&self) -> Sha256 {
        self.identity
    }

    /// The shelf of a number: the same for ever.
    ///
    /// # Errors
    /// When it does not go through JPEG.
    pub fn shelf(&self, number: u64) -> Result<SyntheticShelf, DataError> {
        let shelf = FRAMEBUFFER.with_borrow_mut(|frame| self.world.shelf(number, Finish::Jpeg, frame))?;
        let ours = |class: u32| self.classes.get(class as usize).copied().flatten();
        let objects = shelf.labels.iter().filter_map(|label| Some((ours(label.class)?, label.bbox))).collect();
        let hidden = shelf.hidden.iter().filter(|label| ours(label.class).is_some()).map(|label| label.bbox).collect();
        Ok(SyntheticShelf { image: shelf.image, objects, hidden })
    }
}

/// Copies the real images of `data` that show something synthetic shelves know into `folder`, with labels in the numbers of
/// [`Class`]: what instances may be cut out of without touching images that are reserved. False when there are none.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_for_pasting(data: &TrainingData, folder: &Path) -> Result<bool, DataError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| FileError::Write { path, source }
    };
    let (images, labels) = (folder.join("images"), folder.join("labels"));
    for made in [&images, &labels] {
        fs::create_dir_all(made).map_err(write(made))?;
    }
    let classes: Vec<Option<u32>> = data
        .names
        .iter()
        .map(|name| Class::NAMES.iter().position(|known| known == name).map(|class| class as u32))
        .collect();
    let mut copied = 0;
    for (number, sample) in data.samples.iter().enumerate() {
        let Origin::File(file) = &sample.origin else { continue };
        let lines: Vec<LabelLine> = (1..)
            .zip(&sample.objects)
            .filter_map(|(line, object)| {
                let class = classes.get(object.class).copied().flatten()?;
                Some(LabelLine { line, label: Label::from_edges(class, object.edges), comment: None })
            })
            .collect();
        let Some(extension) = file.extension().filter(|_| !lines.is_empty()) else { continue };
        // Images of several folders may have one name.
        let target = images.join(format!("{number:06}")).with_added_extension(extension);
        fs::copy(file, &target).map_err(write(&target))?;
        yolo::write(&labels.join(format!("{number:06}.txt")), &lines)?;
        copied += 1;
    }
    Ok(copied > 0)
}
