//! What people taught another embedder, embedded by the one that is served.

use bytes::Bytes;
use pipeline::Recognizer;
use store::StoreError;
use vision::ExemplarId;

use crate::{Queue, ReviewError};

/// Labels that are embedded between two changes of the gallery.
const TOGETHER: u32 = 32;

/// How far [`reteach`] has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taught {
    /// Everything up to this change was seen.
    change: i64,
    /// A look at what came later goes on behind this exemplar,
    after: ExemplarId,
    /// and will have seen everything up to this change.
    until: i64,
}

impl Taught {
    /// At the start everything is still to be looked at.
    pub(super) const fn nothing() -> Self {
        Self { change: 0, after: ExemplarId(0), until: 0 }
    }
}

/// Teaches this embedder some of what people taught others, and wakes the keeper when there may be more of it.
pub(super) async fn reteach(queue: &Queue, recognizer: &Recognizer, taught: &mut Taught) -> Result<(), ReviewError> {
    let Some(store) = queue.store() else { return Ok(()) };
    if taught.after == ExemplarId(0) {
        taught.until = store.last_change().await?;
    }
    if taught.until <= taught.change {
        return Ok(());
    }
    let found = store.taught_to_others(queue.embedder(), taught.change, taught.after, TOGETHER).await?;
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
            store.teach_again(queue.embedder(), embeddings).await?;
        }
        taught.after = newest.id;
    }
    if found.len() == TOGETHER as usize {
        queue.gallery_changed();
    } else {
        (taught.change, taught.after) = (taught.until, ExemplarId(0));
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
