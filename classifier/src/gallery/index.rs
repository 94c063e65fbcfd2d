//! Which index searches a gallery.

use super::data::GalleryData;
use super::error::GalleryError;
use super::faiss::{self, FaissIndex};
use super::flat::{Hit, Panels};
use super::matrix::Matrix;

/// Which index searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexKind {
    /// The exact index in Rust; above [`IndexOptions::ivf_above`] FAISS, where it is built in.
    #[default]
    Auto,
    /// The exact index in Rust.
    Flat,
    /// FAISS.
    Faiss,
}

/// How a gallery is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexOptions {
    /// Which index.
    pub kind: IndexKind,
    /// Exemplars above which FAISS searches inverted lists, which is approximate, instead of comparing with all.
    pub ivf_above: usize,
    /// Minimum fraction of the true 10 nearest exemplars that inverted lists must find; as many lists are probed as that takes.
    pub ivf_recall: f32,
}

impl Default for IndexOptions {
    /// Exact search of 60 facings takes less than a tenth of a request up to about 50,000 exemplars and stays bearable for
    /// some times that; inverted lists take seconds to train whenever the gallery is loaded.
    fn default() -> Self {
        Self { kind: IndexKind::Auto, ivf_above: 200_000, ivf_recall: 0.99 }
    }
}

/// An index over one [`GalleryData`], which is passed to every search.
pub(crate) enum Index {
    Flat(Panels),
    Faiss(FaissIndex),
}

impl Index {
    pub(crate) fn build(data: &GalleryData, options: &IndexOptions) -> Result<Self, GalleryError> {
        match options.kind {
            IndexKind::Faiss => FaissIndex::build(data, options).map(Self::Faiss),
            IndexKind::Auto if faiss::AVAILABLE && data.exemplars().len() > options.ivf_above => {
                FaissIndex::build(data, options).map(Self::Faiss)
            }
            IndexKind::Auto | IndexKind::Flat => Ok(Self::Flat(Panels::of(data.embeddings()))),
        }
    }

    /// The index over content that came of what `self` is over: what is the same is shared.
    pub(crate) fn follow(&self, data: &GalleryData, options: &IndexOptions) -> Result<Self, GalleryError> {
        match self {
            Self::Flat(panels) => Ok(Self::Flat(panels.follow(data.embeddings()))),
            Self::Faiss(index) => {
                index.follow(data).map_or_else(|| Self::build(data, options), |it| Ok(Self::Faiss(it)))
            }
        }
    }

    pub(crate) fn search(&self, data: &GalleryData, queries: &Matrix, k: usize) -> Result<Vec<Vec<Hit>>, GalleryError> {
        match self {
            Self::Flat(panels) => Ok(panels.search(queries, k)),
            Self::Faiss(index) => index.search(data, queries, k),
        }
    }

    pub(crate) fn describe(&self) -> &str {
        match self {
            Self::Flat(_) => "flat",
            Self::Faiss(index) => index.describe(),
        }
    }
}
