//! A chart with two axes.

use std::fmt::Write as _;

use super::{Axis, escape};

/// A chart being drawn. What is drawn later lies on top.
#[derive(Debug, Clone)]
pub struct Frame {
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
    body: String,
    legend: Vec<(String, String)>,
}

/// How something is drawn: CSS classes of the page (`s1`..`s4` are the series colours).
pub type Mark<'a> = &'a str;

const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;

impl Frame {
    /// An empty chart of the usual size.
    #[must_use]
    pub fn new(x: Axis, y: Axis) -> Self {
        Self::sized(x, y, 460.0, 320.0)
    }

    /// An empty chart.
    #[must_use]
    pub fn sized(x: Axis, y: Axis, width: f64, height: f64) -> Self {
        let mut frame = Self { x, y, width, height, body: String::new(), legend: Vec::new() };
        frame.draw_axes();
        frame
    }

    fn draw_axes(&mut self) {
        let (left, right, top, bottom) = (LEFT, self.width - RIGHT, TOP, self.height - BOTTOM);
        let mut out = String::new();
        for (value, text) in &self.y.ticks {
            let y = self.y_of(*value);
            let _ = write!(out, r#"<line class="grid" x1="{left}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#);
            let _ = write!(
                out,
                r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"#,
                left - 7.0,
                y + 3.5
            );
        }
        for (value, text) in &self.x.ticks {
            let x = self.x_of(*value);
            let _ = write!(out, r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{bottom}"/>"#);
            let _ = write!(
                out,
                r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{text}</text>"#,
                bottom + 15.0
            );
        }
        let _ = write!(out, r#"<path class="axis" d="M{left} {top}V{bottom}H{right}"/>"#);
        let (mid_x, mid_y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let _ = write!(
            out,
            r#"<text class="label" x="{mid_x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            self.height - 8.0,
            escape(&self.x.label)
        );
        let _ = write!(
            out,
            r#"<text class="label" transform="translate(13 {mid_y:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escape(&self.y.label)
        );
        self.body.push_str(&out);
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.position(value) * (self.width - LEFT - RIGHT)
    }

    fn y_of(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.position(value) * (self.height - TOP - BOTTOM)
    }

    /// A line through points; a missing value breaks it.
    #[must_use]
    pub fn line(mut self, points: impl IntoIterator<Item = (f64, Option<f64>)>, mark: Mark<'_>, name: &str) -> Self {
        let mut path = String::new();
        let mut pen_down = false;
        for (x, y) in points {
            let Some(y) = y.filter(|y| y.is_finite()) else {
                pen_down = false;
                continue;
            };
            let command = if pen_down { 'L' } else { 'M' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.x_of(x), self.y_of(y));
            pen_down = true;
        }
        let _ = write!(self.body, r#"<path class="line {mark}" d="{path}"/>"#);
        if !name.is_empty() {
            self.legend.push((mark.to_owned(), name.to_owned()));
        }
        self
    }

    /// A line of the legend, for what is drawn as bars or dots.
    #[must_use]
    pub fn key(mut self, mark: Mark<'_>, name: &str) -> Self {
        self.legend.push((mark.to_owned(), name.to_owned()));
        self
    }

    /// The line where both axes say the same.
    #[must_use]
    pub fn diagonal(self) -> Self {
        let (low, high) = (self.x.min.max(self.y.min), self.x.max.min(self.y.max));
        self.line([(low, Some(low)), (high, Some(high))], "ideal", "")
    }

    /// An upright line with a word at its top.
    #[must_use]
    pub fn upright(mut self, x: f64, word: &str) -> Self {
        let (at, bottom) = (self.x_of(x), self.height - BOTTOM);
        let (anchor, shift) = if at > self.width * 0.7 { ("end", -5.0) } else { ("start", 5.0) };
        let _ = write!(self.body, r#"<line class="rule" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{bottom:.1}"/>"#);
        let _ = write!(
            self.body,
            r#"<text class="note" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            at + shift,
            bottom - 8.0,
            escape(word)
        );
        self
    }

    /// A bar standing on the x axis, between two x values.
    #[must_use]
    pub fn bar(mut self, (from, to): (f64, f64), height: f64, mark: Mark<'_>, tip: &str) -> Self {
        let (left, right, top, bottom) = (self.x_of(from), self.x_of(to), self.y_of(height), self.y_of(self.y.min));
        let _ = write!(
            self.body,
            r#"<rect class="bar {mark}" x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
            left + 1.0,
            (right - left - 2.0).max(0.5),
            (bottom - top).max(0.0),
            escape(tip)
        );
        self
    }

    /// A dot with a text that shows when pointed at. `radius` is in pixels.
    #[must_use]
    pub fn dot(mut self, (x, y): (f64, f64), radius: f64, mark: Mark<'_>, tip: &str) -> Self {
        let (x, y) = (self.x_of(x), self.y_of(y));
        let tip = escape(tip);
        let _ = write!(
            self.body,
            r#"<circle class="dot {mark}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}"><title>{tip}</title></circle>"#
        );
        self
    }

    /// The chart as HTML: its legend, where lines have names, and an `<svg>`. `title` is read out to those who cannot see.
    #[must_use]
    pub fn finish(self, title: &str) -> String {
        let mut out = String::new();
        if !self.legend.is_empty() {
            out.push_str("<div class=\"keys\">");
            for (mark, name) in &self.legend {
                let _ = write!(out, "<span><i class=\"swatch {mark}\"></i>{}</span>", escape(name));
            }
            out.push_str("</div>");
        }
        let _ = write!(
            out,
            r#"<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>"#,
            self.width,
            self.height,
            escape(title),
            self.body
        );
        out
    }
}
