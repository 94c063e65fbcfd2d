//! Lines and whatever else has an edge between pixels.

use super::Canvas;

/// A place in pixels: right, down.
pub type Point = (f64, f64);
/// A straight piece of a line.
pub type Segment = (Point, Point);
/// Left, top, right, bottom in pixels.
pub type Region = (f64, f64, f64, f64);

/// Segments that share pixels are looked at together, so many at a time.
const BAND: usize = 16;

impl Canvas {
    /// Mixes a colour into every pixel of a region by what `cover` (0 to 1) says of its centre.
    pub fn mix(&mut self, (left, top, right, bottom): Region, color: [u8; 3], cover: impl Fn(f64, f64) -> f64) {
        let until = |end: f64, length: u32| ((end + 2.0).max(0.0) as u32).min(length);
        let (width, height) = self.dimensions();
        for y in (top - 1.0).max(0.0) as u32..until(bottom, height) {
            for x in (left - 1.0).max(0.0) as u32..until(right, width) {
                let coverage = cover(f64::from(x) + 0.5, f64::from(y) + 0.5);
                if coverage > 0.0 {
                    self.blend(x as i32, y as i32, color, coverage as f32);
                }
            }
        }
    }

    /// A filled rectangle whose edges lie anywhere.
    pub fn area(&mut self, region: Region, color: [u8; 3], coverage: f64) {
        let (left, top, right, bottom) = region;
        let along = |at: f64, low: f64, high: f64| ((at + 0.5).min(high) - (at - 0.5).max(low)).clamp(0.0, 1.0);
        self.mix(region, color, |x, y| coverage * along(x, left, right) * along(y, top, bottom));
    }

    /// A filled circle.
    pub fn dot(&mut self, (x, y): Point, radius: f64, color: [u8; 3]) {
        let cover = |px: f64, py: f64| (radius + 0.5 - (px - x).hypot(py - y)).clamp(0.0, 1.0);
        self.mix((x - radius, y - radius, x + radius, y + radius), color, cover);
    }

    /// A line through all of `points`; `dash` is the length of dashes and of the gaps between them.
    pub fn line(&mut self, points: &[Point], (width, color): (f64, [u8; 3]), dash: Option<(f64, f64)>) {
        let half = width / 2.0;
        let segments: Vec<Segment> = match dash {
            Some((on, off)) => dashes(points, on, off),
            None => points.windows(2).map(|pair| (pair[0], pair[1])).collect(),
        };
        // Neighbouring segments share pixels: each pixel takes the nearest of them, once.
        for band in segments.chunks(BAND) {
            let (left, top, right, bottom) = around(band.iter().flat_map(|&(a, b)| [a, b]));
            let nearest = |x: f64, y: f64| band.iter().map(|&s| distance((x, y), s)).fold(f64::INFINITY, f64::min);
            self.mix((left - half, top - half, right + half, bottom + half), color, |x, y| {
                (half + 0.5 - nearest(x, y)).clamp(0.0, 1.0)
            });
        }
    }
}

/// The smallest region that holds all points.
pub(super) fn around(points: impl Iterator<Item = Point>) -> Region {
    points.fold((f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY), |(l, t, r, b), (x, y)| {
        (l.min(x), t.min(y), r.max(x), b.max(y))
    })
}

fn distance((x, y): Point, (from, to): Segment) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
}

fn dashes(points: &[Point], on: f64, off: f64) -> Vec<Segment> {
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
    use super::*;

    const INK: [u8; 3] = [0; 3];

    /// Pixels darker than the middle, row by row.
    fn drawn(draw: impl Fn(&mut Canvas)) -> Vec<String> {
        let mut canvas = Canvas::blank(9, 5, [255; 3]);
        draw(&mut canvas);
        let image = canvas.into_image();
        image.rows().map(|row| row.map(|p| if p.0[0] < 128 { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn lines_dots_and_areas_cover_what_they_should() {
        let line = |dash| drawn(|canvas| canvas.line(&[(0.0, 2.5), (9.0, 2.5)], (1.0, INK), dash));
        assert_eq!(line(None)[1..4], [".........", "#########", "........."]);
        assert_eq!(line(Some((2.0, 2.0)))[2], "##..##..#");
        let dot = drawn(|canvas| canvas.dot((4.5, 2.5), 1.5, INK));
        assert_eq!(dot, [".........", "...###...", "...###...", "...###...", "........."]);
        let area = drawn(|canvas| canvas.area((1.0, 1.0, 3.0, 4.0), INK, 1.0));
        assert_eq!(area, [".........", ".##......", ".##......", ".##......", "........."]);
        assert_eq!(drawn(|canvas| canvas.area((-9.0, -9.0, 99.0, 1.0), INK, 1.0))[..2], ["#########", "........."]);
    }
}
