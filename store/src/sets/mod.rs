//! Data sets of photos as files: what lies where, so that whoever writes them and whoever removes a photo from them agree.
//!
//! ```text
//! datasets/{set}/images/ab/{SHA-256}.jpg
//! datasets/{set}/labels/ab.jsonl            a line a photo, by SHA-256
//! metadata/{set}/manifest.json              written last; digests of all files of labels, whose lines have those of the images
//! ```
//! `{set}` is `candidates/YYYY-MM-DD`, `verified/YYYY-MM`, `full/YYYY-MM` or `gold`.
//!
//! | file | what |
//! |---|---|
//! | `name` | sets, and the files of each |
//! | `line` | a photo of a set |
//! | `shard` | the lines of photos whose digests begin alike |
//! | `manifest` | what a set holds |
//! | `erase` | a photo goes from a set |

mod erase;
mod line;
mod manifest;
mod name;
mod shard;

pub(crate) use erase::erase_from;
pub use line::{LineBox, SetLine, Verified};
pub use manifest::{MANIFEST_FORMAT, Manifest};
pub use name::{SetName, prefix};
pub use shard::{MAX_SHARD, Shard, ShardEntry, read_shard};
