//! Why images cannot be trained on.

use std::path::PathBuf;

use crate::core::photometric::JpegError;
use crate::core::{TooManyUnreadable, WorkerPanicked};
use dataset::files::FileError;
use dataset::layout::LayoutError;
use dataset::split::FrozenError;
use thiserror::Error;

/// Why images cannot be trained on, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A folder cannot be listed or holds no image.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A frozen split cannot be read.
    #[error(transparent)]
    Split(#[from] FrozenError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An image does not go through JPEG.
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    /// A worker thread died.
    #[error(transparent)]
    Panicked(#[from] WorkerPanicked),
    /// An image of the split is gone.
    #[error("{split} lists {image}, which is not there: restore it, or freeze the split anew")]
    Missing {
        /// File of the split.
        split: PathBuf,
        /// The image that is missing.
        image: PathBuf,
    },
    /// Images that lie in no SKU folder.
    #[error("{image} lies in no SKU folder: put the images of each SKU into a folder named by its code")]
    NoSku {
        /// Path of one of them.
        image: PathBuf,
    },
    /// Nothing to tell apart.
    #[error("{} to learn from: at least two are needed to tell them apart; check `data` and `held_out`", if *.skus == 1 { "one SKU is left" } else { "no SKU is left" })]
    TooFewSkus {
        /// How many there are.
        skus: usize,
    },
    /// SKUs with fewer images than asked for.
    #[error(
        "{count} SKUs have fewer than the {min} images that `min_images_per_sku` asks for, such as {example}; add \
         images, lower it, or set `min_images_gate` to false"
    )]
    TooFewImages {
        /// How many SKUs.
        count: usize,
        /// How many images are wanted.
        min: usize,
        /// One of them.
        example: String,
    },
    /// A SKU that is to be held out does not exist.
    #[error("`held_out.skus` names {name:?}, which is no SKU of the data")]
    NoSuchSku {
        /// Code of the SKU.
        name: String,
    },
    /// Too many images cannot be read.
    #[error(transparent)]
    TooManyUnreadable(#[from] TooManyUnreadable),
}
