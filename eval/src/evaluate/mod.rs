//! Everything about one kind of result, in the form reports keep it.

pub mod counts;
pub mod detection;
pub mod figures;
pub mod identification;

pub use counts::{CountSection, evaluate_counts};
pub use detection::{DetectionSection, DetectionSettings, evaluate_detection};
pub use figures::{Figures, SliceLine};
pub use identification::{IdentificationSection, evaluate_identification};
