//! The crop of a box that a person drew: cut out of the stored photo, embedded, kept.

use std::sync::Arc;

use store::label::CorrectedCrop;
use store::{Store, StoreError};
use vision::BBox;

use super::intake::jpeg;
use crate::models::Loaded;
use crate::problem::Problem;

/// Cuts `bbox` out of the photo and embeds it, by the rule that recognition cuts by.
pub(crate) async fn corrected_crop(
    store: &Store,
    loaded: Arc<Loaded>,
    photo: &str,
    bbox: BBox,
) -> Result<CorrectedCrop, Problem> {
    let damaged = |_| StoreError::Damaged { what: "digest", value: photo.to_owned() };
    let file = store.objects().get(photo.parse().map_err(damaged)?).await?;
    let work = move || {
        let recognizer = &loaded.recognizer;
        let image = recognizer.decode(&file).map_err(|error| Problem::from(&error))?;
        let crop = vision::crop(&image, &bbox, recognizer.settings().crop);
        let embeddings = recognizer.embedder().embed(std::slice::from_ref(&crop)).map_err(|_| Problem::internal())?;
        let picture = jpeg(&vision::crop(&image, &bbox, vision::crop::CropRule::default()));
        let embedding = embeddings.into_iter().next();
        embedding.zip(picture).ok_or_else(Problem::internal).map(|(e, p)| (e, p, recognizer.embedder().fingerprint()))
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?;
    let (embedding, picture, embedder) = done?;
    let bytes = picture.len();
    let picture = store.objects().put(picture).await?;
    Ok(CorrectedCrop { picture, bytes, embedder, embedding: embedding.as_slice().to_vec() })
}
