//! A build without the `hub` feature.

use std::path::{Path, PathBuf};

use super::factory::{FactoryError, Remote};
use super::{HubError, HubFile, HubOptions, Limits, Progress, Token};

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

/// Cannot exist here: [`FactoryClient::new`] refuses.
#[derive(Debug)]
pub struct FactoryClient(std::convert::Infallible);

impl FactoryClient {
    /// Refuses.
    ///
    /// # Errors
    /// Always [`FactoryError::NotBuilt`].
    pub fn new(_base: &str, _token: Token, _limits: Limits) -> Result<Self, FactoryError> {
        Err(FactoryError::NotBuilt)
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn schema(&self, _dataset: &str) -> Result<Vec<u8>, FactoryError> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn download(&self, _: &str, _: &Path, _: &dyn Fn(u64, u64)) -> Result<Remote, FactoryError> {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn upload(&self, _: &str, _: &[u8], _: &[u8]) -> Result<Vec<u8>, FactoryError> {
        match self.0 {}
    }
}

/// Cannot exist here: [`ServerClient::new`] refuses.
#[derive(Debug)]
pub struct ServerClient(std::convert::Infallible);

impl ServerClient {
    /// Refuses.
    ///
    /// # Errors
    /// Always [`HubError::NotBuilt`].
    pub fn new(_base: &str, _key: Option<Token>, _limits: Limits) -> Result<Self, HubError> {
        Err(HubError::NotBuilt)
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn metrics(&self) -> Result<String, HubError> {
        match self.0 {}
    }
}
