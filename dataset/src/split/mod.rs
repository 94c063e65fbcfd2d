//! A frozen, reproducible division of a data set into train, val and test.
//!
//! **The rule.** What belongs together is one group and lies in one part: the files a grouping joins, and images with the
//! same bytes. A group's part follows from the seed and the group's key alone: `SHA-256(seed, key)` read as a number in
//! `0..1` falls under train's ratio, val's, or test's. So adding files never moves others.
//! With stratification the first division is chosen instead so that each part gets its fraction of every class (see
//! [`assign::stratified`]), and later groups are divided the same way, counted over old and new together.
//! In both cases what is written in the frozen file stays as it is: an old file never moves, and a new file of a known group
//! follows its group.

pub mod assign;
mod clusters;
mod extend;
mod freeze;
mod frozen;
mod grouping;
mod part;
mod sample;
mod verify;

pub use extend::{ExtendOptions, extend};
pub use freeze::{FreezeOptions, SplitError, freeze};
pub use frozen::{FrozenError, FrozenSplit, SPLIT_FORMAT, SplitFile, SplitLabel};
pub use grouping::{Grouping, GroupingError, GroupingOrText, GroupingRule, ParseGroupingError, RowFault};
pub use part::{ParseRatiosError, Part, Ratios};
pub use verify::{Disagreement, LabelChange};
