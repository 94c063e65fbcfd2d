//! Floor 1: what must survive. A database (SQLite by default, PostgreSQL by URL) and images (a folder by default, S3 by
//! URL).
//!
//! | module | what |
//! |---|---|
//! | [`Store`] | opens both; every ability below is a method of it |
//! | [`model`] | what is kept, as values |
//! | `enqueue`, [`list`], `claim`, [`label`], `undo`, `comment` | the life of an item in the review queue |
//! | `correction` | whether a corrected box would be taken |
//! | `reviewer` | who a name stands for |
//! | [`catalogue`], [`exemplars`] | SKUs, and what the gallery is made of |
//! | `thumbnails` | small images of enrolled images |
//! | [`reembed`] | labels under another embedder |
//! | [`stats`] | depth, age, throughput, agreement |
//! | [`retention`] | what may be forgotten |
//! | [`objects`] | images, and files of releases, named by their content |
//! | [`access`] | organisations, keys and roles |
//! | [`data_sets`] | tables of organisations, and what each was made of |
//! | [`jobs`] | work that takes longer than a request may: a queue, leases, events |
//! | [`registry`] | releases and other models: versions, gates, what is and was in production |
//! | [`predictions`] | what was answered, and how sure it was |
//! | [`tenant`] | everything of one organisation: written out, removed |
//! | [`photos`] | photos that are kept, and how they go |
//! | [`verify`] | whole photos gone through by people |
//! | [`sets`] | data sets of photos: which file lies where |
//! | [`flows`] | work by the calendar: who does it, what became of it |
//! | [`audit`] | who changed what, in a chain of hashes |
//! | [`handle`] | a store that is opened when it is first needed |
//! | `sql` | one way to speak to either database; the only place that names its drivers |
//!
//! Labels are only ever added to. Every change of the gallery is a consequence of one: replayed, they give the same
//! exemplars, numbers and all. An image is written before the row that names it; what is named by no row is swept.

pub mod access;
pub mod audit;
pub mod catalogue;
pub mod data_sets;
pub mod error;
pub mod exemplars;
pub mod flows;
pub mod handle;
pub mod jobs;
pub mod label;
pub mod list;
pub mod model;
pub mod objects;
pub mod photos;
pub mod predictions;
pub mod reembed;
pub mod registry;
pub mod retention;
pub mod sets;
pub mod stats;
pub mod tenant;
pub mod verify;

mod claim;
mod comment;
mod correction;
mod cursor;
mod enqueue;
mod idempotency;
mod item;
mod moment;
mod reviewer;
mod sku_ref;
mod sort;
mod sql;
mod store;
mod thumbnails;
mod tls;
mod undo;

pub use claim::{ClaimRequest, MAX_HELD};
pub use comment::{COMMENTS, CommentPage, MAX_COMMENT};
pub use enqueue::Enqueued;
pub use error::StoreError;
pub use handle::StoreHandle;
pub use idempotency::Key;
pub use label::{Answer, LabelRequest};
pub use list::{ItemFilter, ItemPage, Waiting};
pub use model::{Item, Reason};
pub use objects::{Buckets, Files, NewObject, Objects, S3Access};
pub use sku_ref::SkuRef;
pub use sort::ItemSort;
pub use store::{Store, StoreSettings};
