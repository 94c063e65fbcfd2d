//! Floor 0: pictures and what is found in them.
//!
//! Everything above (engines, networks, pipeline, server, evaluation) speaks in these types. There is ONE of each
//! step that training, evaluation, the command line and the server must do alike: one [`decode`], one resize
//! ([`PreprocessPlan::apply`]), one [`nms`], one [`crop`] rule.
//!
//! | module | what |
//! |---|---|
//! | [`decode`], [`encode`], [`preprocess`], [`letterbox`], [`tiles`], [`crop`] | from bytes to network input and back |
//! | [`geometry`], [`nms`] | boxes |
//! | [`confidences`] | from which confidence on detections count |
//! | [`detection`], [`embedding`], [`sku`], [`recognition`] | what is found |
//! | [`detector`], [`embedder`], [`sku_index`] | the three abilities as traits, with fakes for tests |
//! | [`model_card`], [`digest`] | what travels with weights |
//! | [`random`] | streams of random numbers that never change |
//!
//! No neural network runtime, no async, no database is named here.

mod bilinear;
pub mod confidences;
pub mod crop;
pub mod decode;
pub mod detection;
pub mod detector;
pub mod digest;
pub mod embedder;
pub mod embedding;
pub mod encode;
pub mod fakes;
pub mod geometry;
pub mod letterbox;
pub mod model_card;
pub mod model_error;
pub mod nms;
pub mod preprocess;
pub mod random;
pub mod recognition;
pub mod sku;
pub mod sku_index;
pub mod text;
pub mod tiles;

/// An upright 8-bit RGB picture, the only pixel type of the project.
pub use image::RgbImage;

pub use confidences::{CONTAINERS, Confidences, UnknownClass};
pub use crop::crop;
pub use decode::{DecodeError, DecodeLimits, decode};
pub use detection::{ClassId, Detection, Sightings};
pub use detector::{DetectOptions, Detector};
pub use digest::Sha256;
pub use embedder::Embedder;
pub use embedding::Embedding;
pub use encode::{EncodeError, encode_jpeg};
pub use geometry::BBox;
pub use letterbox::Letterbox;
pub use model_card::ModelCard;
pub use model_error::ModelError;
pub use nms::{NmsOptions, nms};
pub use preprocess::PreprocessPlan;
pub use random::Random;
pub use recognition::{Candidate, Decision, Reason, Recognition, RecognizedItem, SkuCount, SkuStatus};
pub use sku::{Sku, SkuId};
pub use sku_index::{ExemplarId, Neighbor, SkuIndex};
pub use tiles::{Tiling, tile_grid};
