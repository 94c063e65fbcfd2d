//! Drawn and pasted shelves as a source of pictures.

use std::path::PathBuf;

use ::dataset::synth::catalogue::Catalogue;
use ::dataset::synth::film::Film;
use ::dataset::synth::write::jpeg;
use ::dataset::synth::{Class, Scene, SynthConfig, SynthError, paste};
use vision::{BBox, DecodeLimits, RgbImage};

use super::error::DataError;

/// Shelves drawn from one world of products.
#[derive(Debug)]
pub struct DrawnShelves {
    config: SynthConfig,
    catalogue: Catalogue,
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
        config.validate().map_err(SynthError::from)?;
        let mut catalogue = Catalogue::build(&config);
        if let Some(folder) = paste {
            let cut = paste::instances(folder, config.paste_limit, config.seed).map_err(SynthError::from)?;
            catalogue.skus.extend(cut.skus);
        }
        let classes = Class::NAMES.map(|name| names.iter().position(|known| known == name));
        Ok(Self { config, catalogue, classes })
    }

    /// Tells worlds apart: what all its shelves follow from.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}\0{:?}\0{}", ::dataset::synth::SYNTH_VERSION, self.config, self.catalogue.skus.len())
    }

    /// The shelf of a number: the same for ever.
    ///
    /// # Errors
    /// When it does not go through JPEG.
    pub fn shelf(&self, number: u64) -> Result<DrawnShelf, DataError> {
        let mut film = Film::new(1, 1);
        let scene = Scene { catalogue: &self.catalogue, config: &self.config };
        let photo = scene.photo(number, &mut film);
        let bytes = jpeg(&photo.image, photo.jpeg_quality, "a drawn shelf")?;
        let (width, height) = photo.image.dimensions();
        let image = vision::decode(&bytes, &DecodeLimits::default()).map_err(|error| DataError::Jpeg {
            width,
            height,
            reason: error.to_string(),
        })?;
        let (mut objects, mut hidden) = (Vec::new(), Vec::new());
        for instance in &photo.instances {
            let Some(class) = self.classes[instance.class.id() as usize] else { continue };
            if instance.labelled { objects.push((class, instance.bbox)) } else { hidden.push(instance.bbox) }
        }
        Ok(DrawnShelf { image, objects, hidden })
    }
}
