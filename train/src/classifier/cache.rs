//! Images decoded and made small once, kept in memory within a bound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vision::preprocess::Region;
use vision::{PreprocessPlan, RgbImage};

use super::error::DataError;
use crate::core::Kept;
use crate::core::kept::Failure;

/// Opens images, and keeps them.
#[derive(Debug)]
pub struct Cache {
    plan: PreprocessPlan,
    short: u32,
    kept: Kept<PathBuf, RgbImage>,
}

impl Cache {
    /// Keeps images whose shorter side has `short` pixels (smaller ones as they are), in `memory` bytes. More than `unreadable`
    /// images that cannot be read are an error.
    #[must_use]
    pub fn new(plan: PreprocessPlan, short: u32, memory: u64, unreadable: usize) -> Self {
        Self { plan, short, kept: Kept::new(memory, unreadable) }
    }

    /// The image; `None` for one that cannot be read, which is remembered.
    ///
    /// # Errors
    /// When more images cannot be read than are put up with.
    pub fn get(&self, path: &Path) -> Result<Option<Arc<RgbImage>>, DataError> {
        self.kept.get(&path.to_owned(), &path.display(), || {
            let image = dataset::image_file::load(path).map_err(|error| Failure::unreadable(&error))?;
            let image = self.small(&image);
            let size = image.as_raw().len() as u64;
            Ok((image, size))
        })
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
