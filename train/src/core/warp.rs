//! Moving, turning and scaling images and the boxes on them.

use vision::{BBox, RgbImage};

/// A similarity: `out = [[a, -b], [b, a]] * point + shift`, in pixels, corners at whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    a: f32,
    b: f32,
    shift: (f32, f32),
}

impl Warp {
    /// Takes `from` to `to`, scales and turns (clockwise on the screen, in radians) around it.
    #[must_use]
    pub fn about(from: (f32, f32), to: (f32, f32), scale: f32, angle: f32) -> Self {
        let (a, b) = (scale * angle.cos(), scale * angle.sin());
        Self { a, b, shift: (to.0 - a * from.0 + b * from.1, to.1 - b * from.0 - a * from.1) }
    }

    /// Where a point goes.
    #[must_use]
    pub fn point(&self, (x, y): (f32, f32)) -> (f32, f32) {
        (self.a * x - self.b * y + self.shift.0, self.b * x + self.a * y + self.shift.1)
    }

    /// Where a point comes from.
    #[must_use]
    pub fn source(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let square = self.a * self.a + self.b * self.b;
        let (x, y) = (x - self.shift.0, y - self.shift.1);
        ((self.a * x + self.b * y) / square, (self.a * y - self.b * x) / square)
    }

    /// How many times longer it makes things.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The upright box around a box that was moved.
    #[must_use]
    pub fn bbox(&self, b: &BBox) -> BBox {
        let corners = [(b.x1, b.y1), (b.x2, b.y1), (b.x1, b.y2), (b.x2, b.y2)].map(|corner| self.point(corner));
        let end = |pick: fn(&(f32, f32)) -> f32, fold: fn(f32, f32) -> f32| {
            corners[1..].iter().map(pick).fold(pick(&corners[0]), fold)
        };
        BBox::new(end(|c| c.0, f32::min), end(|c| c.1, f32::min), end(|c| c.0, f32::max), end(|c| c.1, f32::max))
    }
}

/// The image under the map, on a canvas of `size` filled with `pad`. Bilinear, four taps.
#[must_use]
pub fn warp(image: &RgbImage, map: &Warp, size: (u32, u32), pad: u8) -> RgbImage {
    let (width, height) = (image.width() as i32, image.height() as i32);
    let pixels = image.as_raw();
    let mut out = RgbImage::from_pixel(size.0, size.1, image::Rgb([pad; 3]));
    // One step to the right in `out`, in the source.
    let ((x0, y0), (x1, y1)) = (map.source((0.0, 0.0)), map.source((1.0, 0.0)));
    let step = (x1 - x0, y1 - y0);
    let stride = width as usize * 3;
    for (row, line) in out.chunks_exact_mut(size.0.max(1) as usize * 3).enumerate() {
        let start = map.source((0.5, row as f32 + 0.5));
        for (column, target) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            // The centre of a pixel lies half a pixel from its corner.
            let (x, y) = (start.0 + step.0 * column as f32 - 0.5, start.1 + step.1 * column as f32 - 0.5);
            let (left, top) = (x.floor(), y.floor());
            let (fx, fy) = (x - left, y - top);
            let (left, top) = (left as i32, top as i32);
            if left >= 0 && top >= 0 && left + 1 < width && top + 1 < height {
                let at = top as usize * stride + left as usize * 3;
                let (upper, lower) = (&pixels[at..at + 6], &pixels[at + stride..at + stride + 6]);
                for channel in 0..3 {
                    let row = |row: &[u8]| {
                        let (one, two) = (f32::from(row[channel]), f32::from(row[channel + 3]));
                        one + (two - one) * fx
                    };
                    let (one, two) = (row(upper), row(lower));
                    target[channel] = (one + (two - one) * fy + 0.5) as u8;
                }
            } else if left >= -1 && top >= -1 && left < width && top < height {
                let at = |x: i32, y: i32, channel: usize| {
                    let inside = x >= 0 && y >= 0 && x < width && y < height;
                    f32::from(if inside { pixels[y as usize * stride + x as usize * 3 + channel] } else { pad })
                };
                for (channel, target) in target.iter_mut().enumerate() {
                    let row = |y: i32| {
                        let (one, two) = (at(left, y, channel), at(left + 1, y, channel));
                        one + (two - one) * fx
                    };
                    let (one, two) = (row(top), row(top + 1));
                    *target = (one + (two - one) * fy + 0.5) as u8;
                }
            }
        }
    }
    out
}
