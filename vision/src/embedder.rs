//! The ability to turn crops into embeddings.

use crate::{Cancel, Embedding, ModelError, RgbImage, Sha256};

/// Embeds crops. Batch-first and synchronous; callers keep it off async threads.
pub trait Embedder: Send + Sync {
    /// One embedding per crop, in order.
    ///
    /// # Errors
    /// When the network cannot run or its output does not fit its card.
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError>;

    /// As [`Embedder::embed`], given up between batches when nobody waits any more.
    ///
    /// # Errors
    /// As [`Embedder::embed`], and [`ModelError::Cancelled`].
    fn embed_until(&self, crops: &[RgbImage], cancel: &Cancel) -> Result<Vec<Embedding>, ModelError> {
        cancel.check()?;
        self.embed(crops)
    }

    /// Components of an embedding.
    fn dimension(&self) -> usize;

    /// Digest of everything that decides what an embedding means: weights and preprocessing. A gallery built under
    /// another fingerprint is not comparable.
    fn fingerprint(&self) -> Sha256;

    /// Which weights run where.
    fn describe(&self) -> String;
}
