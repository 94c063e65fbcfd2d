//! Floor 2: from crops to embeddings, from embeddings to SKUs.
//!
//! | module | what |
//! |---|---|
//! | [`gallery`] | enrolled SKUs: stored, searched, voted on |

pub mod gallery;
mod simd;

pub use gallery::{DecisionRule, Gallery, GalleryData, GalleryError, IndexKind, IndexOptions, decide};
