//! Models that can be deployed: versions, their files, how they did at the gates, and what is and was in production.
//!
//! A version is written once; only its status moves. One version of a name is in production at most, which the database itself
//! sees to; what replaces it does so in one transaction, and the one before becomes `archived`. Files lie among the objects,
//! named by their content and apart from images, and are written before the row that names them.

mod ab;
mod deploy;
mod files;
mod gates;
mod history;
mod list;
mod model;
mod register;

pub use ab::{AbAnswer, AbDay, AbMode, AbTest, Arm, ArmStanding, NewAbTest, Outcome, Standing};
pub use deploy::{Deploy, Promotion, Target};
pub use gates::{APART, Evidence, REQUIRED_GATES};
pub use history::Deployment;
pub use list::ModelFilter;
pub use model::{DataSetRef, ModelFile, ModelKind, ModelStatus, ModelVersion, NewModel};
pub(crate) use register::register_within;
