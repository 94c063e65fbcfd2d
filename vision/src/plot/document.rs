//! A chart as an SVG file: it stands alone, so title, legend and colours are in it.

use std::fmt::Write as _;

use super::paint::{KEYS, TITLE, key_rows};
use super::{Drawing, escape};

/// The colours of pages, light and dark.
const STYLE: &str = include_str!("document.css");

impl Drawing {
    /// The chart as an SVG file, below its title and legend. What it names as font is on every machine; colours follow the reader's
    /// choice of light or dark.
    #[must_use]
    pub fn document(&self, title: &str) -> String {
        let keys = key_rows(self);
        let above = TITLE + KEYS * keys.len() as f64;
        let (width, height) = (self.width.max(240.0), self.height + above);
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{title}"><title>{title}</title><style>{STYLE}</style><rect class="paper" width="100%" height="100%"/><text class="title" x="14" y="21">{title}</text>"#,
            title = escape(title)
        );
        for (row, names) in keys.iter().enumerate() {
            let baseline = TITLE + KEYS * row as f64 + 11.0;
            for (left, mark, name) in names {
                let (y, right) = (baseline - 4.0, left + 16.0);
                let _ = write!(
                    out,
                    r#"<path class="line {mark}" d="M{left:.1} {y:.1}L{right:.1} {y:.1}"/><text class="label" x="{:.1}" y="{baseline:.1}">{}</text>"#,
                    left + 22.0,
                    escape(name)
                );
            }
        }
        let _ = write!(out, r#"<g transform="translate(0 {above:.0})">"#);
        self.shapes.iter().for_each(|shape| shape.write_svg(&mut out));
        out.push_str("</g></svg>\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Frame};

    #[test]
    fn a_file_holds_all_it_needs_and_nothing_of_a_name_is_markup() {
        let line = [(0.0, Some(0.0)), (1.0, Some(1.0))];
        let chart =
            Frame::new(Axis::fraction("recall"), Axis::fraction("precision")).line(line, "s2", "a <b> & c").done();
        let file = chart.document("\"Curves\" </svg>");
        assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(file.contains("&quot;Curves&quot; &lt;/svg&gt;") && file.contains("a &lt;b&gt; &amp; c"));
        assert_eq!((file.matches("<svg").count(), file.matches("</svg>").count()), (1, 1));
        assert!(file.contains("prefers-color-scheme: dark") && !file.contains("var(--"), "colours are its own");
    }
}
