//! Floor 4: what is worth a person's time, and the gallery that follows what the person says. No HTTP is spoken here.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the section `review` of `pipeline.yaml` |
//! | [`reasons`] | why a facing is worth a look: pure, one facing at a time |
//! | [`sampler`] | how many, and which not again: limits, near-duplicates |
//! | `ledger` | what was queued when, and by whom: nobody fills the queue alone |
//! | [`live`] | the gallery made of enrolled images and labels |
//! | `setup`, `queue` | what a loader hands over, and the queue that comes of it |
//! | `intake` | from a recognised photo to rows: chosen by a worker, written by whoever answers |
//! | `gallery_sync` | follows the store: opens it, swaps the gallery when labels changed it, forgets what is old |
//! | `reembed` | labels made under another embedder, embedded again by the one that is served |
//! | `thumbnails` | small images of the gallery's folder, for the page |
//! | `correct` | the crop of a box that a person drew |
//! | `health` | whether it works |
//! | [`error`] | why any of it failed |
//!
//! Recognition never waits for the store: when it cannot be reached the answer says so, and for some seconds nobody tries
//! again.

pub mod config;
pub mod error;
pub mod live;
pub mod reasons;
pub mod sampler;

mod correct;
mod gallery_sync;
mod health;
mod intake;
mod ledger;
mod queue;
mod reembed;
mod setup;
mod thumbnails;

pub use config::ReviewConfig;
pub use correct::{Cut, cut};
pub use error::ReviewError;
pub use gallery_sync::{Serving, start, start_beside, sync};
pub use health::ReviewHealth;
pub use intake::{Prepared, Seen, Written, media_type, prepare, prepare_differing};
pub use ledger::Source;
pub use live::{LiveGallery, live_gallery};
pub use queue::{Queue, Review};
pub use sampler::{Pick, Picked, Queued, Sampler};
pub use setup::ReviewSetup;
