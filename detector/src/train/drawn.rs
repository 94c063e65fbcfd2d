//! Drawn and pasted shelves as a source of pictures.

use std::cell::RefCell;
use std::path::PathBuf;

use ::dataset::synth::film::Film;
use ::dataset::synth::{Class, Finish, SynthConfig, World};
use vision::{BBox, RgbImage};

use super::error::DataError;

thread_local! {
    /// Scratch space: at 1280 x 960 it is 34 MB, dear to get anew for every shelf.
    static FILM: RefCell<Film> = RefCell::new(Film::new(1, 1));
}

/// Shelves drawn from one world of products.
#[derive(Debug)]
pub struct DrawnShelves {
    world: World,
    /// Our number of each class that is drawn; `None` for one that is not trained, which is background then.
    classes: [Option<usize>; Class::NAMES.len()],
}

/// A drawn shelf.
#[derive(Debug, Clone)]
pub struct DrawnShelf {
    /// The picture, after JPEG, as a telephone would have stored it.
    pub image: RgbImage,
    /// Labelled facings: class and box in pixels.
    pub objects: Vec<(usize, BBox)>,
    /// Facings too hidden to be labelled, but not quite background either.
    pub hidden: Vec<BBox>,
}

impl DrawnShelves {
    /// The products of `config`, and instances cut out of the pictures in `paste` (a folder in YOLO's layout). `names` are
    /// the classes that are trained.
    ///
    /// # Errors
    /// When the configuration or the folder cannot be used.
    pub fn build(config: SynthConfig, paste: Option<&PathBuf>, names: &[String]) -> Result<Self, DataError> {
        let world = World::build(config, paste.map_or(&[], std::slice::from_ref))?;
        let classes = Class::NAMES.map(|name| names.iter().position(|known| known == name));
        Ok(Self { world, classes })
    }

    /// Tells worlds apart: what all its shelves follow from.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}\0{:?}\0{}", ::dataset::synth::SYNTH_VERSION, self.world.config(), self.world.catalogue().skus.len())
    }

    /// The shelf of a number: the same for ever.
    ///
    /// # Errors
    /// When it does not go through JPEG.
    pub fn shelf(&self, number: u64) -> Result<DrawnShelf, DataError> {
        let shelf = FILM.with_borrow_mut(|film| self.world.shelf(number, Finish::Jpeg, film))?;
        let class = |class: u32| self.classes[class as usize];
        let objects = shelf.labels.iter().filter_map(|label| Some((class(label.class)?, label.bbox))).collect();
        let hidden = shelf.hidden.iter().filter(|label| class(label.class).is_some()).map(|label| label.bbox).collect();
        Ok(DrawnShelf { image: shelf.image, objects, hidden })
    }
}
