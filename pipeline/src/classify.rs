//! What one image shows that is a facing as a whole: no detector is asked.

use vision::{Cancel, Decision, ModelError, RgbImage};

use crate::recognize::Recognizer;

impl Recognizer {
    /// The SKU of a crop, by the rules of a facing on a photo, and its `top_k` candidates.
    ///
    /// # Errors
    /// When the embedder or the gallery fails, or nobody waits any more.
    pub fn classify(&self, image: &RgbImage, top_k: usize, cancel: &Cancel) -> Result<Decision, ModelError> {
        let embeddings = self.embedder().embed_until(std::slice::from_ref(image), cancel)?;
        let neighbors = self.gallery().search_wide(&embeddings, self.settings().rule.k, top_k)?;
        let found = neighbors.into_iter().next();
        found.map(|neighbors| self.decide(&neighbors, top_k)).ok_or_else(|| ModelError::UnexpectedOutput {
            expected: "the embedding of one image".to_owned(),
            found: format!("{}", embeddings.len()),
        })
    }
}
