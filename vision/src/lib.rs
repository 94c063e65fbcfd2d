//! Floor 0: images and what is found in them.
//!
//! Everything above (engines, networks, pipeline, server, evaluation) speaks in these types. There is ONE of each
//! step that training, evaluation, the command line and the server must do alike: one [`decode()`], one resize
//! ([`PreprocessPlan::apply`]), one [`nms()`], one [`crop()`] rule.
//!
//! | module | what |
//! |---|---|
//! | [`mod@decode`], [`encode`], [`preprocess`], [`letterbox`], [`tiles`], [`mod@crop`] | from bytes to network input and back |
//! | [`geometry`], [`mod@nms`] | boxes |
//! | [`confidences`] | from which confidence on detections count |
//! | [`detection`], [`embedding`], [`sku`], [`recognition`] | what is found |
//! | [`detector`], [`embedder`], [`sku_index`] | the three abilities as traits, with fakes for tests |
//! | [`trace`], [`sharpness`] | what a detector looked at, and why its answer may not be trusted |
//! | `Cancel` | whether anybody still waits for the work |
//! | [`model_card`], [`facing_height`], [`digest`] | what travels with weights |
//! | [`secret`] | what must not be shown |
//! | [`text`] | text in the encodings that editors save |
//! | [`verdict`] | how a command that judges ends |
//! | [`time`] | moments as people write them |
//! | [`random`], [`rng`] | streams of random numbers that never change: of weights and intervals, of shelves and epochs |
//! | [`sequential`] | which of two is better, looked at as often as one likes |
//! | [`phash`] | perceptual hashes: what an image looks like from afar |
//! | [`draw`] | boxes and letters drawn into images, for people |
//! | [`files`], [`config`] | bounded reading, safe names, atomic writing; what users write, checked |
//!
//! No neural network runtime, no async, no database is named here.

mod bilinear;
mod cancel;
pub mod confidences;
pub mod config;
pub mod crop;
pub mod decode;
pub mod detection;
pub mod detector;
pub mod digest;
pub mod draw;
pub mod embedder;
pub mod embedding;
pub mod encode;
pub mod facing_height;
pub mod fakes;
pub mod files;
pub mod geometry;
pub mod letterbox;
pub mod model_card;
pub mod model_error;
pub mod nms;
pub mod phash;
pub mod plot;
pub mod preprocess;
pub mod random;
pub mod recognition;
mod region;
pub mod rng;
pub mod secret;
pub mod sequential;
pub mod sharpness;
pub mod sku;
pub mod sku_index;
pub mod text;
pub mod tiles;
pub mod time;
pub mod trace;
pub mod verdict;

/// An upright 8-bit RGB image, the only pixel type of the project.
pub use image::RgbImage;

pub use cancel::Cancel;
pub use confidences::{CONTAINERS, Confidences, UnknownClass};
pub use crop::crop;
pub use decode::{DecodeError, DecodeLimits, decode};
pub use detection::{ClassId, Detection, Detections};
pub use detector::{DetectOptions, Detector};
pub use digest::Sha256;
pub use embedder::Embedder;
pub use embedding::Embedding;
pub use encode::{EncodeError, encode_jpeg};
pub use facing_height::FacingHeight;
pub use geometry::BBox;
pub use letterbox::Letterbox;
pub use model_card::ModelCard;
pub use model_error::ModelError;
pub use nms::{NmsOptions, nms};
pub use preprocess::PreprocessPlan;
pub use random::Random;
pub use recognition::{Candidate, Decision, Reason, Recognition, RecognizedItem, SkuCount, SkuStatus};
pub use secret::Secret;
pub use sku::{Sku, SkuId};
pub use sku_index::{ExemplarId, Neighbor, SkuIndex};
pub use tiles::{Tiling, tile_grid};
pub use trace::{DetectionTrace, Doubt, ScalePass};
pub use verdict::Verdict;
