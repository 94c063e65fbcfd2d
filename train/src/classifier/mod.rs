//! Training: from folders of SKU images to an embedder.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | what the user asks for |
//! | [`data`] | which image shows which SKU, what is learned and what only validates |
//! | [`cache`], [`augment`] | images, and what is done to them |
//! | [`sampler`], [`feed`] | which go into which batch, and preparing batches ahead |
//! | [`network`] | the network in training, and as it is served |
//! | [`head`] | what is minimised, with its gradient |
//! | `head_start` | first values of embedding and centres |
//! | [`validate`] | metrics by retrieval |
//! | `whitening` | what varies within a SKU counts less |
//! | [`fit`] | the training loop |
//! | [`error`] | why images cannot be used |

pub mod augment;
pub mod cache;
pub mod config;
pub mod data;
pub mod error;
pub mod feed;
pub mod fit;
pub mod head;
mod head_start;
pub mod network;
pub mod sampler;
pub mod validate;
mod whitening;

pub use augment::Augment;
pub use config::TrainConfig;
pub use data::{SkuImages, Source};
pub use error::DataError;
pub use feed::{Batch, Feed};
pub use head::{Head, MarginKind, Margins, margin_softmax};
pub use head_start::head_start;
pub use whitening::Whitening;
