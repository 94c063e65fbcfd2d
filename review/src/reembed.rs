//! Labels made under another embedder, embedded again by the one that is served.

use bytes::Bytes;
use pipeline::Recognizer;
use store::StoreError;
use vision::ExemplarId;

use crate::{Queue, ReviewError};

/// Labels that are embedded between two changes of the gallery.
const TOGETHER: u32 = 32;

/// How far [`reembed`] has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Everything up to this change was seen.
    change: i64,
    /// The search for what came later goes on after this exemplar,
    after: ExemplarId,
    /// and will have seen everything up to this change.
    until: i64,
}

impl Progress {
    /// At the start nothing was seen.
    pub(super) const fn nothing() -> Self {
        Self { change: 0, after: ExemplarId(0), until: 0 }
    }
}

/// Embeds some labels of other embedders with this one, and wakes the gallery sync when there may be more.
pub(super) async fn reembed(
    queue: &Queue,
    recognizer: &Recognizer,
    progress: &mut Progress,
) -> Result<(), ReviewError> {
    let Some(store) = queue.store() else { return Ok(()) };
    if progress.after == ExemplarId(0) {
        progress.until = store.last_change().await?;
    }
    if progress.until <= progress.change {
        return Ok(());
    }
    let found = store.labels_of_other_embedders(queue.embedder(), progress.change, progress.after, TOGETHER).await?;
    let mut images = Vec::with_capacity(found.len());
    for exemplar in &found {
        match store.objects().get(exemplar.image).await {
            Ok(file) => images.push((exemplar.id, file)),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(newest) = found.last() {
        let recognizer = recognizer.clone();
        let embeddings = tokio::task::spawn_blocking(move || embedded(&recognizer, images)).await?;
        let (labels, without_image) = (embeddings.len(), found.len() - embeddings.len());
        tracing::info!(labels, without_image, "labels of another embedder were embedded again");
        if labels > 0 {
            store.add_reembedded(queue.embedder(), embeddings).await?;
        }
        progress.after = newest.id;
    }
    if found.len() == TOGETHER as usize {
        queue.gallery_changed();
    } else {
        (progress.change, progress.after) = (progress.until, ExemplarId(0));
    }
    Ok(())
}

/// What the embedder makes of these images; those it can make nothing of are left out.
fn embedded(recognizer: &Recognizer, images: Vec<(ExemplarId, Bytes)>) -> Vec<(ExemplarId, Vec<f32>)> {
    let embedded = images.into_iter().filter_map(|(id, file)| {
        let image = recognizer.decode(&file).ok()?;
        let embedding = recognizer.embedder().embed(std::slice::from_ref(&image)).ok()?.pop()?;
        Some((id, embedding.as_slice().to_vec()))
    });
    embedded.collect()
}
