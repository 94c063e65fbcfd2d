//! Images decoded and made small once, kept in memory within a bound.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vision::preprocess::Region;
use vision::{PreprocessPlan, RgbImage};

use super::error::DataError;

/// Opens images, and keeps them.
#[derive(Debug)]
pub struct Cache {
    plan: PreprocessPlan,
    short: u32,
    memory: u64,
    unreadable: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeMap<PathBuf, Arc<RgbImage>>,
    used: u64,
    broken: BTreeMap<PathBuf, String>,
}

impl Cache {
    /// Keeps images whose shorter side has `short` pixels (smaller ones as they are), in `memory` bytes; those that come first
    /// stay, since an epoch asks for everything. More than `unreadable` images that cannot be read are an error.
    #[must_use]
    pub fn new(plan: PreprocessPlan, short: u32, memory: u64, unreadable: usize) -> Self {
        Self { plan, short, memory, unreadable, state: Mutex::default() }
    }

    /// The image; `None` for one that cannot be read, which is remembered.
    ///
    /// # Errors
    /// When more images cannot be read than are put up with.
    pub fn get(&self, path: &Path) -> Result<Option<Arc<RgbImage>>, DataError> {
        {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(image) = state.kept.get(path) {
                return Ok(Some(Arc::clone(image)));
            }
            if state.broken.contains_key(path) {
                return Ok(None);
            }
        }
        let opened = dataset::image_file::load(path);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(image) => {
                drop(state);
                let image = Arc::new(self.small(&image));
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let size = image.as_raw().len() as u64;
                if state.used + size <= self.memory && !state.kept.contains_key(path) {
                    state.used += size;
                    state.kept.insert(path.to_owned(), Arc::clone(&image));
                }
                Ok(Some(image))
            }
            Err(error) => {
                tracing::warn!(image = %path.display(), %error, "an image cannot be read and is left out");
                let last = format!("{}: {error}", path.display());
                state.broken.insert(path.to_owned(), error.to_string());
                let (count, limit) = (state.broken.len(), self.unreadable);
                if count > limit { Err(DataError::TooManyUnreadable { count, limit, last }) } else { Ok(None) }
            }
        }
    }

    fn small(&self, image: &RgbImage) -> RgbImage {
        let (width, height) = image.dimensions();
        let short = width.min(height);
        if short <= self.short {
            return image.clone();
        }
        let side = |length: u32| ((u64::from(length) * u64::from(self.short)).div_ceil(u64::from(short)) as u32).max(1);
        self.plan.pixels(image, Region::whole(image), (side(width), side(height)))
    }
}
