//! What is enrolled: SKUs, exemplars and their embeddings. The truth that is stored; [`super::Gallery`] searches it.

mod edit;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use vision::{Embedder, Embedding, ExemplarId, Sha256, Sku, SkuId};

use super::blocks::Blocks;
use super::error::{GalleryError, MAX_CODE_BYTES};
use super::matrix::Matrix;
pub use edit::Merged;
use vision::time::now;

/// One enrolled image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    /// Stable number, never used again after a removal.
    pub id: ExemplarId,
    /// What it shows.
    pub sku: SkuId,
    /// Where it came from: a path under the folder that was enrolled, or words.
    pub origin: String,
    /// Digest of the encoded image.
    pub sha256: Sha256,
}

/// An image to be enrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExemplar {
    /// What it shows.
    pub sku: SkuId,
    /// Where it came from.
    pub origin: String,
    /// Digest of the encoded image.
    pub sha256: Sha256,
    /// Its embedding, by the gallery's embedder.
    pub embedding: Embedding,
}

/// Which embedder made the embeddings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderIdentity {
    /// Digest of weights and preprocessing.
    pub fingerprint: Sha256,
    /// Components of an embedding.
    pub dimension: usize,
    /// The same in words, for messages.
    pub description: String,
}

impl EmbedderIdentity {
    /// Of an embedder at hand.
    #[must_use]
    pub fn of(embedder: &dyn Embedder) -> Self {
        Self { fingerprint: embedder.fingerprint(), dimension: embedder.dimension(), description: embedder.describe() }
    }
}

/// The content of a gallery. Row `i` of [`GalleryData::embeddings`] belongs to `exemplars()[i]`; exemplars are in
/// ascending order of id.
#[derive(Debug, Clone, PartialEq)]
pub struct GalleryData {
    name: String,
    embedder: EmbedderIdentity,
    created: String,
    skus: BTreeMap<SkuId, Arc<Sku>>,
    exemplars: Blocks<Exemplar>,
    embeddings: Matrix,
    next: NextIds,
    /// Revision on disk that this content was read from.
    revision: Option<u64>,
    /// Digest of the content, as long as it is the one on disk.
    digest: Option<Sha256>,
}

/// Numbers not given out yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NextIds {
    pub(crate) sku: u32,
    pub(crate) exemplar: u64,
}

/// Everything a snapshot holds, before it is checked.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) embedder: EmbedderIdentity,
    pub(crate) created: String,
    pub(crate) skus: Vec<Sku>,
    pub(crate) exemplars: Vec<Exemplar>,
    pub(crate) embeddings: Matrix,
    pub(crate) next: NextIds,
    pub(crate) revision: u64,
    pub(crate) digest: Sha256,
}

impl GalleryData {
    /// Nothing enrolled yet.
    ///
    /// # Panics
    /// When the embedder claims embeddings without components.
    #[must_use]
    pub fn new(name: impl Into<String>, embedder: EmbedderIdentity) -> Self {
        Self {
            name: name.into(),
            embeddings: Matrix::new(embedder.dimension),
            embedder,
            created: now(),
            skus: BTreeMap::new(),
            exemplars: Blocks::new(1),
            next: NextIds { sku: 1, exemplar: 1 },
            revision: None,
            digest: None,
        }
    }

    /// Puts stored parts together; counts and digests were compared by the reader.
    pub(crate) fn from_parts(parts: Parts) -> Result<Self, GalleryError> {
        let mut data = Self {
            name: parts.name,
            embedder: parts.embedder,
            created: parts.created,
            skus: BTreeMap::new(),
            exemplars: Blocks::new(1),
            embeddings: parts.embeddings,
            next: NextIds { sku: 1, exemplar: 1 },
            revision: Some(parts.revision),
            digest: None,
        };
        for sku in parts.skus {
            data.insert_sku(sku)?;
        }
        for pair in parts.exemplars.windows(2) {
            if pair[1].id <= pair[0].id {
                return Err(GalleryError::ExemplarOrder(pair[1].id));
            }
        }
        for exemplar in &parts.exemplars {
            if !data.skus.contains_key(&exemplar.sku) {
                return Err(GalleryError::UnknownSku(exemplar.sku));
            }
        }
        let last = parts.exemplars.last().map_or(0, |e| e.id.0);
        data.exemplars = Blocks::from_values(1, parts.exemplars);
        data.next.sku = data.next.sku.max(parts.next.sku);
        data.next.exemplar = parts.next.exemplar.max(last.saturating_add(1));
        data.digest = Some(parts.digest);
        Ok(data)
    }

    /// Name people know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was built, RFC 3339 in UTC.
    #[must_use]
    pub fn created(&self) -> &str {
        &self.created
    }

    /// What made the embeddings.
    #[must_use]
    pub fn embedder(&self) -> &EmbedderIdentity {
        &self.embedder
    }

    /// Revision on disk that this content was read from, or was last written as.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Digest of the content; `None` when it was edited since it was stored or sealed.
    #[must_use]
    pub fn digest(&self) -> Option<Sha256> {
        self.digest
    }

    /// Works out the digest that the content will have on disk, so that it can be named before it is written.
    pub fn seal(&mut self) {
        self.digest = Some(super::snapshot::digest(self));
    }

    /// Gives it another name, which is not part of the content.
    pub fn rename(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    pub(crate) fn set_stored(&mut self, revision: u64, digest: Sha256) {
        (self.revision, self.digest) = (Some(revision), Some(digest));
    }

    pub(crate) fn next_ids(&self) -> NextIds {
        self.next
    }

    /// SKUs by id.
    pub fn skus(&self) -> impl ExactSizeIterator<Item = &Arc<Sku>> {
        self.skus.values()
    }

    /// Looks a SKU up.
    #[must_use]
    pub fn sku(&self, id: SkuId) -> Option<&Arc<Sku>> {
        self.skus.get(&id)
    }

    /// Looks a SKU up by its code.
    #[must_use]
    pub fn sku_by_code(&self, code: &str) -> Option<&Arc<Sku>> {
        self.skus.values().find(|sku| sku.code == code)
    }

    /// Exemplars in ascending order of id.
    #[must_use]
    pub fn exemplars(&self) -> &Blocks<Exemplar> {
        &self.exemplars
    }

    /// Embeddings, a row an exemplar.
    #[must_use]
    pub fn embeddings(&self) -> &Matrix {
        &self.embeddings
    }

    /// Row of an exemplar.
    #[must_use]
    pub fn row_of(&self, id: ExemplarId) -> Option<usize> {
        place(&self.exemplars, id).ok()
    }

    /// Refuses an embedder whose embeddings are not comparable with those stored.
    ///
    /// # Errors
    /// [`GalleryError::Embedder`] or [`GalleryError::Dimension`].
    pub fn check_embedder(&self, embedder: &dyn Embedder) -> Result<(), GalleryError> {
        let found = EmbedderIdentity::of(embedder);
        if found.fingerprint != self.embedder.fingerprint {
            return Err(GalleryError::Embedder {
                gallery: self.name.clone(),
                built_by: self.embedder.description.clone(),
                expected: self.embedder.fingerprint,
                in_use: found.description,
                found: found.fingerprint,
            });
        }
        self.check_dimension(found.dimension)
    }

    fn check_dimension(&self, found: usize) -> Result<(), GalleryError> {
        if found == self.embedder.dimension {
            Ok(())
        } else {
            Err(GalleryError::Dimension { gallery: self.name.clone(), expected: self.embedder.dimension, found })
        }
    }

    /// Adds a SKU under the next free number.
    ///
    /// # Errors
    /// When the code is taken or cannot be a folder's name.
    pub fn add_sku(&mut self, code: &str, name: &str) -> Result<SkuId, GalleryError> {
        let id = SkuId(self.next.sku);
        self.insert_sku(Sku { id, code: code.to_owned(), name: name.to_owned() })?;
        Ok(id)
    }

    /// Adds a SKU whose number was chosen elsewhere.
    ///
    /// # Errors
    /// When number or code is taken, or the code cannot be a folder's name.
    pub fn insert_sku(&mut self, sku: Sku) -> Result<(), GalleryError> {
        check_code(&sku.code)?;
        if self.skus.contains_key(&sku.id) || self.sku_by_code(&sku.code).is_some() {
            return Err(GalleryError::DuplicateSku { id: sku.id, code: sku.code });
        }
        let following = sku.id.0.checked_add(1).ok_or(GalleryError::Full)?;
        self.digest = None;
        self.next.sku = self.next.sku.max(following);
        self.skus.insert(sku.id, Arc::new(sku));
        Ok(())
    }

    /// Adds exemplars, all or none, and gives their numbers.
    ///
    /// # Errors
    /// When a SKU is not there or an embedding has another dimension.
    pub fn add(&mut self, exemplars: Vec<NewExemplar>) -> Result<Vec<ExemplarId>, GalleryError> {
        for exemplar in &exemplars {
            self.check_dimension(exemplar.embedding.dimension())?;
            if !self.skus.contains_key(&exemplar.sku) {
                return Err(GalleryError::UnknownSku(exemplar.sku));
            }
        }
        let first = self.next.exemplar;
        // FAISS numbers vectors with i64.
        let end = first.checked_add(exemplars.len() as u64).filter(|&end| i64::try_from(end).is_ok());
        self.next.exemplar = end.ok_or(GalleryError::Full)?;
        self.digest = None;
        let ids: Vec<ExemplarId> = (first..self.next.exemplar).map(ExemplarId).collect();
        for (new, &id) in exemplars.into_iter().zip(&ids) {
            self.embeddings.push(new.embedding.as_slice());
            self.exemplars.push(&[Exemplar { id, sku: new.sku, origin: new.origin, sha256: new.sha256 }]);
        }
        Ok(ids)
    }

    /// Puts an exemplar in its place under a number that was chosen elsewhere.
    ///
    /// # Errors
    /// When the number is taken, the SKU is not there or the embedding has another dimension.
    pub fn insert_exemplar(&mut self, exemplar: Exemplar, embedding: &[f32]) -> Result<(), GalleryError> {
        self.check_dimension(embedding.len())?;
        if !self.skus.contains_key(&exemplar.sku) {
            return Err(GalleryError::UnknownSku(exemplar.sku));
        }
        let Err(row) = place(&self.exemplars, exemplar.id) else {
            return Err(GalleryError::ExemplarOrder(exemplar.id));
        };
        // FAISS numbers vectors with i64.
        let following = exemplar.id.0.checked_add(1).filter(|&end| i64::try_from(end).is_ok());
        self.next.exemplar = self.next.exemplar.max(following.ok_or(GalleryError::Full)?);
        self.digest = None;
        self.embeddings.insert(row, embedding);
        self.exemplars.insert(row, &[exemplar]);
        Ok(())
    }
}

/// Row of an exemplar among those in order of id, or the one before which it belongs.
pub(crate) fn place(exemplars: &Blocks<Exemplar>, id: ExemplarId) -> Result<usize, usize> {
    let (mut low, mut high) = (0, exemplars.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        match exemplars[middle].id.cmp(&id) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

/// Codes are names of folders: they must survive a round trip through a file system and a log line.
fn check_code(code: &str) -> Result<(), GalleryError> {
    let sound = (1..=MAX_CODE_BYTES).contains(&code.len())
        && !code.starts_with('.')
        && !code.chars().any(|c| c.is_control() || c == '/' || c == '\\');
    if sound { Ok(()) } else { Err(GalleryError::Code(code.chars().take(160).collect())) }
}
