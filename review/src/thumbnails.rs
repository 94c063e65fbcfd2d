//! Thumbnails of the gallery's folder, taken over into the store: the review page shows them beside a facing.

use std::path::PathBuf;

use bytes::Bytes;
use classifier::gallery::thumbnails;
use store::{Store, StoreError};
use vision::Sha256;

/// Thumbnails read and written at a time.
const AT_ONCE: usize = 64;

/// Takes over what the page could not show otherwise. The queue works without, so nobody waits for it.
pub(super) async fn take_over(store: &Store, gallery: PathBuf) {
    match take(store, gallery).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "the review page shows the gallery's thumbnails"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the review page does not show the gallery's thumbnails yet; the next start tries again"
        ),
    }
}

async fn take(store: &Store, gallery: PathBuf) -> Result<usize, StoreError> {
    let wanted: Vec<Sha256> = store.unseen_images().await?.into_iter().collect();
    let mut taken = 0;
    for some in wanted.chunks(AT_ONCE) {
        let (some, gallery) = (some.to_vec(), gallery.clone());
        let read = move || -> Vec<(Sha256, Bytes)> {
            let found = some.into_iter().filter_map(|image| Some((image, thumbnails::read(&gallery, image)?.into())));
            found.collect()
        };
        let found = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        taken += found.len();
        if !found.is_empty() {
            store.take_thumbnails(found).await?;
        }
    }
    Ok(taken)
}
