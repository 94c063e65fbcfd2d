//! Another embedder with a gallery of its own, asked beside the first.

use std::fmt;
use std::sync::Arc;

use classifier::gallery::vote::{DecisionRule, decide};
use vision::crop::CropRule;
use vision::{BBox, Cancel, Embedder, ModelError, RgbImage, SkuIndex};

/// A second embedder, such as the next release's. Its gallery names SKUs by the same codes.
#[derive(Clone)]
pub struct SecondOpinion {
    /// Embeds the same facings.
    pub embedder: Arc<dyn Embedder>,
    /// What they are compared with.
    pub gallery: Arc<dyn SkuIndex>,
    /// How facings are cut out; comes with the embedder.
    pub crop: CropRule,
}

impl fmt::Debug for SecondOpinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondOpinion").field("gallery", &self.gallery.describe()).finish_non_exhaustive()
    }
}

impl SecondOpinion {
    /// The code of the SKU that it takes each facing for; `None` where it knows none.
    pub(crate) fn ask<'a>(
        &self,
        facings: impl Iterator<Item = (&'a RgbImage, BBox)>,
        rule: &DecisionRule,
        cancel: &Cancel,
    ) -> Result<Vec<Option<Arc<str>>>, ModelError> {
        let crops: Vec<RgbImage> = facings.map(|(image, bbox)| vision::crop(image, &bbox, self.crop)).collect();
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let embeddings = self.embedder.embed_until(&crops, cancel)?;
        if embeddings.len() != crops.len() {
            return Err(ModelError::UnexpectedOutput {
                expected: format!("{} embeddings of the second opinion", crops.len()),
                found: format!("{}", embeddings.len()),
            });
        }
        let neighbors = self.gallery.search(&embeddings, rule.k)?;
        let code = |sku| self.gallery.sku(sku).map(|sku| Arc::from(sku.code.as_str()));
        Ok(neighbors.iter().map(|neighbors| decide(neighbors, rule, 1).sku.and_then(code)).collect())
    }
}
