//! Charts as images, for folders of runs and viewers without a browser.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use vision::RgbImage;

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
const TITLE: f64 = 30.0;
const KEYS: f64 = 18.0;
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
    let mut painter = Painter {
        image: RgbImage::from_pixel(size(columns, width), size(rows, height), PAPER.into()),
        origin: (0.0, 0.0),
    };
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
    painter.image
}

/// The legend in lines as wide as the chart: place, class, name.
fn key_rows(chart: &Drawing) -> Vec<Vec<(f64, &str, &str)>> {
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

fn font() -> &'static FontRef<'static> {
    static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
        FontRef::try_from_slice(dejavu::sans_condensed::regular()).expect("the font that is built in is sound")
    });
    &FONT
}

/// Width in pixels of the chart.
fn text_width(text: &str, size: f64) -> f64 {
    // Font sizes of pages count the em; this crate's scale counts ascent to descent.
    let font = font().as_scaled(PxScale::from(size as f32 * EM));
    text.chars().map(|letter| f64::from(font.h_advance(font.glyph_id(letter)))).sum()
}

/// Height of a line of DejaVu Sans per em.
const EM: f32 = 1.164;

struct Painter {
    image: RgbImage,
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
                let (x, y) = self.place(*center);
                let radius = radius * SCALE;
                let cover = |px: f64, py: f64| (radius + 0.5 - (px - x).hypot(py - y)).clamp(0.0, 1.0);
                self.each((x - radius, y - radius, x + radius, y + radius), series(class), cover);
            }
        }
    }

    /// Pixels of a place of the chart.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        ((self.origin.0 + x) * SCALE, (self.origin.1 + y) * SCALE)
    }

    /// Mixes a colour into every pixel of a region by what `cover` says of its centre.
    fn each(
        &mut self,
        (left, top, right, bottom): (f64, f64, f64, f64),
        color: Color,
        cover: impl Fn(f64, f64) -> f64,
    ) {
        let until = |end: f64, length: u32| ((end + 2.0).max(0.0) as u32).min(length);
        let (width, height) = self.image.dimensions();
        for y in (top - 1.0).max(0.0) as u32..until(bottom, height) {
            for x in (left - 1.0).max(0.0) as u32..until(right, width) {
                let covered = cover(f64::from(x) + 0.5, f64::from(y) + 0.5);
                if covered > 0.0 {
                    for (below, above) in self.image.get_pixel_mut(x, y).0.iter_mut().zip(color) {
                        let mixed = f64::from(*below) + (f64::from(above) - f64::from(*below)) * covered.min(1.0);
                        *below = mixed.round() as u8;
                    }
                }
            }
        }
    }

    fn rect(&mut self, corner: (f64, f64), (width, height): (f64, f64), color: Color, opacity: f64) {
        let ((left, top), (right, bottom)) = (self.place(corner), self.place((corner.0 + width, corner.1 + height)));
        let along = |at: f64, low: f64, high: f64| ((at + 0.5).min(high) - (at - 0.5).max(low)).clamp(0.0, 1.0);
        self.each((left, top, right, bottom), color, |x, y| opacity * along(x, left, right) * along(y, top, bottom));
    }

    fn strokes(&mut self, strokes: &[Vec<(f64, f64)>], (width, color): (f64, Color), dash: Option<(f64, f64)>) {
        let half = width * SCALE / 2.0;
        for stroke in strokes {
            let points: Vec<_> = stroke.iter().map(|&point| self.place(point)).collect();
            let segments: Vec<_> = match dash {
                Some((on, off)) => dashes(&points, on * SCALE, off * SCALE),
                None => points.windows(2).map(|pair| (pair[0], pair[1])).collect(),
            };
            // Neighbouring segments share pixels: each pixel takes the nearest of them, once.
            for band in segments.chunks(16) {
                let bounds = band.iter().flat_map(|&(a, b)| [a, b]).fold(
                    (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY),
                    |(l, t, r, b), (x, y)| (l.min(x - half), t.min(y - half), r.max(x + half), b.max(y + half)),
                );
                let nearest = |x: f64, y: f64| band.iter().map(|&s| distance((x, y), s)).fold(f64::INFINITY, f64::min);
                self.each(bounds, color, |x, y| (half + 0.5 - nearest(x, y)).clamp(0.0, 1.0));
            }
        }
    }

    /// `placed`: which point of the text stands at `at`, and by how many degrees it is turned around it.
    fn text(&mut self, at: (f64, f64), placed: (Anchor, f64), text: &str, (size, color): (f64, Color)) {
        let (anchor, turn) = placed;
        let (x, y) = self.place(at);
        let scaled = PxScale::from((size * SCALE) as f32 * EM);
        let font = font();
        let sizes = font.as_scaled(scaled);
        let width: f32 = text.chars().map(|letter| sizes.h_advance(sizes.glyph_id(letter))).sum();
        let mut left = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let (sin, cos) = turn.to_radians().sin_cos();
        for letter in text.chars() {
            let id = sizes.glyph_id(letter);
            let outline = font.outline_glyph(id.with_scale_and_position(scaled, point(left, 0.0)));
            left += sizes.h_advance(id);
            let Some(outline) = outline else { continue };
            let bounds = outline.px_bounds();
            let (columns, rows) = (bounds.width() as usize, bounds.height() as usize);
            let mut mask = vec![0.0_f32; columns * rows];
            outline.draw(|dx, dy, cover| {
                if let Some(cell) = mask.get_mut(dy as usize * columns + dx as usize) {
                    *cell = cover;
                }
            });
            let (from_x, from_y) = (f64::from(bounds.min.x), f64::from(bounds.min.y));
            let (to_x, to_y) = (f64::from(bounds.max.x), f64::from(bounds.max.y));
            let corners = [(from_x, from_y), (to_x, from_y), (from_x, to_y), (to_x, to_y)]
                .map(|(u, v)| (x + u * cos - v * sin, y + u * sin + v * cos));
            let region = corners
                .iter()
                .fold((f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY), |(l, t, r, b), &(x, y)| {
                    (l.min(x), t.min(y), r.max(x), b.max(y))
                });
            let sample = |u: f64, v: f64| -> f64 {
                let (u, v) = (u - from_x - 0.5, v - from_y - 0.5);
                let cell = |column: f64, row: f64| {
                    let inside = column >= 0.0 && row >= 0.0 && column < columns as f64 && row < rows as f64;
                    if inside { f64::from(mask[row as usize * columns + column as usize]) } else { 0.0 }
                };
                let (fu, fv) = (u - u.floor(), v - v.floor());
                let upper = cell(u.floor(), v.floor()) * (1.0 - fu) + cell(u.floor() + 1.0, v.floor()) * fu;
                let lower = cell(u.floor(), v.floor() + 1.0) * (1.0 - fu) + cell(u.floor() + 1.0, v.floor() + 1.0) * fu;
                upper * (1.0 - fv) + lower * fv
            };
            self.each(region, color, |px, py| {
                let (dx, dy) = (px - x, py - y);
                sample(dx * cos + dy * sin, dy * cos - dx * sin)
            });
        }
    }
}

type Segment = ((f64, f64), (f64, f64));

fn distance((x, y): (f64, f64), (from, to): Segment) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
}

fn dashes(points: &[(f64, f64)], on: f64, off: f64) -> Vec<Segment> {
    let mut dashes = Vec::new();
    for pair in points.windows(2) {
        let ((x, y), (dx, dy)) = (pair[0], (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
        let length = dx.hypot(dy);
        let place = |at: f64| (x + dx * at / length, y + dy * at / length);
        let mut at = 0.0;
        while at < length {
            dashes.push((place(at), place((at + on).min(length))));
            at += on + off;
        }
    }
    dashes
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
