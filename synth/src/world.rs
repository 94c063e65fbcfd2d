//! Synthetic shelves in memory: what a trainer asks for, one shelf after the other, without files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dataset::yolo::BadLabels;
use image::RgbImage;
use vision::BBox;

use super::catalogue::Catalogue;
use super::config::SynthConfig;
use super::framebuffer::Framebuffer;
use super::matte::RejectReason;
use super::paste;
use super::scene::{Photo, Scene};
use super::write::{SynthError, jpeg};

/// A world of products, from which any number of shelves is rendered. It may be shared between threads.
#[derive(Debug)]
pub struct World {
    config: SynthConfig,
    catalogue: Catalogue,
    refused: BTreeMap<RejectReason, usize>,
    left_out: BadLabels,
}

/// How a rendered image is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finish {
    /// Through JPEG and back, at the quality of the photo: what a trainer should see.
    #[default]
    Jpeg,
    /// As rendered.
    Raw,
}

/// A labelled facing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// Pixels of the image.
    pub bbox: BBox,
    /// Number of its class, [`super::Class::NAMES`]: 0 bottle, 1 can, 2 glass, 3 `unknown_container`.
    pub class: u32,
    /// Number of its product in [`World::catalogue`].
    pub sku: usize,
    /// Fraction of it that is seen, `0..=1`.
    pub visible: f32,
}

/// An image with its labels.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// 8-bit RGB of the configured size.
    pub image: RgbImage,
    /// What is labelled on it.
    pub labels: Vec<Labelled>,
    /// What is partly seen but has no label: too hidden to be asked for, not quite background either. A trainer may mask it.
    pub hidden: Vec<Labelled>,
}

impl World {
    /// The products of a configuration, and instances cut out of the labelled images in `paste` (YOLO folders; at most
    /// [`SynthConfig::paste_limit`] in all, shared evenly). Takes seconds.
    ///
    /// Labels that are not understood are left out, and [`World::left_out`] tells it.
    ///
    /// # Errors
    /// When the configuration, or one of the folders, cannot be used.
    pub fn build(config: SynthConfig, paste: &[PathBuf]) -> Result<Self, SynthError> {
        Self::build_with(config, paste, BadLabels::default())
    }

    /// As [`World::build`], with `labels` saying whether the first label that is not understood is an error.
    ///
    /// # Errors
    /// As [`World::build`]; strict, at that label.
    pub fn build_with(config: SynthConfig, paste: &[PathBuf], labels: BadLabels) -> Result<Self, SynthError> {
        config.validate()?;
        let mut left_out = labels;
        let mut catalogue = Catalogue::build(&config);
        let limit = config.paste_limit.div_ceil((paste.len() as u32).max(1));
        let mut refused = BTreeMap::new();
        for folder in paste {
            let harvest = paste::instances(folder, limit, config.seed, &mut left_out)?;
            catalogue.skus.extend(harvest.skus);
            harvest.refused.into_iter().for_each(|(reason, count)| *refused.entry(reason).or_default() += count);
        }
        paste::tell_apart(&mut catalogue.skus);
        Ok(Self { config, catalogue, refused, left_out })
    }

    /// The products.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How many boxes of the pasted folders gave no cut-out, by reason.
    #[must_use]
    pub fn refused(&self) -> &BTreeMap<RejectReason, usize> {
        &self.refused
    }

    /// Labels of the pasted folders that were not understood.
    #[must_use]
    pub fn left_out(&self) -> &BadLabels {
        &self.left_out
    }

    /// What was asked for.
    #[must_use]
    pub fn config(&self) -> &SynthConfig {
        &self.config
    }

    /// The photo of a number with every truth about it: the same for ever. `frame` is scratch space.
    #[must_use]
    pub fn photo(&self, number: u64, frame: &mut Framebuffer) -> Photo {
        Scene { catalogue: &self.catalogue, config: &self.config }.photo(number, frame)
    }

    /// The shelf of a number: the same for ever, in whatever order and on whatever thread it is asked for. `frame` is scratch
    /// space: `Framebuffer::new(1, 1)`, one for each thread.
    ///
    /// ```
    /// use synth::framebuffer::Framebuffer;
    /// use synth::{Finish, SynthConfig, World};
    ///
    /// let config = SynthConfig { size: (320, 240), facings: (8, 20), families: 6, ..SynthConfig::default() };
    /// let world = World::build(config, &[])?;
    /// let shelf = world.shelf(7, Finish::Jpeg, &mut Framebuffer::new(1, 1))?;
    /// assert!(!shelf.labels.is_empty());
    /// # Ok::<(), synth::SynthError>(())
    /// ```
    ///
    /// # Errors
    /// When the image cannot go through JPEG.
    pub fn shelf(&self, number: u64, finish: Finish, frame: &mut Framebuffer) -> Result<Shelf, SynthError> {
        let photo = self.photo(number, frame);
        let (mut labels, mut hidden) = (Vec::new(), Vec::new());
        for i in &photo.instances {
            let labelled = Labelled { bbox: i.bbox, class: i.class.id(), sku: i.sku, visible: i.visible };
            if i.labelled { labels.push(labelled) } else { hidden.push(labelled) }
        }
        let image = match finish {
            Finish::Raw => photo.image,
            Finish::Jpeg => {
                let name = format!("shelf {number}");
                let bytes = jpeg(&photo.image, photo.jpeg_quality, &name)?;
                vision::decode(&bytes, &vision::DecodeLimits::default())
                    .map_err(|source| SynthError::Decode { file: name, source })?
            }
        };
        Ok(Shelf { image, labels, hidden })
    }
}
