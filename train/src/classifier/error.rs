//! Why pictures cannot be trained on.

use std::path::PathBuf;

use crate::core::WorkerPanicked;
use crate::core::retouch::JpegError;
use dataset::files::FileError;
use dataset::layout::LayoutError;
use dataset::split::FrozenError;
use thiserror::Error;

/// Why pictures cannot be trained on, with what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A folder cannot be listed or holds no picture.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A frozen split cannot be read.
    #[error(transparent)]
    Split(#[from] FrozenError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture does not go through JPEG.
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    /// A worker thread died.
    #[error(transparent)]
    Panicked(#[from] WorkerPanicked),
    /// A picture of the split is gone.
    #[error("{split} lists {picture}, which is not there: restore it, or freeze the split anew")]
    Missing {
        /// The split.
        split: PathBuf,
        /// The picture.
        picture: PathBuf,
    },
    /// Pictures that lie in no SKU folder.
    #[error("{picture} lies in no SKU folder: put the pictures of each SKU into a folder named by its code")]
    NoSku {
        /// The picture.
        picture: PathBuf,
    },
    /// Nothing to tell apart.
    #[error("{} to learn from: at least two are needed to tell them apart; check `data` and `held_out`", if *.skus == 1 { "one SKU is left" } else { "no SKU is left" })]
    TooFewSkus {
        /// How many there are.
        skus: usize,
    },
    /// SKUs with fewer pictures than asked for.
    #[error(
        "{count} SKUs have fewer than the {least} pictures that `min_images_per_sku` asks for, such as {example}; add \
         pictures, lower it, or set `min_images_gate` to false"
    )]
    TooFewPictures {
        /// How many SKUs.
        count: usize,
        /// How many pictures are wanted.
        least: usize,
        /// One of them.
        example: String,
    },
    /// A SKU that is to be held out does not exist.
    #[error("`held_out.skus` names {name:?}, which is no SKU of the data")]
    NoSuchSku {
        /// The name.
        name: String,
    },
    /// Too many pictures cannot be read.
    #[error(
        "{count} pictures cannot be read, more than the {limit} that are put up with; the last: {last}; `shelf dataset check` lists them"
    )]
    TooManyUnreadable {
        /// How many so far.
        count: usize,
        /// How many are allowed.
        limit: usize,
        /// What is wrong with the last of them.
        last: String,
    },
}
