//! Everything about one kind of result, in the form reports keep it.

pub mod counts;
pub mod detection;
pub mod identification;
pub mod metrics;

pub use counts::{CountSection, evaluate_counts};
pub use detection::{DetectionSection, DetectionSettings, evaluate_detection};
pub use identification::{IdentificationSection, evaluate_identification};
pub use metrics::{Metrics, SliceLine};
