//! A build without the `hub` feature.

use std::path::PathBuf;

use super::{HubError, HubFile, HubOptions, Progress};

/// Cannot exist here: [`Hub::new`] refuses.
#[derive(Debug)]
pub struct Hub(std::convert::Infallible);

impl Hub {
    /// Refuses.
    ///
    /// # Errors
    /// Always [`HubError::NotBuilt`].
    pub fn new(_options: HubOptions) -> Result<Self, HubError> {
        Err(HubError::NotBuilt)
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn fetch(&self, _file: &HubFile, _report: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, HubError> {
        match self.0 {}
    }
}
