//! The crop of a box that a person drew: cut out of the stored photo and embedded.

use bytes::Bytes;
use pipeline::Recognizer;
use store::label::CorrectedCrop;
use store::{NewObject, Store};
use vision::{BBox, Cancel, Sha256};

use crate::ReviewError;
use crate::intake::jpeg;

/// What was cut out of a photo.
#[derive(Debug)]
pub struct Cut {
    /// L2-normalised.
    embedding: Vec<f32>,
    /// What made it.
    embedder: Sha256,
    /// A JPEG.
    image: NewObject,
}

/// Cuts `bbox` out of the photo and embeds it, by the rule that recognition cuts by. Work for a thread of its own.
///
/// # Errors
/// When the photo cannot be decoded, the crop not be embedded or written as JPEG, or nobody waits any more.
pub fn cut(recognizer: &Recognizer, photo: &[u8], bbox: BBox, cancel: &Cancel) -> Result<Cut, ReviewError> {
    cancel.check()?;
    let image = recognizer.decode(photo)?;
    let crop = vision::crop(&image, &bbox, recognizer.settings().crop);
    let embeddings = recognizer.embedder().embed_until(std::slice::from_ref(&crop), cancel)?;
    let jpeg: Option<Bytes> = jpeg(&vision::crop(&image, &bbox, vision::crop::CropRule::default()));
    let (embedding, jpeg) = embeddings.into_iter().next().zip(jpeg).ok_or(ReviewError::Crop)?;
    let embedder = recognizer.embedder().fingerprint();
    Ok(Cut { embedding: embedding.as_slice().to_vec(), embedder, image: NewObject::of(jpeg) })
}

impl Cut {
    /// Keeps the image, for a label that is about to name it.
    ///
    /// # Errors
    /// When the place for images cannot be written.
    pub async fn keep(self, store: &Store) -> Result<CorrectedCrop, ReviewError> {
        let bytes = self.image.bytes().len();
        let image = store.objects().put(self.image).await?;
        Ok(CorrectedCrop { image, bytes, embedder: self.embedder, embedding: self.embedding })
    }
}
