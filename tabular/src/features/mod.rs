//! Features of series: what the past says at each moment.
//!
//! No feature can see the future: each is computed from a [`Past`], which holds the rows of one series up to the present one and nothing
//! else.

mod build;
mod cycle;
mod past;
mod schema;

pub use build::{FeatureError, series_features};
pub(crate) use cycle::{day as day_circle, week as week_circle};
pub use past::Past;
pub use schema::{SchemaConfig, SchemaError, SeriesSchema};
