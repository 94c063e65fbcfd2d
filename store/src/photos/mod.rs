//! Photos that are kept, where that is configured: the file in the bucket of photos, the answer in a row.
//!
//! | file | what |
//! |---|---|
//! | `model` | a photo and its answer |
//! | `day` | days and months of UTC |
//! | `name` | how its file is called |
//! | `keep` | many at once: files first, then rows |
//! | `read` | one, or those of a day by pages |
//! | `delete` | by its owner, or because it is old: the row at once |
//! | `erase` | then every copy, until none is left |

mod day;
mod delete;
mod erase;
mod keep;
mod model;
mod name;
mod read;

pub use day::{Day, Month, ParsePeriodError};
pub use delete::PhotoRetention;
pub use erase::Erasure;
pub use keep::Kept;
pub use model::{Facing, NewPhoto, Photo, VerifyStatus};
pub(crate) use read::{COLUMNS, photo};
