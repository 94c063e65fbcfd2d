//! What charts are made of: a few kinds of shapes, written as SVG for pages or painted for files.

use std::fmt::Write as _;

use super::escape;

/// Which point of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Part of a chart, in its pixels. `class` says what it is; pages and painter give it its colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Line { class: String, strokes: Vec<Vec<(f64, f64)>> },
    Text { class: String, at: (f64, f64), anchor: Anchor, turn: f64, text: String },
    Rect { class: String, corner: (f64, f64), size: (f64, f64), opacity: Option<f64>, tip: String },
    Circle { class: String, center: (f64, f64), radius: f64, tip: String },
}

impl Shape {
    pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Self {
        Self::Line { class: class.to_owned(), strokes: vec![vec![from, to]] }
    }

    pub(super) fn text(class: &str, at: (f64, f64), anchor: Anchor, text: &str) -> Self {
        Self::Text { class: class.to_owned(), at, anchor, turn: 0.0, text: text.to_owned() }
    }

    /// The same text, turned around its place by so many degrees.
    pub(super) fn turned(mut self, degrees: f64) -> Self {
        if let Self::Text { turn, .. } = &mut self {
            *turn = degrees;
        }
        self
    }

    pub(super) fn write_svg(&self, out: &mut String) {
        let tip = |tip: &str| if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) };
        let _ = match self {
            Self::Line { class, strokes } => {
                let mut path = String::new();
                for stroke in strokes {
                    for (at, (x, y)) in stroke.iter().enumerate() {
                        let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
                    }
                }
                write!(out, r#"<path class="{class}" d="{path}"/>"#)
            }
            Self::Text { class, at: (x, y), anchor, turn, text } => {
                let anchor = match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => r#" text-anchor="middle""#,
                    Anchor::End => r#" text-anchor="end""#,
                };
                let text = escape(text);
                if *turn == 0.0 {
                    write!(out, r#"<text class="{class}" x="{x:.1}" y="{y:.1}"{anchor}>{text}</text>"#)
                } else {
                    let place = format!("translate({x:.1} {y:.1}) rotate({turn})");
                    write!(out, r#"<text class="{class}" transform="{place}"{anchor}>{text}</text>"#)
                }
            }
            Self::Rect { class, corner: (x, y), size: (width, height), opacity, tip: text } => {
                let opacity = opacity.map_or_else(String::new, |value| format!(r#" fill-opacity="{value:.2}""#));
                write!(
                    out,
                    r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"{opacity}>{}</rect>"#,
                    tip(text)
                )
            }
            Self::Circle { class, center: (x, y), radius, tip: text } => {
                write!(out, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}">{}</circle>"#, tip(text))
            }
        };
    }
}

/// A name of at most so many letters.
pub(super) fn shortened(name: &str, letters: usize) -> String {
    match name.chars().nth(letters) {
        None => name.to_owned(),
        Some(_) => format!("{}…", name.chars().take(letters.saturating_sub(1)).collect::<String>()),
    }
}

/// A finished chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
    /// Class and name of what is plotted.
    pub(super) legend: Vec<(String, String)>,
}

impl Drawing {
    /// The chart as HTML: its legend, where lines have names, and an `<svg>`. `title` is read out to those who cannot see.
    #[must_use]
    pub fn html(&self, title: &str) -> String {
        let mut out = String::new();
        if !self.legend.is_empty() {
            out.push_str("<div class=\"keys\">");
            for (mark, name) in &self.legend {
                let _ = write!(out, "<span><i class=\"swatch {mark}\"></i>{}</span>", escape(name));
            }
            out.push_str("</div>");
        }
        out.push_str(&self.svg("chart", "", title));
        out
    }

    pub(super) fn svg(&self, class: &str, style: &str, title: &str) -> String {
        let Self { width, height, .. } = self;
        let mut out = format!(
            r#"<svg class="{class}" viewBox="0 0 {width:.0} {height:.0}"{style} role="img" aria-label="{}">"#,
            escape(title)
        );
        self.shapes.iter().for_each(|shape| shape.write_svg(&mut out));
        out.push_str("</svg>");
        out
    }
}
