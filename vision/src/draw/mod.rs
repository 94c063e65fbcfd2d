//! The one drawing stack: boxes, letters and sheets of small images, for annotated photos, reports and training.
//!
//! | file | what |
//! |---|---|
//! | [`canvas`] | rectangles, frames and hatches that mix with what lies below |
//! | [`lines`] | lines, dots and areas that end between pixels |
//! | [`text`], `turned` | letters: measuring, shortening, wrapping and drawing them, along any line |
//! | [`sheet`] | many small images on one |

pub mod canvas;
pub mod lines;
pub mod sheet;
pub mod text;
mod turned;

pub use canvas::{Canvas, Rect, Stroke};
pub use text::{Fonts, Pen};
