//! Putting right what is enrolled: rename, remove, merge, embed again.

use std::collections::BTreeSet;
use std::sync::Arc;

use vision::{ExemplarId, Sha256, Sku, SkuId};

use super::super::error::GalleryError;
use super::super::matrix::Matrix;
use super::{EmbedderIdentity, Exemplar, GalleryData};
use vision::time::now;

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Exemplars that changed their SKU.
    pub moved: usize,
    /// Exemplars that went: the other SKU has the same image.
    pub repeated: usize,
}

impl GalleryData {
    /// Gives a SKU another name.
    ///
    /// # Errors
    /// When it is not there.
    pub fn rename_sku(&mut self, id: SkuId, name: &str) -> Result<(), GalleryError> {
        let sku = self.skus.get_mut(&id).ok_or(GalleryError::UnknownSku(id))?;
        self.digest = None;
        *sku = Arc::new(Sku { name: name.to_owned(), ..(**sku).clone() });
        Ok(())
    }

    /// Moves the exemplars of `from` to `into` and takes the emptied SKU away: the two were one product. Exemplars keep their
    /// numbers; an image that was enrolled under both stays once. The number of `from` is not used again.
    ///
    /// # Errors
    /// When a SKU is not there, both are the same, or one stands for what is no container.
    pub fn merge(&mut self, from: SkuId, into: SkuId) -> Result<Merged, GalleryError> {
        for id in [from, into] {
            if id == SkuId::NOT_A_CONTAINER {
                return Err(GalleryError::MergeOfNoSku);
            }
            if !self.skus.contains_key(&id) {
                return Err(GalleryError::UnknownSku(id));
            }
        }
        if from == into {
            return Err(GalleryError::MergeIntoItself(into));
        }
        let there: BTreeSet<Sha256> = self.exemplars.iter().filter(|e| e.sku == into).map(|e| e.sha256).collect();
        let before = self.exemplars.len();
        self.retain(|exemplar| exemplar.sku != from || !there.contains(&exemplar.sha256));
        let repeated = before - self.exemplars.len();
        let mut moved = 0;
        for row in 0..self.exemplars.len() {
            if self.exemplars[row].sku == from {
                self.exemplars.row_mut(row)[0].sku = into;
                moved += 1;
            }
        }
        self.skus.remove(&from);
        Ok(Merged { moved, repeated })
    }

    /// Removes several exemplars at once; those that are not there are left out.
    pub fn remove_exemplars(&mut self, ids: &BTreeSet<ExemplarId>) {
        self.retain(|exemplar| !ids.contains(&exemplar.id));
    }

    /// Removes one exemplar. Its SKU stays, even without exemplars.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_exemplar(&mut self, id: ExemplarId) -> Result<Exemplar, GalleryError> {
        let row = self.row_of(id).ok_or(GalleryError::UnknownExemplar(id))?;
        let removed = self.exemplars[row].clone();
        self.retain(|exemplar| exemplar.id != id);
        Ok(removed)
    }

    /// Removes a SKU and its exemplars; gives how many there were. Neither number is used again.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_sku(&mut self, id: SkuId) -> Result<usize, GalleryError> {
        self.skus.remove(&id).ok_or(GalleryError::UnknownSku(id))?;
        let before = self.exemplars.len();
        self.retain(|exemplar| exemplar.sku != id);
        Ok(before - self.exemplars.len())
    }

    /// The exemplars for which `keep` (one a row) is true, with other embeddings (a row each) by `embedder`. SKUs stay.
    pub(crate) fn with_embeddings(&self, embedder: EmbedderIdentity, keep: &[bool], embeddings: Matrix) -> Self {
        let mut data = Self { embedder, created: now(), digest: None, ..self.clone() };
        data.exemplars.retain(keep);
        assert!(
            data.exemplars.len() == embeddings.rows() && data.embedder.dimension == embeddings.columns(),
            "a row an exemplar"
        );
        data.embeddings = embeddings;
        data
    }

    /// Forgets which revision on disk this was read from: it can be written elsewhere, in place of whatever gallery is there.
    pub fn detach(&mut self) {
        self.revision = None;
    }

    fn retain(&mut self, keep: impl Fn(&Exemplar) -> bool) {
        self.digest = None;
        let keep: Vec<bool> = self.exemplars.iter().map(keep).collect();
        self.embeddings.retain(&keep);
        self.exemplars.retain(&keep);
    }
}
