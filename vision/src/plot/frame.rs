//! A chart with two axes.

use super::shape::{Anchor, Shape};
use super::{Axis, Drawing};

/// A chart being plotted. What is plotted later lies on top.
#[derive(Debug, Clone)]
pub struct Frame {
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
    shapes: Vec<Shape>,
    legend: Vec<(String, String)>,
    /// Upright lines so far.
    uprights: u8,
}

/// How something is plotted: CSS classes of the page (`s1`..`s4` are the series colours).
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
        let mut frame = Self { x, y, width, height, shapes: Vec::new(), legend: Vec::new(), uprights: 0 };
        frame.draw_axes();
        frame
    }

    fn draw_axes(&mut self) {
        let (left, right, top, bottom) = (LEFT, self.width - RIGHT, TOP, self.height - BOTTOM);
        let mut shapes = Vec::new();
        for (value, text) in &self.y.ticks {
            let y = self.y_of(*value);
            shapes.push(Shape::line("grid", (left, y), (right, y)));
            shapes.push(Shape::text("tick", (left - 7.0, y + 3.5), Anchor::End, text));
        }
        for (value, text) in &self.x.ticks {
            let x = self.x_of(*value);
            shapes.push(Shape::line("grid", (x, top), (x, bottom)));
            shapes.push(Shape::text("tick", (x, bottom + 15.0), Anchor::Middle, text));
        }
        let corner = vec![(left, top), (left, bottom), (right, bottom)];
        shapes.push(Shape::Line { class: "axis".to_owned(), strokes: vec![corner] });
        let (mid_x, mid_y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        shapes.push(Shape::text("label", (mid_x, self.height - 8.0), Anchor::Middle, &self.x.label));
        shapes.push(Shape::text("label", (13.0, mid_y), Anchor::Middle, &self.y.label).turned(-90.0));
        self.shapes = shapes;
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
        let mut strokes: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut pen_down = false;
        for (x, y) in points {
            let Some(y) = y.filter(|y| y.is_finite()) else {
                pen_down = false;
                continue;
            };
            if !pen_down {
                strokes.push(Vec::new());
            }
            pen_down = true;
            let place = (self.x_of(x), self.y_of(y));
            if let Some(stroke) = strokes.last_mut() {
                stroke.push(place);
            }
        }
        self.shapes.push(Shape::Line { class: format!("line {mark}"), strokes });
        if !name.is_empty() {
            self.legend.push((mark.to_owned(), name.to_owned()));
        }
        self
    }

    /// A line of the legend, for what is plotted as bars or dots.
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

    /// An upright line with a word at its foot; the words of several stand one above the other.
    #[must_use]
    pub fn upright(mut self, x: f64, word: &str) -> Self {
        let (at, bottom) = (self.x_of(x), self.height - BOTTOM);
        let (anchor, shift) = if at > self.width * 0.7 { (Anchor::End, -5.0) } else { (Anchor::Start, 5.0) };
        self.shapes.push(Shape::line("rule", (at, TOP), (at, bottom)));
        let line = bottom - 8.0 - 14.0 * f64::from(self.uprights);
        self.shapes.push(Shape::text("note", (at + shift, line), anchor, word));
        self.uprights = self.uprights.saturating_add(1);
        self
    }

    /// A bar standing on the x axis, between two x values.
    #[must_use]
    pub fn bar(mut self, (from, to): (f64, f64), height: f64, mark: Mark<'_>, tip: &str) -> Self {
        let (left, right, top, bottom) = (self.x_of(from), self.x_of(to), self.y_of(height), self.y_of(self.y.min));
        self.shapes.push(Shape::Rect {
            class: format!("bar {mark}"),
            corner: (left + 1.0, top),
            size: ((right - left - 2.0).max(0.5), (bottom - top).max(0.0)),
            opacity: None,
            tip: tip.to_owned(),
        });
        self
    }

    /// A dot with a text that shows when pointed at. `radius` is in pixels.
    #[must_use]
    pub fn dot(mut self, (x, y): (f64, f64), radius: f64, mark: Mark<'_>, tip: &str) -> Self {
        let center = (self.x_of(x), self.y_of(y));
        self.shapes.push(Shape::Circle { class: format!("dot {mark}"), center, radius, tip: tip.to_owned() });
        self
    }

    /// The chart, to be written into a page or painted.
    #[must_use]
    pub fn done(self) -> Drawing {
        Drawing { width: self.width, height: self.height, shapes: self.shapes, legend: self.legend }
    }

    /// The chart as HTML: see [`Drawing::html`].
    #[must_use]
    pub fn finish(self, title: &str) -> String {
        self.done().html(title)
    }
}
