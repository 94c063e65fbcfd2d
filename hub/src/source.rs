//! Where weights come from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{HubError, HubFile, SCHEME};

/// A file of this machine, or one on a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsSource {
    /// A file.
    File(PathBuf),
    /// A file on a hub.
    Hub(HubFile),
}

impl WeightsSource {
    /// What `path` names: `hf://OWNER/REPO` is on a hub, everything else a file.
    ///
    /// # Errors
    /// [`HubError::Name`] when it begins as the name of a file on a hub and is none.
    pub fn of(path: &Path) -> Result<Self, HubError> {
        match path.to_str().filter(|text| text.starts_with(SCHEME)) {
            Some(text) => text.parse().map(Self::Hub),
            None => Ok(Self::File(path.to_owned())),
        }
    }
}

impl fmt::Display for WeightsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Hub(file) => file.fmt(f),
        }
    }
}
