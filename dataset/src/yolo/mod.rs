//! YOLO label files: one box a line, `class x_center y_center width height`, normalised by the size of the upright
//! image, optionally followed by `# comment`.

mod bad;
mod file;
mod line;

pub use bad::BadLabels;
pub use file::{LabelError, MAX_LABEL_BYTES, ParsedLine, Sifted, format, parse, parse_shapes, read, sift, write};
pub use line::{Label, LabelLine, LineError, Shape, TOLERANCE, decimal};
