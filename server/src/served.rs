//! A release in memory, as requests are answered with it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use pipeline::{RecognizeOptions, Recognizer};
use review::{Queue, Serving};
use tokio::runtime::Handle;

use crate::example::Example;
use crate::loaded::{Loaded, Version};

/// How what is configured is called, where a version would be.
pub(crate) const CONFIGURED: &str = "configured";

/// What answers a request from its first byte to its last. Whoever holds it keeps the release in memory; its gallery follows the
/// labels meanwhile.
pub(crate) struct Served {
    /// What requests start from; their parameters change it.
    pub(crate) options: RecognizeOptions,
    /// Of the registry; `None` for what is configured.
    pub(crate) version: Option<Version>,
    /// What the page offers to who has no photo at hand.
    pub(crate) example: Option<Arc<Example>>,
    /// Where what it is unsure of goes.
    pub(crate) queue: Option<Arc<Queue>>,
    recognizer: RwLock<Recognizer>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("version", &self.version).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Served {
    /// Of what was loaded, over what people have said so far. Blocks while the store is asked.
    pub(crate) fn prepared(loaded: Loaded, runtime: &Handle) -> Self {
        let Loaded { recognizer, options, review, example, version } = loaded;
        let (queue, recognizer) = match review {
            Some(setup) => {
                let (queue, recognizer) = review::start(setup, recognizer, runtime);
                (Some(queue), recognizer)
            }
            None => (None, recognizer),
        };
        Self { options, version, example, queue, recognizer: RwLock::new(recognizer) }
    }

    /// Of what was loaded to be tried beside what is in production: its gallery is that of its registration, since what people said
    /// since then is taken over by the release in production alone. It asks people as any release does.
    pub(crate) fn beside(loaded: Loaded, runtime: &Handle) -> Self {
        let Loaded { recognizer, options, review, example, version } = loaded;
        let queue = review.map(|setup| review::start_beside(setup, runtime));
        Self { options, version, example, queue, recognizer: RwLock::new(recognizer) }
    }

    /// Detector, embedder and the gallery as it is now.
    pub(crate) fn recognizer(&self) -> Recognizer {
        self.recognizer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `shelf@1.2`; nothing for what is configured.
    pub(crate) fn label(&self) -> Option<&str> {
        self.version.as_ref().map(|version| version.label.as_str())
    }
}

/// Follows the labels for a release without keeping it in memory.
pub(crate) struct Following(pub(crate) Weak<Served>);

impl Serving for Following {
    fn recognizer(&self) -> Option<Recognizer> {
        self.0.upgrade().map(|served| served.recognizer())
    }

    fn replace(&self, recognizer: Recognizer) {
        if let Some(served) = self.0.upgrade() {
            *served.recognizer.write().unwrap_or_else(PoisonError::into_inner) = recognizer;
        }
    }
}
