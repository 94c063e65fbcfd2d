//! Why models, or the example, could not be loaded.

use std::error::Error as StdError;

/// It goes to the log, not to clients.
pub type LoadError = Box<dyn StdError + Send + Sync>;
