//! A canvas for artwork: anti-aliased shapes as signed distances, painted in sRGB with transparency.

use super::color::Rgb;

/// Premultiplied RGBA, `f32`, row by row. Coordinates are pixels, `y` down.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    pixels: Vec<[f32; 4]>,
    wrap: bool,
}

/// A rectangle that bounds a shape: left, top, right, bottom.
pub type Bounds = [f32; 4];

impl Canvas {
    /// A transparent canvas.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 4]; width * height], wrap: false }
    }

    /// A transparent canvas whose right edge meets its left edge, as the wrap of a can does.
    #[must_use]
    pub fn wrapped(width: usize, height: usize) -> Self {
        Self { wrap: true, ..Self::new(width, height) }
    }

    /// The pixel at a column and row.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> [f32; 4] {
        self.pixels[y * self.width + x]
    }

    /// Paints every pixel of `bounds` with the colour and opacity `paint` gives for its centre.
    pub fn paint(&mut self, bounds: Bounds, mut paint: impl FnMut(f32, f32) -> Option<(Rgb, f32)>) {
        let [x1, y1, x2, y2] = bounds.map(|v| v.clamp(-1e5, 1e5));
        let rows = (y1.floor().max(0.0) as usize)..(y2.ceil().max(0.0) as usize).min(self.height);
        let (mut first, mut last) = (x1.floor() as i64, x2.ceil() as i64);
        if self.wrap {
            last = last.min(first + self.width as i64);
        } else {
            (first, last) = (first.max(0), last.min(self.width as i64));
        }
        for y in rows {
            for column in first..last {
                let Some((color, alpha)) = paint(column as f32 + 0.5, y as f32 + 0.5) else { continue };
                if alpha > 0.0 {
                    let x = column.rem_euclid(self.width as i64) as usize;
                    over(&mut self.pixels[y * self.width + x], color, alpha.min(1.0));
                }
            }
        }
    }

    /// Fills where the signed distance (negative inside, in pixels) says so.
    pub fn fill(&mut self, bounds: Bounds, color: Rgb, distance: impl Fn(f32, f32) -> f32) {
        self.paint(bounds, |x, y| Some((color, 0.5 - distance(x, y))));
    }

    /// The whole canvas in one colour.
    pub fn clear(&mut self, color: Rgb) {
        self.paint(self.bounds(), |_, _| Some((color, 1.0)));
    }

    /// The whole canvas.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        [0.0, 0.0, self.width as f32, self.height as f32]
    }

    /// An axis-aligned rectangle with round corners.
    pub fn rect(&mut self, [x1, y1, x2, y2]: Bounds, radius: f32, color: Rgb) {
        self.fill([x1 - 1.0, y1 - 1.0, x2 + 1.0, y2 + 1.0], color, rounded([x1, y1, x2, y2], radius));
    }

    /// The outline of a rectangle with round corners, `thick` pixels, inside its edge.
    pub fn frame(&mut self, [x1, y1, x2, y2]: Bounds, radius: f32, thick: f32, color: Rgb) {
        let edge = rounded([x1, y1, x2, y2], radius);
        self.fill([x1 - 1.0, y1 - 1.0, x2 + 1.0, y2 + 1.0], color, |x, y| {
            (edge(x, y) + thick / 2.0).abs() - thick / 2.0
        });
    }

    /// An ellipse.
    pub fn ellipse(&mut self, center: (f32, f32), radii: (f32, f32), color: Rgb) {
        self.fill(around(center, radii), color, ellipse(center, radii));
    }

    /// The outline of an ellipse, inside its edge.
    pub fn ring(&mut self, center: (f32, f32), radii: (f32, f32), thick: f32, color: Rgb) {
        let edge = ellipse(center, radii);
        self.fill(around(center, radii), color, |x, y| (edge(x, y) + thick / 2.0).abs() - thick / 2.0);
    }

    /// A polygon, convex or not; corners in order.
    pub fn polygon(&mut self, corners: &[(f32, f32)], color: Rgb) {
        let bounds = corners.iter().fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, &(x, y)| {
            [b[0].min(x - 1.0), b[1].min(y - 1.0), b[2].max(x + 1.0), b[3].max(y + 1.0)]
        });
        self.fill(bounds, color, |x, y| polygon(corners, x, y));
    }

    /// Multiplies every pixel by what `light` gives for its centre.
    pub fn modulate(&mut self, light: impl Fn(f32, f32) -> f32) {
        for y in 0..self.height {
            for x in 0..self.width {
                let factor = light(x as f32 + 0.5, y as f32 + 0.5);
                let p = &mut self.pixels[y * self.width + x];
                (0..3).for_each(|i| p[i] = (p[i] * factor).min(p[3]));
            }
        }
    }
}

/// Lays a colour over a premultiplied pixel.
fn over(pixel: &mut [f32; 4], color: Rgb, alpha: f32) {
    let keep = 1.0 - alpha;
    for i in 0..3 {
        pixel[i] = pixel[i] * keep + color[i] * alpha;
    }
    pixel[3] = pixel[3] * keep + alpha;
}

fn around((cx, cy): (f32, f32), (rx, ry): (f32, f32)) -> Bounds {
    [cx - rx - 1.0, cy - ry - 1.0, cx + rx + 1.0, cy + ry + 1.0]
}

/// Signed distance to a rectangle with round corners.
pub fn rounded([x1, y1, x2, y2]: Bounds, radius: f32) -> impl Fn(f32, f32) -> f32 {
    let radius = radius.min((x2 - x1) / 2.0).min((y2 - y1) / 2.0);
    move |x, y| {
        let qx = (x - f32::midpoint(x1, x2)).abs() - (x2 - x1) / 2.0 + radius;
        let qy = (y - f32::midpoint(y1, y2)).abs() - (y2 - y1) / 2.0 + radius;
        qx.max(0.0).hypot(qy.max(0.0)) + qx.max(qy).min(0.0) - radius
    }
}

/// Signed distance to an ellipse, right to first order near its edge.
pub fn ellipse((cx, cy): (f32, f32), (rx, ry): (f32, f32)) -> impl Fn(f32, f32) -> f32 {
    move |x, y| {
        let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
        let k = dx.hypot(dy);
        let gradient = (dx / rx).hypot(dy / ry);
        if gradient < 1e-9 { -rx.min(ry) } else { (k - 1.0) * k / gradient }
    }
}

/// Signed distance to a polygon.
#[must_use]
pub fn polygon(corners: &[(f32, f32)], x: f32, y: f32) -> f32 {
    let (mut nearest, mut inside) = (f32::MAX, false);
    let mut before = corners[corners.len() - 1];
    for &(cx, cy) in corners {
        let (ex, ey) = (before.0 - cx, before.1 - cy);
        let (wx, wy) = (x - cx, y - cy);
        let along = ((wx * ex + wy * ey) / (ex * ex + ey * ey).max(1e-9)).clamp(0.0, 1.0);
        nearest = nearest.min((wx - ex * along).hypot(wy - ey * along));
        if (cy > y) != (before.1 > y) && x < (before.0 - cx) * (y - cy) / (before.1 - cy) + cx {
            inside = !inside;
        }
        before = (cx, cy);
    }
    if inside { -nearest } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_covers_its_area() {
        let mut canvas = Canvas::new(20, 10);
        canvas.rect([2.0, 3.0, 12.5, 8.0], 0.0, [1.0; 3]);
        let area: f32 = canvas.pixels.iter().map(|p| p[3]).sum();
        assert!((area - 52.5).abs() < 0.6, "{area}");
    }

    #[test]
    fn a_wrapped_canvas_goes_on_at_the_other_side() {
        let mut canvas = Canvas::wrapped(16, 4);
        canvas.rect([-3.0, 0.0, 3.0, 4.0], 0.0, [1.0, 0.0, 0.0]);
        assert_eq!((canvas.at(0, 1)[3], canvas.at(15, 1)[3], canvas.at(8, 1)[3]), (1.0, 1.0, 0.0));
    }

    #[test]
    fn an_ellipse_covers_its_area() {
        let mut canvas = Canvas::new(60, 40);
        canvas.ellipse((30.0, 20.0), (20.0, 10.0), [1.0; 3]);
        let area: f32 = canvas.pixels.iter().map(|p| p[3]).sum();
        assert!((area / (std::f32::consts::PI * 200.0) - 1.0).abs() < 0.02, "{area}");
    }
}
