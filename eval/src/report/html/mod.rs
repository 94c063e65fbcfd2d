//! One HTML file with everything inside: no script, no link, nothing fetched. It can be mailed and opened years later.

mod calibration;
mod charts;
mod images;
mod page;
mod sections;
mod tables;

pub use calibration::{Calibration, calibration_html};
pub use page::html;
