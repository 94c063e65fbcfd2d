//! The same gallery by another embedder: every exemplar's picture is found again by its content and embedded.

mod folders;

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vision::{DecodeError, DecodeLimits, Embedder, ExemplarId, ModelError, RgbImage, decode};

use super::batches::{Batch, Progress, in_waves};
use super::data::{EmbedderIdentity, Exemplar, GalleryData};
use super::matrix::Matrix;
pub use folders::FolderPictures;

/// Where the pictures of exemplars are kept. Several threads ask at the same time.
pub trait Pictures: Sync {
    /// The picture of exactly this digest ([`Exemplar::sha256`]), encoded.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is another picture now.
    fn fetch(&self, exemplar: &Exemplar) -> Result<Vec<u8>, LossReason>;
}

/// Why an exemplar's picture cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LossReason {
    /// Nothing has its content.
    #[error("there is no such picture any more")]
    Missing,
    /// Its file has another content.
    #[error("{path} holds another picture now")]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Its file is larger than a picture may be.
    #[error("{path} has more than the {limit} bytes that a picture may have")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Bytes allowed.
        limit: usize,
    },
    /// Its file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a picture that is taken today.
    #[error("{0}")]
    NotAPicture(DecodeError),
    /// Where it is kept does not give it.
    #[error("{0}")]
    Kept(Box<dyn Error + Send + Sync>),
}

/// An exemplar without its picture.
#[derive(Debug)]
pub struct Lost {
    /// Which.
    pub exemplar: ExemplarId,
    /// Where it came from.
    pub origin: String,
    /// Why.
    pub reason: LossReason,
}

/// What embedding again may cost and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReembedOptions {
    /// Of one picture.
    pub limits: DecodeLimits,
    /// Pictures embedded at a time.
    pub batch: usize,
    /// Exemplars that may be left out because their picture cannot be had.
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
    /// Too many pictures are lacking.
    #[error("{} of {total} exemplars have no usable picture, at most {allowed} may be left out", .lost.len())]
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

/// Embeds every exemplar's picture again. SKUs and numbers stay as they are; `data` itself is not touched. Gives the new
/// content, and the exemplars that were left out.
///
/// # Errors
/// When more pictures are lacking than may be, all of them named, or the embedder fails.
pub fn reembed(
    data: &GalleryData,
    pictures: &dyn Pictures,
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
        |&row| load(&data.exemplars()[row], pictures, &options.limits),
        |row, picture| {
            keep.push(picture.is_ok());
            match picture {
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

fn load(exemplar: &Exemplar, pictures: &dyn Pictures, limits: &DecodeLimits) -> Result<RgbImage, LossReason> {
    decode(&pictures.fetch(exemplar)?, limits).map_err(LossReason::NotAPicture)
}
