//! What an evaluation came to, for machines (JSON, CSV) and for people (one HTML file, a text table).

pub mod advice;
pub mod charts;
pub mod compare;
mod confusions;
pub mod document;
pub mod html;
pub mod table;
pub mod text;
pub mod worst;

pub use advice::{Advice, advise};
pub use compare::{Comparison, compare};
pub use confusions::{ConfusedFacings, FacingBox, confused_facings};
pub use document::{DataSet, Kind, Report, ReportError};
pub use html::{Calibration, calibration_html, html};
pub use table::csv;
pub use text::text;
pub use worst::{WorstBox, WorstCase, worst_cases};
