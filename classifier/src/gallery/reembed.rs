//! The same gallery by another embedder: every exemplar's image is found again by its content and embedded.

mod folders;

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vision::{DecodeError, DecodeLimits, Embedder, ExemplarId, ModelError, RgbImage, decode};

use super::batches::{Batch, Progress, in_waves};
use super::data::{EmbedderIdentity, Exemplar, GalleryData};
use super::matrix::Matrix;
pub use folders::FolderImages;

/// Where the images of exemplars are kept. Several threads ask at the same time.
pub trait ImageSource: Sync {
    /// The image of exactly this digest ([`Exemplar::sha256`]), encoded.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is another image now.
    fn fetch(&self, exemplar: &Exemplar) -> Result<Vec<u8>, LossReason>;
}

/// Why an exemplar's image cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LossReason {
    /// Nothing has its content.
    #[error("there is no such image any more")]
    Missing,
    /// Its file has another content.
    #[error("{path} holds another image now")]
    Changed {
        /// Path of the file.
        path: PathBuf,
    },
    /// Its file is larger than an image may be.
    #[error("{path} has more than the {limit} bytes that an image may have")]
    TooLarge {
        /// Path of the file.
        path: PathBuf,
        /// Bytes allowed.
        limit: usize,
    },
    /// Its file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It is not an image that is taken today.
    #[error("{0}")]
    NotAnImage(DecodeError),
    /// Where it is kept does not give it.
    #[error("{0}")]
    Kept(Box<dyn Error + Send + Sync>),
}

/// An exemplar without its image.
#[derive(Debug)]
pub struct Lost {
    /// Number of the exemplar.
    pub exemplar: ExemplarId,
    /// Where it came from.
    pub origin: String,
    /// Reason.
    pub reason: LossReason,
}

/// What embedding again may cost and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReembedOptions {
    /// Of one image.
    pub limits: DecodeLimits,
    /// Images embedded at a time.
    pub batch: usize,
    /// Exemplars that may be left out because their image cannot be had.
    pub max_lost: usize,
}

impl Default for ReembedOptions {
    fn default() -> Self {
        Self { limits: DecodeLimits::default(), batch: 32, max_lost: 0 }
    }
}

/// Why a gallery was not embedded again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReembedError {
    /// Too many images are lacking.
    #[error("{} of {total} exemplars have no usable image, at most {allowed} may be left out", .lost.len())]
    TooManyLost {
        /// All of them; at least one.
        lost: Vec<Lost>,
        /// Exemplars of the gallery.
        total: usize,
        /// How many may be lacking.
        allowed: usize,
    },
    /// The embedder failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Embeds every exemplar's image again. SKUs and numbers stay as they are; `data` itself is not touched. Gives the new
/// content, and the exemplars that were left out.
///
/// # Errors
/// When more images are lacking than may be, all of them named, or the embedder fails.
pub fn reembed(
    data: &GalleryData,
    images: &dyn ImageSource,
    embedder: &dyn Embedder,
    options: &ReembedOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<(GalleryData, Vec<Lost>), ReembedError> {
    let total = data.exemplars().len();
    let identity = EmbedderIdentity::of(embedder);
    let mut embeddings = Matrix::new(identity.dimension);
    let mut batch = Batch::new(embedder, options.batch);
    let mut keep = Vec::with_capacity(total);
    let mut lost = Vec::new();
    in_waves(
        (0..total).collect(),
        |&row| load(&data.exemplars()[row], images, &options.limits),
        |row, opened| {
            keep.push(opened.is_ok());
            match opened {
                // Once it fails, the rest is only looked for: all that is lacking is named at once.
                Ok(image) if lost.len() <= options.max_lost => batch.push(row, image),
                Ok(_) => {}
                Err(reason) => {
                    let exemplar = &data.exemplars()[row];
                    lost.push(Lost { exemplar: exemplar.id, origin: exemplar.origin.clone(), reason });
                }
            }
            if batch.is_full() {
                append(&mut embeddings, &mut batch)?;
            }
            progress(Progress { done: row + 1, total });
            Ok::<_, ModelError>(())
        },
    )?;
    if lost.len() > options.max_lost {
        return Err(ReembedError::TooManyLost { lost, total, allowed: options.max_lost });
    }
    append(&mut embeddings, &mut batch)?;
    Ok((data.with_embeddings(identity, &keep, embeddings), lost))
}

fn append(embeddings: &mut Matrix, batch: &mut Batch<'_, usize>) -> Result<(), ModelError> {
    for (_, embedding) in batch.embed()? {
        if embedding.dimension() != embeddings.columns() {
            return Err(ModelError::Dimension { expected: embeddings.columns(), found: embedding.dimension() });
        }
        embeddings.push(embedding.as_slice());
    }
    Ok(())
}

fn load(exemplar: &Exemplar, images: &dyn ImageSource, limits: &DecodeLimits) -> Result<RgbImage, LossReason> {
    decode(&images.fetch(exemplar)?, limits).map_err(LossReason::NotAnImage)
}
