//! Batches, prepared ahead on worker threads.

use std::sync::Arc;

use crate::core::Workers;
use candle_core::{Device, Tensor};
use vision::PreprocessPlan;
use vision::rng::Rng;

use super::augment::{Augment, View};
use super::cache::{Cache, LoadedSample};
use super::dataset::{Origin, TrainingData};
use super::error::DataError;
use super::plan::{BatchRules, Slot, epoch};
use super::targets::Targets;

/// Images for one step, as the network takes them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Which batch of its epoch.
    pub number: usize,
    /// (B, 3, H, W) in `0..=1`.
    pub pixels: Vec<f32>,
    /// B, H and W.
    pub shape: (usize, usize, usize),
    /// The truth, in pixels.
    pub targets: Vec<Targets>,
    /// Where the images come from; of a mosaic, its first.
    pub origins: Vec<Origin>,
}

impl Batch {
    /// The images on a device.
    ///
    /// # Errors
    /// When candle fails.
    pub fn tensor(&self, device: &Device) -> candle_core::Result<Tensor> {
        let (batch, height, width) = self.shape;
        Tensor::from_slice(&self.pixels, (batch, 3, height, width), device)
    }

    /// An image of the batch, to look at.
    #[must_use]
    pub fn image(&self, number: usize) -> vision::RgbImage {
        let (_, height, width) = self.shape;
        let plane = height * width;
        let pixels = self.pixels.get(number * 3 * plane..(number + 1) * 3 * plane).unwrap_or_default();
        vision::RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = y as usize * width + x as usize;
            image::Rgb(std::array::from_fn(|c| pixels.get(c * plane + at).map_or(0, |v| (v * 255.0 + 0.5) as u8)))
        })
    }
}

/// Everything that batches are made from. Which images are in a batch and what is done to them follows from seed, epoch
/// and place alone, whatever the threads.
#[derive(Debug)]
pub struct Feed {
    /// The images; synthetic shelves among them.
    pub data: TrainingData,
    /// Opens them.
    pub cache: Cache,
    /// What is done to them.
    pub augment: Augment,
    /// How they are put together.
    pub rules: BatchRules,
    /// Side of the network's input, a multiple of 32.
    pub side: u32,
    /// Batches are as flat or narrow as the images in them, which come sorted by shape; no mosaics then.
    pub rectangular: bool,
}

/// Images in a row that may be unreadable before it is taken for a systematic failure.
const MAX_TRIES: usize = 20;

impl Feed {
    /// How many batches an epoch has.
    #[must_use]
    pub fn batches(&self) -> usize {
        epoch(&self.data.samples, &self.rules, 0).len()
    }

    /// The batches of an epoch from number `first` on, in order, prepared by `threads` threads at most `ahead` batches
    /// before they are asked for. `mosaic` is false in the last epochs, which see images as they are served.
    #[must_use]
    pub fn epoch(self: &Arc<Self>, number: u32, first: usize, options: LoaderOptions) -> Loader {
        let mut plan = epoch(&self.data.samples, &self.rules, number);
        if self.rectangular {
            self.sort_by_shape(&mut plan);
        }
        let LoaderOptions { threads, ahead, mosaic } = options;
        let feed = Arc::clone(self);
        let numbers = first..plan.len();
        Loader::start(numbers, Workers { threads, ahead }, move |number| feed.batch(number, &plan[number], mosaic))
    }

    /// Keeps the images of an epoch and the order of its batches' places, but puts alike shapes together. Images whose
    /// header cannot be read count as square; opening them will tell.
    fn sort_by_shape(&self, plan: &mut Vec<Vec<Slot>>) {
        let shape = |slot: &Slot| match &self.data.samples[slot.sample].origin {
            Origin::File(path) => ::dataset::image_file::upright_size(path)
                .map_or(1.0, |(width, height)| f64::from(width) / f64::from(height.max(1))),
            Origin::Synthetic(_) => 4.0 / 3.0,
        };
        let size = plan.first().map_or(1, Vec::len).max(1);
        let mut slots: Vec<(f64, Slot)> = plan.iter().flatten().map(|slot| (shape(slot), *slot)).collect();
        let seed = slots.iter().fold(0_u64, |sum, (_, slot)| sum.wrapping_add(slot.seed));
        slots.sort_by(|a, b| a.0.total_cmp(&b.0));
        let slots: Vec<Slot> = slots.into_iter().map(|(_, slot)| slot).collect();
        *plan = slots.chunks(size).map(<[Slot]>::to_vec).collect();
        Rng::new(seed).shuffle(plan);
    }

    /// One batch, on this thread.
    ///
    /// # Errors
    /// When too many images cannot be read.
    pub fn batch(&self, number: usize, slots: &[Slot], mosaic: bool) -> Result<Batch, DataError> {
        let size = if self.rectangular { self.canvas(slots)? } else { (self.side, self.side) };
        let (width, height) = (size.0 as usize, size.1 as usize);
        let (plane, plan) = (width * height, PreprocessPlan::yolo(size.0, size.1));
        let mut pixels = vec![0.0_f32; slots.len() * 3 * plane];
        let (mut targets, mut origins) = (Vec::with_capacity(slots.len()), Vec::with_capacity(slots.len()));
        for (slot, pixels) in slots.iter().zip(pixels.chunks_exact_mut((3 * plane).max(1))) {
            let (view, origin) = self.view(slot, size, mosaic && !self.rectangular)?;
            plan.normalise(&view.image, pixels);
            targets.push(view.targets);
            origins.push(origin);
        }
        Ok(Batch { number, pixels, shape: (slots.len(), height, width), targets, origins })
    }

    /// The smallest canvas that holds all images of a rectangular batch.
    fn canvas(&self, slots: &[Slot]) -> Result<(u32, u32), DataError> {
        let mut canvas = (32, 32);
        for slot in slots {
            let (loaded, _) = self.loaded(slot.sample)?;
            let (width, height) = loaded.image.dimensions();
            let fit = |length: u32| length.next_multiple_of(32).min(self.side);
            canvas = (canvas.0.max(fit(width)), canvas.1.max(fit(height)));
        }
        Ok(canvas)
    }

    fn view(&self, slot: &Slot, size: (u32, u32), mosaic: bool) -> Result<(View, Origin), DataError> {
        let mut rng = Rng::new(slot.seed);
        let (loaded, origin) = self.loaded(slot.sample)?;
        let view = if mosaic && rng.chance(self.augment.mosaic) {
            let mut partners = Vec::with_capacity(3);
            for _ in 0..3 {
                partners.push(self.partner(&origin, &mut rng)?);
            }
            // The first image is not always above left.
            let mut four = [&*loaded, &*partners[0], &*partners[1], &*partners[2]];
            rng.shuffle(&mut four);
            View::mosaic(four, self.side, &mut rng)
        } else {
            View::single(&loaded, size)
        };
        let mut view = view.warped(&self.augment, size, &mut rng);
        view.finish(&self.augment, &mut rng)?;
        Ok((view, origin))
    }

    /// An image for a mosaic: of the same kind, synthetic or real.
    fn partner(&self, like: &Origin, rng: &mut Rng) -> Result<Arc<LoadedSample>, DataError> {
        let is_synthetic = |origin: &Origin| matches!(origin, Origin::Synthetic(_));
        // Real images come first; both runs are contiguous.
        let samples = &self.data.samples;
        let real = samples.partition_point(|sample| !is_synthetic(&sample.origin));
        let at = if is_synthetic(like) { real + rng.below(samples.len() - real) } else { rng.below(real) };
        Ok(self.loaded(at)?.0)
    }

    /// The image of a sample; of the next one that can be read, when it cannot.
    fn loaded(&self, sample: usize) -> Result<(Arc<LoadedSample>, Origin), DataError> {
        let samples = &self.data.samples;
        let tries = MAX_TRIES.min(samples.len());
        for step in 0..tries {
            let sample = &samples[(sample + step) % samples.len()];
            if let Some(loaded) = self.cache.get(sample)? {
                return Ok((loaded, sample.origin.clone()));
            }
        }
        let last = self.cache.unreadable().into_values().next_back().unwrap_or_default();
        Err(DataError::NothingReadable { tried: tries, last })
    }
}

/// How an epoch is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Worker threads, at least one.
    pub threads: usize,
    /// Maximum number of batches that are ready or in work before they are asked for: memory is `ahead` times a batch.
    pub ahead: usize,
    /// Whether mosaics are made.
    pub mosaic: bool,
}

/// The batches of an epoch, in order.
pub type Loader = crate::core::Loader<Batch, DataError>;
