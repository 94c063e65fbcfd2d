//! The one drawing stack: boxes, letters and sheets of small images, for annotated photos, reports and training.
//!
//! | file | what |
//! |---|---|
//! | [`canvas`] | rectangles, frames and hatches that mix with what lies below |
//! | [`text`] | letters: measuring, shortening, wrapping and drawing them |
//! | [`sheet`] | many small images on one |

pub mod canvas;
pub mod sheet;
pub mod text;

pub use canvas::{Canvas, Rect, Stroke};
pub use text::{Fonts, Pen};
