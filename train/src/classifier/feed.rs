//! Batches of crops, and the threads that prepare them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::{Loader, TooManyUnreadable, Workers};
use candle_core::{Device, Tensor};
use vision::rng::Rng;
use vision::{PreprocessPlan, RgbImage};

use super::augment::Augment;
use super::cache::Cache;
use super::data::SkuImages;
use super::error::DataError;
use super::sampler::{SamplerRules, Slot, batches, epoch};

/// Crops for one step, as the network takes them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Which batch of its epoch.
    pub number: usize,
    /// (B, 3, side, side), normalised.
    pub pixels: Vec<f32>,
    /// Side of the crops in pixels.
    pub side: usize,
    /// Numbers of their SKUs.
    pub labels: Vec<usize>,
    /// Their files.
    pub paths: Vec<PathBuf>,
    /// How they look.
    pub images: Vec<RgbImage>,
}

impl Batch {
    /// The crops on a device.
    ///
    /// # Errors
    /// When candle fails.
    pub fn tensor(&self, device: &Device) -> candle_core::Result<Tensor> {
        Tensor::from_slice(&self.pixels, (self.labels.len(), 3, self.side, self.side), device)
    }
}

/// Everything that batches are made from. Which crops are in a batch and what is done to them follows from seed, epoch and
/// what is known of look-alikes, whatever the threads.
#[derive(Debug)]
pub struct Feed {
    /// What is learned and what validates.
    pub data: SkuImages,
    /// Opens them.
    pub cache: Cache,
    /// What is done to them.
    pub augment: Augment,
    /// How they are put together.
    pub rules: SamplerRules,
    /// How the network wants them.
    pub plan: PreprocessPlan,
    by_sku: Vec<Vec<usize>>,
}

/// Crops of a SKU in a row that may be unreadable before the next SKU is asked.
const MAX_TRIES: usize = 20;

impl Feed {
    /// Puts the parts together.
    #[must_use]
    pub fn new(data: SkuImages, cache: Cache, augment: Augment, rules: SamplerRules, plan: PreprocessPlan) -> Self {
        let mut by_sku = vec![Vec::new(); data.learned];
        for (at, crop) in data.train.iter().enumerate() {
            by_sku[crop.sku].push(at);
        }
        Self { data, cache, augment, rules, plan, by_sku }
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn batches(&self) -> usize {
        batches(self.data.train.len(), &self.rules)
    }

    /// The batches of an epoch from number `first` on, as squares of `side`. `near` as for [`epoch`].
    #[must_use]
    pub fn epoch(
        self: &Arc<Self>,
        (number, first): (u32, usize),
        side: u32,
        near: &[Vec<usize>],
        workers: Workers,
    ) -> Loader<Batch, DataError> {
        let plan = epoch(&self.by_sku, near, &self.rules, number);
        let feed = Arc::clone(self);
        Loader::start(first..plan.len(), workers, move |number| feed.batch(number, &plan[number], side))
    }

    /// One batch, on this thread.
    ///
    /// # Errors
    /// When too many images cannot be read.
    pub fn batch(&self, number: usize, slots: &[Slot], side: u32) -> Result<Batch, DataError> {
        let plane = (side * side) as usize;
        let mut pixels = vec![0.0_f32; slots.len() * 3 * plane];
        let (mut labels, mut paths, mut images) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, pixels) in slots.iter().zip(pixels.chunks_exact_mut((3 * plane).max(1))) {
            let (image, crop) = self.load(slot.crop)?;
            let view = self.augment.apply(&image, &self.plan, side, &mut Rng::new(slot.seed))?;
            self.plan.normalise(&view, pixels);
            labels.push(self.data.train[crop].sku);
            paths.push(self.data.train[crop].path.clone());
            images.push(view);
        }
        Ok(Batch { number, pixels, side: side as usize, labels, paths, images })
    }

    /// A crop; of the next one that can be read, when it cannot. They lie sorted by SKU, so mostly that is one of the same.
    fn load(&self, crop: usize) -> Result<(Arc<RgbImage>, usize), DataError> {
        let all = self.data.train.len();
        let mut last = String::new();
        for step in 0..MAX_TRIES.min(all) {
            let at = (crop + step) % all;
            if let Some(image) = self.cache.get(&self.data.train[at].path)? {
                return Ok((image, at));
            }
            last = self.data.train[at].path.display().to_string();
        }
        Err(TooManyUnreadable { count: MAX_TRIES.min(all), limit: MAX_TRIES, last }.into())
    }
}
