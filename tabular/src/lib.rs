//! Tables: read, described, cleaned, split, learned from, predicted.
//!
//! | module | what |
//! |---|---|
//! | [`table`] | typed columns of one length; the digest that is a version |
//! | [`read`], [`mod@write`] | files to tables within limits, and back |
//! | [`mod@describe`], [`mod@clean`], [`mod@split`] | what a table holds; missing values and outliers; parts |
//! | [`prepare`], [`scale`], [`mod@matrix`], [`samples`] | columns to the numbers that learners see |
//! | [`learn`] | the trait [`Learner`], learners of our own, ensembles, and their names |
//! | [`mod@select`] | which features tell most |
//! | [`explain`] | what each feature adds to what trees say |
//! | [`metrics`], [`fold`], [`robust`] | how good predictions are; cross-validation; on disturbed rows |
//! | [`mod@train`], [`trained`] | from a table to a judged model; the model's file |
//! | [`mod@validate`], [`report`] | a model judged by another table; charts and a page of what was found |
//! | [`search`] | hyperparameters by grid, chance and TPE |
//! | [`features`] | features of series, which cannot see the future |
//! | [`mod@forecast`] | what stands on a shelf at the next visit, with intervals that hold |
//!
//! No images, no networks of neurons, no HTTP, no database. Everything of a seed is the same in every release.

pub mod clean;
pub mod describe;
pub mod explain;
pub mod features;
pub mod fold;
pub mod forecast;
pub mod learn;
pub mod matrix;
pub mod metrics;
pub mod prepare;
pub mod read;
pub mod report;
pub mod robust;
pub mod samples;
pub mod scale;
pub mod search;
pub mod select;
pub mod split;
pub mod stats;
pub mod table;
pub mod train;
pub mod trained;
pub mod validate;
pub mod write;

pub use clean::{CleanOptions, MissingStrategy, OutlierMethod, clean};
pub use describe::{Description, describe};
pub use learn::{Algorithm, Learner, Model, Predictor, Run, learner};
pub use matrix::Matrix;
pub use read::{Limits, ReadOptions, Reading, read_csv, read_xlsx};
pub use samples::{Samples, Target, Task};
pub use scale::{Scaler, ScalingMethod};
pub use select::{Selection, SelectionMethod, SelectionOptions, select};
pub use split::{Split, SplitMethod, SplitOptions, split};
pub use table::{Column, Table};
pub use train::{TrainOptions, Training, train};
pub use trained::{Predictions, TrainedModel};
pub use validate::{Validation, validate};
pub use write::write_csv;
