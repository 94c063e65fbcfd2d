//! The same shape in a build without FAISS: it cannot be made.

use std::convert::Infallible;

use super::super::data::GalleryData;
use super::super::error::GalleryError;
use super::super::flat::Hit;
use super::super::index::IndexOptions;
use super::super::matrix::Matrix;

pub(crate) struct FaissIndex(Infallible);

impl FaissIndex {
    pub(crate) fn build(_data: &GalleryData, _options: &IndexOptions) -> Result<Self, GalleryError> {
        Err(GalleryError::FaissMissing)
    }

    pub(crate) fn follow(&self, _data: &GalleryData) -> Option<Self> {
        match self.0 {}
    }

    pub(crate) fn search(
        &self,
        _data: &GalleryData,
        _queries: &Matrix,
        _k: usize,
    ) -> Result<Vec<Vec<Hit>>, GalleryError> {
        match self.0 {}
    }

    pub(crate) fn describe(&self) -> &str {
        match self.0 {}
    }
}
