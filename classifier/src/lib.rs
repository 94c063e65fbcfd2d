//! Floor 2: from crops to embeddings, from embeddings to SKUs.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | EfficientNet in candle: the backbone of [`engine::efficientnet`] and what is trained on top |
//! | [`mod@load`] | from a weights file to a working embedder, whatever engine runs it |
//! | [`mod@import`] | from other people's weights to the native layout |
//! | [`infer`] | any such network as a [`vision::Embedder`] |
//! | [`background`] | embeddings of foreign products that travel with an embedder |
//! | [`gallery`] | enrolled SKUs: stored, searched, voted on |

pub mod background;
pub mod gallery;
#[cfg(feature = "candle")]
pub mod import;
pub mod infer;
pub mod load;
mod load_error;
pub mod model;

pub use background::{Background, BackgroundError};
pub use engine::EngineChoice;
pub use gallery::{
    DecisionRule, EmbedderIdentity, Gallery, GalleryData, GalleryError, IndexKind, IndexOptions, decide,
};
#[cfg(feature = "candle")]
pub use import::{Imported, import};
pub use infer::{EmbedderSpec, SessionEmbedder, SpecError};
pub use load::{LoadOptions, load};
pub use load_error::LoadError;
