//! What a loader hands over.

use std::path::PathBuf;

use store::StoreHandle;
use store::exemplars::Enrolled;

use crate::{LiveGallery, ReviewConfig};

/// The review queue of a server.
#[derive(Debug)]
pub struct ReviewSetup {
    /// Which facings, how many, for how long.
    pub config: ReviewConfig,
    /// Where they are kept. Opened by whoever serves, which tries again when it cannot be.
    pub store: StoreHandle,
    /// The gallery to be filled from the store.
    pub live: LiveGallery,
    /// What the gallery's folder has enrolled.
    pub enrolled: Enrolled,
    /// The gallery's folder, for its thumbnails.
    pub gallery: PathBuf,
}
