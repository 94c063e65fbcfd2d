//! The crop of a box that a person drew: cut out of the stored photo, embedded, kept.

use pipeline::Recognizer;
use store::label::CorrectedCrop;
use store::{NewObject, Store, StoreError};
use vision::BBox;

use crate::ReviewError;
use crate::intake::jpeg;

/// Cuts `bbox` out of the photo and embeds it, by the rule that recognition cuts by.
///
/// # Errors
/// When the store does not have the photo, or the crop cannot be cut, embedded or kept.
pub async fn corrected_crop(
    store: &Store,
    recognizer: Recognizer,
    photo: &str,
    bbox: BBox,
) -> Result<CorrectedCrop, ReviewError> {
    let damaged = |_| StoreError::Damaged { what: "digest", value: photo.to_owned() };
    let file = store.objects().get(photo.parse().map_err(damaged)?).await?;
    let work = move || -> Result<_, ReviewError> {
        let image = recognizer.decode(&file)?;
        let crop = vision::crop(&image, &bbox, recognizer.settings().crop);
        let embeddings = recognizer.embedder().embed(std::slice::from_ref(&crop))?;
        let picture = jpeg(&vision::crop(&image, &bbox, vision::crop::CropRule::default()));
        let (embedding, picture) = embeddings.into_iter().next().zip(picture).ok_or(ReviewError::Crop)?;
        Ok((embedding, NewObject::of(picture), recognizer.embedder().fingerprint()))
    };
    let (embedding, picture, embedder) = tokio::task::spawn_blocking(work).await??;
    let bytes = picture.bytes().len();
    let picture = store.objects().put(picture).await?;
    Ok(CorrectedCrop { picture, bytes, embedder, embedding: embedding.as_slice().to_vec() })
}
