//! One HTML file with everything inside: no script, no link, nothing fetched. It can be mailed and opened years later.

mod charts;
mod page;
mod pictures;
mod sections;
mod tables;

pub use page::html;
