//! Floor 4: work by the calendar. Photos of a day become candidates; what people verified in a month becomes a training set.
//! No HTTP, no networks.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | `flows.yaml`, as written and as checked |
//! | `schedule` | which periods are due, by cron expressions in UTC |
//! | `scheduler` | one leader among many does what is due |
//! | [`Flows`], [`Period`], `run` | a flow for a period, held, tried again, ended |
//! | `daily` | photos of a day -> `datasets/candidates/YYYY-MM-DD` |
//! | `monthly` | verified -> `datasets/verified/YYYY-MM`; gold and all verified -> `datasets/full/YYYY-MM` |
//! | `writer` | a set, streamed: images first, then their labels, the manifest last |
//! | `held` | signs of life of who has a run |
//! | [`error`] | why a flow was not done |
//!
//! Every file of a set follows from rows and files that do not change once the period is over. So a run that is broken off at any
//! moment and done again leaves the same bytes.

pub mod config;
pub mod error;

mod daily;
mod flows;
mod held;
mod monthly;
mod period;
mod run;
mod schedule;
mod scheduler;
mod writer;

pub use config::FlowsConfig;
pub use error::FlowError;
pub use flows::Flows;
pub use period::Period;
pub use run::Done;
pub use schedule::next;
pub use scheduler::Scheduler;
