//! Charts: axes, grid, legend. On pages they are SVG whose colours are CSS classes, so light and dark work; in files they are SVG
//! with colours of its own, or images.

mod axis;
mod bars;
mod document;
mod frame;
mod heatmap;
mod paint;
mod shape;

pub use axis::Axis;
pub use bars::bars;
pub use frame::{Frame, Mark};
pub use heatmap::heatmap;
pub use paint::paint;
pub use shape::Drawing;

/// Makes text safe inside HTML, SVG and their attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Control characters are not allowed in documents and may turn text around.
            c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
