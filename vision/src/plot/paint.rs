//! Charts as images, for folders of runs and viewers without a browser.

use crate::RgbImage;
use crate::draw::{Canvas, Fonts, Pen};

use super::Drawing;
use super::shape::{Anchor, Shape};

type Color = [u8; 3];

const PAPER: Color = [255, 255, 255];
const INK: Color = [24, 32, 48];
const MUTED: Color = [93, 103, 121];
const LINE: Color = [226, 230, 237];
const SOFT: Color = [240, 242, 246];
/// The series, as on the page in its light colours.
const SERIES: [Color; 4] = [[37, 99, 235], [217, 115, 13], [15, 157, 118], [139, 92, 246]];

/// Pixels of the image per pixel of the chart.
const SCALE: f64 = 2.0;
/// Room above the chart for its title, and for each line of its legend.
pub(super) const TITLE: f64 = 30.0;
pub(super) const KEYS: f64 = 18.0;
/// Between charts beside each other.
const GAP: f64 = 8.0;

/// Charts under their titles, `columns` beside each other. All cells are as large as the largest chart.
#[must_use]
pub fn paint(charts: &[(&str, &Drawing)], columns: usize) -> RgbImage {
    let columns = columns.clamp(1, charts.len().max(1));
    let rows = charts.len().div_ceil(columns);
    let width = charts.iter().map(|(_, chart)| chart.width).fold(1.0, f64::max) + GAP;
    let keys = charts.iter().map(|(_, chart)| key_rows(chart).len()).max().unwrap_or(0) as f64;
    let above = TITLE + KEYS * keys;
    let height = charts.iter().map(|(_, chart)| chart.height).fold(1.0, f64::max) + above;
    let size = |cells: usize, length: f64| (cells as f64 * length * SCALE).ceil() as u32;
    let mut painter =
        Painter { canvas: Canvas::blank(size(columns, width), size(rows, height), PAPER), origin: (0.0, 0.0) };
    for (at, (title, chart)) in charts.iter().enumerate() {
        let (x, y) = ((at % columns) as f64 * width, (at / columns) as f64 * height);
        painter.origin = (x, y);
        painter.text((14.0, 21.0), (Anchor::Start, 0.0), title, (15.0, INK));
        for (row, names) in key_rows(chart).into_iter().enumerate() {
            let baseline = TITLE + KEYS * row as f64 + 11.0;
            for (left, mark, name) in names {
                painter.strokes(
                    &[vec![(left, baseline - 4.0), (left + 16.0, baseline - 4.0)]],
                    (3.0, series(mark)),
                    None,
                );
                painter.text((left + 22.0, baseline), (Anchor::Start, 0.0), name, (12.0, MUTED));
            }
        }
        painter.origin = (x, y + above);
        chart.shapes.iter().for_each(|shape| painter.shape(shape));
    }
    painter.canvas.into_image()
}

/// The legend in lines as wide as the chart: place, class, name.
pub(super) fn key_rows(chart: &Drawing) -> Vec<Vec<(f64, &str, &str)>> {
    let mut rows: Vec<Vec<(f64, &str, &str)>> = Vec::new();
    let mut left = f64::INFINITY;
    for (mark, name) in &chart.legend {
        let width = 22.0 + text_width(name, 12.0) + 16.0;
        if left + width > chart.width {
            rows.push(Vec::new());
            left = 14.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((left, mark, name));
        }
        left += width;
    }
    rows
}

fn series(class: &str) -> Color {
    let number = class.split(' ').find_map(|part| part.strip_prefix('s')?.parse::<usize>().ok());
    SERIES[(number.unwrap_or(1).max(1) - 1) % SERIES.len()]
}

/// Width in pixels of the chart.
fn text_width(text: &str, size: f64) -> f64 {
    f64::from(pen(size).width(text))
}

/// Font sizes of pages count the em; pens count from the lowest to the highest point.
fn pen(size: f64) -> Pen {
    Pen::new(&Fonts::get().regular, size as f32 * EM)
}

/// Height of a line of DejaVu Sans per em.
const EM: f32 = 1.164;

struct Painter {
    canvas: Canvas,
    origin: (f64, f64),
}

impl Painter {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Line { class, strokes } => {
                let (color, width, dash) = match class.split(' ').next() {
                    Some("grid") => (LINE, 1.0, None),
                    Some("axis") => (MUTED, 1.0, None),
                    Some("rule") => (MUTED, 1.2, Some((2.0, 3.0))),
                    _ if class.contains("ideal") => (MUTED, 1.2, Some((4.0, 4.0))),
                    _ => (series(class), 2.0, None),
                };
                self.strokes(strokes, (width, color), dash);
            }
            Shape::Text { class, at, anchor, turn, text } => {
                let (size, color) = match class.as_str() {
                    "label" => (12.0, MUTED),
                    "count" => (11.0, INK),
                    "count strong" => (11.0, PAPER),
                    _ => (11.0, MUTED),
                };
                self.text(*at, (*anchor, *turn), text, (size, color));
            }
            Shape::Rect { class, corner, size, opacity, .. } => {
                let (color, strength) = match class.split(' ').next() {
                    Some("cell") => (SOFT, 1.0),
                    Some("hit") => (SERIES[0], 1.0),
                    Some("miss") => (SERIES[1], 1.0),
                    _ if class.contains("faint") => (series(class), 0.28),
                    _ if class.contains("soft") => (series(class), 0.6),
                    _ => (series(class), 1.0),
                };
                self.rect(*corner, *size, color, opacity.unwrap_or(strength));
            }
            Shape::Circle { class, center, radius, .. } => {
                let center = self.place(*center);
                self.canvas.dot(center, radius * SCALE, series(class));
            }
        }
    }

    /// Pixels of a place of the chart.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        ((self.origin.0 + x) * SCALE, (self.origin.1 + y) * SCALE)
    }

    fn rect(&mut self, corner: (f64, f64), (width, height): (f64, f64), color: Color, share: f64) {
        let ((left, top), (right, bottom)) = (self.place(corner), self.place((corner.0 + width, corner.1 + height)));
        self.canvas.area((left, top, right, bottom), color, share);
    }

    fn strokes(&mut self, strokes: &[Vec<(f64, f64)>], (width, color): (f64, Color), dash: Option<(f64, f64)>) {
        for stroke in strokes {
            let points: Vec<_> = stroke.iter().map(|&point| self.place(point)).collect();
            let dash = dash.map(|(on, off)| (on * SCALE, off * SCALE));
            self.canvas.line(&points, (width * SCALE, color), dash);
        }
    }

    /// `placed`: which point of the text stands at `at`, and by how many degrees it is turned around it.
    fn text(&mut self, at: (f64, f64), placed: (Anchor, f64), text: &str, (size, color): (f64, Color)) {
        let (anchor, turn) = placed;
        let pen = pen(size * SCALE);
        let start = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -pen.width(text) / 2.0,
            Anchor::End => -pen.width(text),
        };
        let at = self.place(at);
        pen.draw_turned(&mut self.canvas, (at, turn), (start, text), color);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Frame};
    use super::*;

    #[test]
    fn lines_and_letters_are_where_they_belong() {
        let line = [(0.0, Some(0.0)), (1.0, Some(1.0))];
        let chart = Frame::new(Axis::fraction("recall"), Axis::fraction("precision")).line(line, "s2", "").done();
        let image = paint(&[("Title", &chart)], 1);
        let near = |x: u32, y: u32, wanted: Color| {
            let pixels = (x - 2..=x + 2).flat_map(|x| (y - 2..=y + 2).map(move |y| (x, y)));
            pixels.into_iter().any(|(x, y)| image.get_pixel(x, y).0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12))
        };
        // The middle of the chart: 52 + 197 right, 12 + 133 down, below the title.
        let (x, y) = (((52.0 + 197.0) * SCALE) as u32, ((TITLE + 12.0 + 133.0) * SCALE) as u32);
        assert!(near(x, y, SERIES[1]), "the line goes through the middle");
        assert!(!near(x + 60, y, SERIES[1]), "and nowhere else");
        let dark = image.enumerate_pixels().filter(|(x, y, p)| *x < 120 && *y < 60 && p.0[0] < 100).count();
        assert!(dark > 100, "a title is written: {dark} dark pixels");
    }

    #[test]
    fn charts_stand_in_rows() {
        let chart = Frame::sized(Axis::fraction("x"), Axis::fraction("y"), 100.0, 80.0).done();
        let charts = [("a", &chart), ("b", &chart), ("c", &chart)];
        let image = paint(&charts, 2);
        assert_eq!(image.dimensions(), (2 * 2 * 108, 2 * 2 * 110));
        assert_eq!(paint(&[], 3).dimensions().0, 18);
    }
}
