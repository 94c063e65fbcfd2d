//! Tables: uploaded, looked at, cleaned, split; features chosen. Everything is the organisation's that the actor speaks for, and what is
//! made of a table is another one, with the first as its parent.

mod clean;
mod content;
mod counts;
mod draft;
mod look;
mod schema;
mod select;
mod split;
mod upload;

pub use clean::Cleaned;
pub use content::Content;
pub use counts::{Counted, CountsRange};
pub use look::Described;
pub use schema::{Schema, SchemaColumn};
pub use select::{FeatureChoice, Selected};
pub use split::{Parts, SplitBy, SplitRequest};
pub use upload::{About, Uploaded};

pub(crate) use content::Source;
