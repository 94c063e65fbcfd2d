//! Tables of organisations: rows that say what each is and what it was made of; the content lies among the objects as CSV, and is
//! written before the row that names it.

mod find;
mod keep;
mod model;

pub use keep::DataSetLimits;
pub use model::{DataSet, NewDataSet};
