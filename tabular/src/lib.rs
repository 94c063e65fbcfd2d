//! Tables: read, described, cleaned, split, learned from, predicted.
//!
//! | module | what |
//! |---|---|
//! | [`table`] | typed columns of one length; the digest that is a version |
//! | [`read`], [`write`] | files to tables within limits, and back |
//! | [`mod@describe`], [`mod@clean`], [`mod@split`] | what a table holds; missing values and outliers; parts |
//! | [`prepare`], [`scale`], [`mod@matrix`], [`samples`] | columns to the numbers that learners see |
//! | [`learn`] | the trait [`Learner`], learners of our own, ensembles, and their names |
//! | [`metrics`], [`fold`] | how good predictions are; cross-validation |
//!
//! No images, no networks of neurons, no HTTP, no database. Everything of a seed is the same in every release.

pub mod clean;
pub mod describe;
pub mod fold;
pub mod learn;
pub mod matrix;
pub mod metrics;
pub mod prepare;
pub mod read;
pub mod samples;
pub mod scale;
pub mod split;
pub mod stats;
pub mod table;
pub mod write;

pub use clean::{CleanOptions, MissingStrategy, OutlierMethod, clean};
pub use describe::{Description, describe};
pub use learn::{Algorithm, Learner, Model, Predictor, Run, learner};
pub use matrix::Matrix;
pub use read::{Limits, ReadOptions, Reading, read_csv};
pub use samples::{Samples, Target, Task};
pub use scale::{Scaler, ScalingMethod};
pub use split::{Split, SplitMethod, SplitOptions, split};
pub use table::{Column, Table};
pub use write::write_csv;
