//! Training: from labelled images to weights.
//!
//! | module | what |
//! |---|---|
//! | [`transfer`] | what to start from |
//! | [`targets`] | the truth about an image |
//! | [`assigner`] | which anchor answers for which object |
//! | [`terms`], [`loss`] | what is minimised, with its gradient |
//! | [`dataset`], [`synthetic`] | labelled folders and synthetic shelves |
//! | [`cache`] | images decoded and resized once |
//! | [`augment`] | what is done to them |
//! | [`plan`], [`loader`] | which go into which batch, and preparing batches ahead |
//! | [`config`], [`feed`] | what the user asks for, and the images of it |
//! | [`fit`] | the training loop |
//! | [`error`] | why data cannot be used |

pub mod assigner;
pub mod augment;
pub mod cache;
pub mod config;
pub mod dataset;
pub mod error;
pub mod feed;
pub mod fit;
pub mod loader;
pub mod loss;
pub mod plan;
pub mod synthetic;
pub mod targets;
pub mod terms;
pub mod transfer;

pub use self::dataset::{Origin, Sample, Source, TrainingData};
pub use augment::Augment;
pub use cache::{Cache, CacheLimits};
pub use config::TrainConfig;
pub use error::DataError;
pub use loader::{Batch, Feed, Loader, LoaderOptions};
pub use loss::{Loss, LossConfig, LossError, LossParts, detection_loss};
pub use plan::BatchRules;
pub use synthetic::SyntheticShelves;
pub use targets::{ClassSet, Targets, Truth, Unlabelled};
pub use transfer::Transfer;
