//! What a loader hands over.

use std::fmt;
use std::sync::Arc;

use pipeline::{RecognizeOptions, Recognizer};
use review::ReviewSetup;

use crate::example::Example;

/// Which version of the registry is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// `shelf@1.2`, as answers name it.
    pub label: String,
}

/// What a loader hands over.
pub struct Loaded {
    /// Detector, embedder and gallery.
    pub recognizer: Recognizer,
    /// What requests start from; their parameters change it.
    pub options: RecognizeOptions,
    /// The queue of what is unsure; `None` switches it off. Taken out when the server starts it.
    pub review: Option<ReviewSetup>,
    /// What the page offers to who has no photo at hand.
    pub example: Option<Arc<Example>>,
    /// Which version it is; `None` for what is configured.
    pub version: Option<Version>,
}

impl Loaded {
    /// A recogniser alone: no queue, no example, no version.
    #[must_use]
    pub fn new(recognizer: Recognizer, options: RecognizeOptions) -> Self {
        Self { recognizer, options, review: None, example: None, version: None }
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("options", &self.options).finish_non_exhaustive()
    }
}
