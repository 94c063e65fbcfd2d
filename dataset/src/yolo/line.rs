//! One line of a label file.

use std::fmt;

use thiserror::Error;
use vision::BBox;

/// A box and its class. Coordinates are fractions of the image's width and height, `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// Class number.
    pub class: u32,
    /// Centre, from the left.
    pub cx: f64,
    /// Centre, from the top.
    pub cy: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// A label with its place and comment.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelLine {
    /// Line in the file, from 1.
    pub line: u32,
    /// The box.
    pub label: Label,
    /// What follows `#`, trimmed.
    pub comment: Option<String>,
}

/// Why a line is not a label.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LineError {
    /// Neither a box nor a polygon.
    #[error("{found} columns where 5 are expected: class x_center y_center width height{}", columns_hint(*.found))]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// Not a class number.
    #[error("class {text:?} is not a whole number from 0 up")]
    Class {
        /// As written.
        text: String,
    },
    /// Not a number.
    #[error("{column} {text:?} is not a number")]
    Number {
        /// Which column.
        column: &'static str,
        /// As written.
        text: String,
    },
    /// NaN or infinite.
    #[error("{column} is {text}: a finite number is expected")]
    NotFinite {
        /// Which column.
        column: &'static str,
        /// As written.
        text: String,
    },
    /// Below zero.
    #[error("{column} is {value}: a size cannot be negative")]
    NegativeSize {
        /// Which column.
        column: &'static str,
        /// As read.
        value: f64,
    },
    /// Outside `0..=1`.
    #[error("{column} is {value}, outside 0..1: coordinates must be fractions of the image's size, not pixels")]
    NotNormalised {
        /// Which column.
        column: &'static str,
        /// As read.
        value: f64,
    },
}

fn columns_hint(found: usize) -> &'static str {
    match found {
        6 => " (is the sixth a confidence? these are predictions then, not labels)",
        7.. => " (boxes, and polygons of pairs x y, are read)",
        _ => "",
    }
}

/// How far outside `0..=1` a number may lie before the line is taken for something else than normalised coordinates:
/// half a pixel of a 500-pixel side, as careless rounding gives.
pub const TOLERANCE: f64 = 1e-3;

impl Label {
    /// Edges `[x1, y1, x2, y2]` as fractions of the image.
    #[must_use]
    pub fn edges(&self) -> [f64; 4] {
        [self.cx - self.w / 2.0, self.cy - self.h / 2.0, self.cx + self.w / 2.0, self.cy + self.h / 2.0]
    }

    /// The label with these edges, as fractions of the image.
    #[must_use]
    pub fn from_edges(class: u32, [x1, y1, x2, y2]: [f64; 4]) -> Self {
        Self { class, cx: f64::midpoint(x1, x2), cy: f64::midpoint(y1, y2), w: x2 - x1, h: y2 - y1 }
    }

    /// The box in pixels of an image of this size. Not clipped.
    #[must_use]
    pub fn to_pixels(&self, width: u32, height: u32) -> BBox {
        let [x1, y1, x2, y2] = self.edges();
        let (w, h) = (f64::from(width), f64::from(height));
        BBox::new((x1 * w) as f32, (y1 * h) as f32, (x2 * w) as f32, (y2 * h) as f32)
    }

    /// The label of a box in pixels of an image of this size.
    #[must_use]
    pub fn from_pixels(class: u32, bbox: &BBox, width: u32, height: u32) -> Self {
        let (w, h) = (f64::from(width), f64::from(height));
        let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        Self::from_edges(class, [x1 / w, y1 / h, x2 / w, y2 / h])
    }

    /// Reads the columns of a line, without its comment: five are a box; a class and at least three pairs are a polygon, whose
    /// box is taken.
    pub(super) fn parse(columns: &str) -> Result<(Self, Shape), LineError> {
        let found = columns.split_ascii_whitespace().count();
        let mut columns = columns.split_ascii_whitespace();
        if found != 5 && (found < 7 || found.is_multiple_of(2)) {
            return Err(LineError::Columns { found });
        }
        let class = class_number(columns.next().unwrap_or_default())?;
        if found == 5 {
            let mut next = |column| number(column, columns.next().unwrap_or_default());
            let (cx, cy, w, h) = (next("x_center")?, next("y_center")?, next("width")?, next("height")?);
            return Ok((Self { class, cx, cy, w, h }, Shape::Box));
        }
        let mut edges = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for (at, text) in columns.enumerate() {
            let (axis, column) = if at % 2 == 0 { (0, "x") } else { (1, "y") };
            let value = number(column, text)?;
            edges[axis] = edges[axis].min(value);
            edges[axis + 2] = edges[axis + 2].max(value);
        }
        Ok((Self::from_edges(class, edges), Shape::Polygon))
    }
}

/// What a line draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A box.
    Box,
    /// A polygon, as segmentation and turned-box exports have; its upright box is taken.
    Polygon,
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A class number; tools that write all columns as floating point write `3.000000`.
fn class_number(text: &str) -> Result<u32, LineError> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    whole.parse().map_err(|_| LineError::Class { text: short(text) })
}

fn number(column: &'static str, text: &str) -> Result<f64, LineError> {
    let value: f64 = text.parse().map_err(|_| LineError::Number { column, text: short(text) })?;
    if !value.is_finite() {
        return Err(LineError::NotFinite { column, text: short(text) });
    }
    if matches!(column, "width" | "height") && value < 0.0 {
        return Err(LineError::NegativeSize { column, value });
    }
    let normalised = (-TOLERANCE..=1.0 + TOLERANCE).contains(&value);
    if normalised { Ok(value) } else { Err(LineError::NotNormalised { column, value }) }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, cx, cy, w, h } = self;
        write!(f, "{class} {} {} {} {}", decimal(*cx), decimal(*cy), decimal(*w), decimal(*h))
    }
}

/// A fraction with 12 decimals, trailing zeros dropped. An image side of 100,000 pixels times the rounding (5e-13) is 5e-8
/// pixels, so edges come back within 1e-6; and any number that was written with at most 12 decimals comes back as it was,
/// whatever binary rounding did to it on the way.
#[must_use]
pub fn decimal(fraction: f64) -> String {
    let text = format!("{fraction:.12}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}
