//! The gallery: which SKUs there are, the images that show them, and the search among those.
//!
//! | module | what |
//! |---|---|
//! | [`data`] | SKUs, exemplars, embeddings: what is stored and edited |
//! | [`snapshot`], [`npy`] | the same on disk |
//! | [`Gallery`] | the same, indexed: what a server searches |
//! | [`flat`](self), [`faiss`] | the exact index in Rust, and FAISS held to it |
//! | [`calibration`] | thresholds of single SKUs, and probabilities |
//! | [`vote`] | from neighbours to known, ambiguous or unknown |
//! | [`enrol`] | from folders of images to exemplars |
//! | [`reembed`] | the same gallery by another embedder |
//! | [`thumbnails`] | small images of exemplars, for people |
//! | [`inspect`], [`suspects`] | how well SKUs hold together and apart, and whose label looks wrong |
//!
//! A [`Gallery`] never changes. Whoever changes the content edits a copy of its [`GalleryData`], lets another `Gallery`
//! [`follow`](Gallery::follow) and swaps the `Arc`: searches that run meanwhile finish on the old one, and none waits for a
//! lock. Copies share their blocks, so that this is quick in a large gallery, too.

mod batches;
mod blocks;
pub mod calibration;
pub mod data;
mod edit;
pub mod enrol;
pub mod error;
pub mod faiss;
mod flat;
mod hashing;
pub mod index;
pub mod inspect;
mod kernel;
mod manifest;
pub mod matrix;
mod neighbors;
pub mod npy;
pub mod prototypes;
pub mod reembed;
pub mod snapshot;
pub mod suspects;
pub mod thumbnails;
pub mod vote;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use vision::{Embedder, Embedding, ExemplarId, ModelError, Neighbor, Sku, SkuId, SkuIndex};

pub use batches::Progress;
pub use blocks::Blocks;
pub use calibration::{Calibration, Impostors, Mapping, Standard};
pub use data::{EmbedderIdentity, Exemplar, GalleryData, Merged, NewExemplar};
pub use error::GalleryError;
pub use index::{IndexKind, IndexOptions};
pub use matrix::Matrix;
pub use vote::{DecisionRule, decide, decide_with};

use edit::Edit;
use index::Index;
use neighbors::neighbors;
use prototypes::Prototypes;

/// An indexed gallery: immutable, cheap to share, searched by many threads at once.
pub struct Gallery {
    data: Arc<GalleryData>,
    index: Index,
    prototypes: Prototypes,
    calibration: Option<Calibration>,
}

impl Gallery {
    /// Indexes `data`.
    ///
    /// # Errors
    /// When the index asked for is not built in or fails.
    pub fn new(data: impl Into<Arc<GalleryData>>, options: &IndexOptions) -> Result<Self, GalleryError> {
        let data = data.into();
        let index = Index::build(&data, options)?;
        let prototypes = Prototypes::of_gallery(&data);
        Ok(Self { data, index, prototypes, calibration: None })
    }

    /// The same gallery with thresholds and probabilities worked out from its content and `standard`.
    ///
    /// # Errors
    /// When the index fails.
    pub fn calibrated(self, standard: &Arc<Standard>) -> Result<Self, GalleryError> {
        let calibration = Some(Calibration::of((&self.data, &self.prototypes), &self.index, standard)?);
        Ok(Self { calibration, ..self })
    }

    /// What similarity means here; `None` unless it was [calibrated](Gallery::calibrated).
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Indexes content that was edited from this gallery's. Takes as long as the edit was large, not the gallery: both share
    /// what is the same, and searches of the old one go on.
    ///
    /// # Errors
    /// As [`Gallery::new`].
    pub fn follow(&self, data: impl Into<Arc<GalleryData>>, options: &IndexOptions) -> Result<Self, GalleryError> {
        let data = data.into();
        let index = self.index.follow(&data, options)?;
        let edit = Edit::between(&self.data, &data);
        let prototypes = self.prototypes.follow(&edit, &data);
        let follow = |calibration: &Calibration| calibration.follow(&edit, (&data, &prototypes), &index);
        let calibration = self.calibration.as_ref().map(follow).transpose()?;
        Ok(Self { data, index, prototypes, calibration })
    }

    /// Reads the gallery stored in `path`, makes sure `embedder` built it, and indexes it.
    ///
    /// # Errors
    /// As [`snapshot::read`], [`GalleryData::check_embedder`] and [`Gallery::new`].
    pub fn open(path: &Path, embedder: &dyn Embedder, options: &IndexOptions) -> Result<Self, GalleryError> {
        let data = snapshot::read(path)?;
        data.check_embedder(embedder)?;
        Self::new(data, options)
    }

    /// The nearest exemplars of each query, without that of the row beside it.
    fn look_up(&self, queries: &[(&Embedding, Option<usize>)], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let dimension = self.data.embeddings().columns();
        let mut stacked = Vec::with_capacity(queries.len() * dimension);
        for (query, _) in queries {
            if query.dimension() != dimension {
                return Err(ModelError::Dimension { expected: dimension, found: query.dimension() });
            }
            stacked.extend_from_slice(query.as_slice());
        }
        let stacked = Matrix::from_values(dimension, stacked);
        let found = self.index.search(&self.data, &stacked, k).map_err(ModelError::inference)?;
        let gallery = (&*self.data, &self.prototypes);
        let near =
            |(hits, (query, without)): (_, &(&Embedding, _))| neighbors(gallery, query.as_slice(), hits, *without);
        Ok(found.into_iter().zip(queries).map(near).collect())
    }

    /// The mean direction of each SKU's exemplars.
    #[must_use]
    pub fn prototypes(&self) -> &Prototypes {
        &self.prototypes
    }

    /// What is enrolled.
    #[must_use]
    pub fn data(&self) -> &Arc<GalleryData> {
        &self.data
    }
}

impl fmt::Debug for Gallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gallery").field(&self.describe()).finish()
    }
}

impl SkuIndex for Gallery {
    fn search(&self, queries: &[Embedding], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let queries: Vec<(&Embedding, Option<usize>)> = queries.iter().map(|query| (query, None)).collect();
        self.look_up(&queries, k)
    }

    fn search_without(&self, queries: &[(Embedding, ExemplarId)], k: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
        let struck = queries.iter().map(|(query, exemplar)| (query, self.data.row_of(*exemplar)));
        let mut found = self.look_up(&struck.collect::<Vec<_>>(), k + 1)?;
        found.iter_mut().for_each(|neighbors| neighbors.truncate(k));
        Ok(found)
    }

    fn threshold(&self, sku: SkuId) -> Option<f32> {
        self.calibration.as_ref()?.threshold(sku)
    }

    fn probability(&self, sku: SkuId, similarity: f32, margin: f32) -> Option<f32> {
        Some(self.calibration.as_ref()?.probability(sku, similarity, margin))
    }

    fn enrolled_odds(&self, sku: SkuId, similarity: f32, margin: f32) -> Option<f32> {
        self.calibration.as_ref()?.enrolled_odds(sku, similarity, margin)
    }

    fn sku(&self, id: SkuId) -> Option<Arc<Sku>> {
        self.data.sku(id).filter(|sku| sku.id != SkuId::NOT_A_CONTAINER).cloned()
    }

    fn skus(&self) -> Vec<Arc<Sku>> {
        self.data.skus().filter(|sku| sku.id != SkuId::NOT_A_CONTAINER).cloned().collect()
    }

    fn len(&self) -> usize {
        self.data.exemplars().len()
    }

    fn describe(&self) -> String {
        let digest = self.data.digest().map(|digest| format!("@{}", digest.short())).unwrap_or_default();
        let skus = self.data.skus().filter(|sku| sku.id != SkuId::NOT_A_CONTAINER).count();
        format!("{}{digest} ({skus} SKUs, {} exemplars, {})", self.data.name(), self.len(), self.index.describe())
    }
}
