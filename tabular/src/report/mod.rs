//! What was found out about a model, for people: charts as SVG, and one page with all of them.
//!
//! Both are made of what a training or a validation leaves behind as JSON, so the command line, a job and the pages of a server show
//! the same.

mod charts;
mod outcome;
mod page;

pub use charts::{Chart, chart, charts};
pub use outcome::Outcome;
pub use page::{page, title};
