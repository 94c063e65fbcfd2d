//! The gallery made of enrolled images and of what people said while it is served.
//!
//! The store is the truth. This is a copy of it that follows its changes; whoever applies all changes from the beginning
//! gets the same content, bit for bit, as whoever has followed them one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use classifier::gallery::{EmbedderIdentity, Exemplar, Gallery, GalleryData, GalleryError, IndexOptions, Standard};
use store::exemplars::{Enrolled, EnrolledExemplar, GalleryChanges};
use store::model::SkuState;
use vision::{Sha256, Sku, SkuId};

use pipeline::load::index_options;
use pipeline::{PipelineConfig, Recognizer};

/// Code of the entry under which exemplars of what is no container stand.
const NOT_A_CONTAINER: &str = "not_a_container";

/// A gallery that follows the store, with nothing in it yet, and what its folder has enrolled.
#[must_use]
pub fn live_gallery(config: &PipelineConfig, gallery: &Gallery) -> (LiveGallery, Enrolled) {
    let data = gallery.data();
    let live = LiveGallery::new(data.name(), data.embedder().clone(), index_options(config))
        .calibrated_by(gallery.calibration().map(|calibration| Arc::clone(calibration.standard())));
    (live, LiveGallery::enrolled(data))
}

/// A gallery that follows the store.
#[derive(Debug, Clone)]
pub struct LiveGallery {
    data: GalleryData,
    options: IndexOptions,
    standard: Option<Arc<Standard>>,
    change: i64,
    /// The content as it was indexed last: the next index shares what is the same.
    indexed: Option<Arc<Gallery>>,
}

impl LiveGallery {
    /// Nothing applied yet.
    #[must_use]
    pub fn new(name: &str, embedder: EmbedderIdentity, options: IndexOptions) -> Self {
        Self { data: GalleryData::new(name, embedder), options, standard: None, change: 0, indexed: None }
    }

    /// With thresholds and probabilities that follow the labels.
    #[must_use]
    pub fn calibrated_by(self, standard: Option<Arc<Standard>>) -> Self {
        Self { standard, ..self }
    }

    /// What a gallery's folder has enrolled, for the store to take over.
    #[must_use]
    pub fn enrolled(data: &GalleryData) -> Enrolled {
        let exemplars = data.exemplars().iter().enumerate();
        // What an earlier export wrote for "no container" belongs to labels, not to the folder.
        let real = exemplars.filter(|(_, exemplar)| exemplar.sku != SkuId::NOT_A_CONTAINER);
        Enrolled {
            embedder: data.embedder().fingerprint,
            skus: data.skus().filter(|sku| sku.id != SkuId::NOT_A_CONTAINER).map(|sku| (**sku).clone()).collect(),
            exemplars: real
                .map(|(row, exemplar)| EnrolledExemplar {
                    id: exemplar.id,
                    sku: exemplar.sku,
                    origin: exemplar.origin.clone(),
                    image: exemplar.sha256,
                    embedding: data.embeddings().row(row).to_vec(),
                })
                .collect(),
        }
    }

    /// The last change that was applied.
    #[must_use]
    pub fn change(&self) -> i64 {
        self.change
    }

    /// What made the embeddings.
    #[must_use]
    pub fn embedder(&self) -> Sha256 {
        self.data.embedder().fingerprint
    }

    /// What is enrolled at the moment.
    #[must_use]
    pub fn data(&self) -> &GalleryData {
        &self.data
    }

    /// Exemplars per SKU.
    #[must_use]
    pub fn exemplars_of_skus(&self) -> std::collections::HashMap<SkuId, usize> {
        let mut counts = std::collections::HashMap::new();
        for exemplar in self.data.exemplars() {
            *counts.entry(exemplar.sku).or_default() += 1;
        }
        counts
    }

    /// Follows the store; says whether anything is different now.
    ///
    /// # Errors
    /// When a change does not fit what is there, which only a damaged database can bring about.
    pub fn apply(&mut self, changes: &GalleryChanges) -> Result<bool, GalleryError> {
        self.change = self.change.max(changes.change);
        let mut different = self.add_skus(changes)?;
        let gone: BTreeSet<_> =
            changes.exemplars.iter().filter(|e| !e.active && self.data.row_of(e.id).is_some()).map(|e| e.id).collect();
        if !gone.is_empty() {
            different = true;
            self.data.remove_exemplars(&gone);
        }
        for exemplar in changes.exemplars.iter().filter(|e| e.active) {
            if self.data.row_of(exemplar.id).is_some() {
                continue;
            }
            different = true;
            if exemplar.sku == SkuId::NOT_A_CONTAINER && self.data.sku(exemplar.sku).is_none() {
                let (code, name) = (NOT_A_CONTAINER.to_owned(), "Not a container".to_owned());
                self.data.insert_sku(Sku { id: exemplar.sku, code, name })?;
            }
            let entry = Exemplar {
                id: exemplar.id,
                sku: exemplar.sku,
                origin: exemplar.origin.clone(),
                sha256: exemplar.image,
            };
            self.data.insert_exemplar(entry, &exemplar.embedding)?;
        }
        let emptied = self.data.exemplars().iter().all(|exemplar| exemplar.sku != SkuId::NOT_A_CONTAINER);
        if emptied && self.data.sku(SkuId::NOT_A_CONTAINER).is_some() {
            self.data.remove_sku(SkuId::NOT_A_CONTAINER)?;
        }
        for sku in changes.skus.iter().filter(|sku| sku.status == SkuState::Retired) {
            if self.data.sku(sku.id).is_some() {
                different = true;
                self.data.remove_sku(sku.id)?;
            }
        }
        Ok(different)
    }

    fn add_skus(&mut self, changes: &GalleryChanges) -> Result<bool, GalleryError> {
        let mut different = false;
        for sku in changes.active_skus() {
            let known = self.data.sku(sku.id).map(|known| known.name == sku.name);
            match known {
                Some(true) => continue,
                Some(false) => self.data.rename_sku(sku.id, &sku.name)?,
                None => {
                    let (code, name) = (sku.code.clone(), sku.name.clone());
                    self.data.insert_sku(Sku { id: sku.id, code, name })?;
                }
            }
            different = true;
        }
        Ok(different)
    }

    /// Works out the digest of the content, by which answers name it. Takes a while in a large gallery.
    pub fn seal(&mut self) {
        self.data.seal();
    }

    /// Whether nothing was edited since the digest was worked out.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.data.digest().is_some()
    }

    /// The content as it is now, indexed; named by its digest, or by the last change until it has one. Quick when little was
    /// edited since it was indexed before.
    ///
    /// # Errors
    /// When the index cannot be built.
    pub fn index(&mut self) -> Result<Arc<Gallery>, GalleryError> {
        let mut data = self.data.clone();
        if !self.is_sealed() {
            data.rename(format!("{}+{}", data.name(), self.change));
        }
        let gallery = Arc::new(match &self.indexed {
            Some(before) => before.follow(data, &self.options)?,
            None => {
                let gallery = Gallery::new(data, &self.options)?;
                match &self.standard {
                    Some(standard) => gallery.calibrated(standard)?,
                    None => gallery,
                }
            }
        });
        self.indexed = Some(Arc::clone(&gallery));
        Ok(gallery)
    }

    /// The same recogniser over the content as it is now.
    ///
    /// # Errors
    /// As [`LiveGallery::index`].
    pub fn over(&mut self, recognizer: &Recognizer) -> Result<Recognizer, GalleryError> {
        Ok(recognizer.with_gallery(self.index()?).with_gallery_version(self.change.cast_unsigned()))
    }
}
