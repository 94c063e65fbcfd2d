//! What is worth a person's time, and the gallery that follows what the person says.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the section `review` of `pipeline.yaml` |
//! | [`reasons`] | why a facing is worth a look: pure, one facing at a time |
//! | [`sampler`] | how many, and which not again: limits, near-duplicates |
//! | [`live`] | the gallery made of enrolled pictures and labels |

pub mod config;
pub mod live;
pub mod reasons;
pub mod sampler;

pub use classifier::gallery::timestamp;
pub use config::ReviewConfig;
pub use dataset::check::phash::hash_of as picture_hash;
pub use live::LiveGallery;
pub use sampler::{Pick, Picked, Queued, Sampler};
