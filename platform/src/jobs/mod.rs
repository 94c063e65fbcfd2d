//! Work on tables that takes longer than a request may: wanted here, done by a [`crate::Worker`].

mod journal;
mod learn;
mod make;
mod request;
mod submit;

pub(crate) use journal::Journal;
pub(crate) use make::{MODEL_FILE, Made, ONNX_FILE, make};
pub(crate) use request::FORECAST;
pub use request::{CompareRequest, JobRequest, TuneRequest};
pub use submit::JobDetails;
