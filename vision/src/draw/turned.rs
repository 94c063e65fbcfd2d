//! Letters along any line.

use ab_glyph::{Font as _, PxScale, ScaleFont as _, point};

use super::lines::{Point, around};
use super::{Canvas, Pen};

impl Pen {
    /// Draws a line of text along a baseline that is turned by `degrees`, clockwise, around `at`. The text begins `start`
    /// pixels behind that place.
    pub fn draw_turned(
        self,
        canvas: &mut Canvas,
        (at, degrees): (Point, f64),
        (start, text): (f32, &str),
        color: [u8; 3],
    ) {
        let (x, y) = at;
        let (sin, cos) = degrees.to_radians().sin_cos();
        let scale = PxScale::from(self.height);
        let sizes = self.font.as_scaled(scale);
        for (letter, end) in self.advances(text) {
            let id = sizes.glyph_id(letter);
            let left = start + end - sizes.h_advance(id);
            let Some(outline) = self.font.outline_glyph(id.with_scale_and_position(scale, point(left, 0.0))) else {
                continue;
            };
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
            canvas.mix(around(corners.into_iter()), color, |px, py| {
                let (dx, dy) = (px - x, py - y);
                sample(dx * cos + dy * sin, dy * cos - dx * sin)
            });
        }
    }
}
