//! Where a photo lies inside the network's input, and the exact way back.

use crate::BBox;

/// Placement of a resized photo (or a region of it) inside a padded canvas.
///
/// The map is affine per axis: `network = (photo - origin) * scale + pad`. Because the resized size is rounded to whole
/// pixels, the two scales differ slightly from each other; both are kept so the inverse is exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letterbox {
    /// Photo pixels left of and above the region that was resized (0, 0 for a whole photo).
    pub origin: (f32, f32),
    /// Network pixels per photo pixel, horizontally and vertically.
    pub scale: (f32, f32),
    /// Padding left of and above the content, in network pixels.
    pub pad: (u32, u32),
    /// Size of the resized content in network pixels.
    pub content: (u32, u32),
}

impl Letterbox {
    /// Fits `source` (width, height) into `canvas`, keeping the aspect ratio and centring the content.
    ///
    /// Rounding follows the convention of YOLO tools: the content is `round(side * ratio)` with ties to even, and an odd
    /// rest of padding goes right and below (`round(pad / 2 - 0.1)` comes first).
    ///
    /// # Panics
    /// When a side is 0: errors of the caller, since photos and network inputs have pixels.
    #[must_use]
    pub fn fit(source: (u32, u32), canvas: (u32, u32)) -> Self {
        Self::check(source, canvas);
        let ratio = (f64::from(canvas.0) / f64::from(source.0)).min(f64::from(canvas.1) / f64::from(source.1));
        let side = |length: u32, limit: u32| ((f64::from(length) * ratio).round_ties_even() as u32).clamp(1, limit);
        let content = (side(source.0, canvas.0), side(source.1, canvas.1));
        Self { origin: (0.0, 0.0), scale: Self::scale(source, content), pad: (0, 0), content }.centered_on(canvas)
    }

    /// The same content in the middle of another canvas.
    ///
    /// # Panics
    /// When the canvas does not hold the content.
    #[must_use]
    pub fn centered_on(self, canvas: (u32, u32)) -> Self {
        let before = |total: u32, used: u32| {
            assert!(used <= total, "a canvas of {total} pixels does not hold a content of {used}");
            (f64::from(total - used) / 2.0 - 0.1).round_ties_even().max(0.0) as u32
        };
        Self { pad: (before(canvas.0, self.content.0), before(canvas.1, self.content.1)), ..self }
    }

    /// Fills `canvas` without keeping the aspect ratio.
    ///
    /// # Panics
    /// When a side is 0.
    #[must_use]
    pub fn stretch(source: (u32, u32), canvas: (u32, u32)) -> Self {
        Self::check(source, canvas);
        Self { origin: (0.0, 0.0), scale: Self::scale(source, canvas), pad: (0, 0), content: canvas }
    }

    /// The smallest canvas with sides that are multiples of `stride` which holds the content of [`Letterbox::fit`]
    /// into `canvas`: less padding, less to compute. Never larger than `canvas`, whose sides need not be multiples.
    ///
    /// # Panics
    /// When `stride` or a side is 0.
    #[must_use]
    pub fn rectangular_canvas(source: (u32, u32), canvas: (u32, u32), stride: u32) -> (u32, u32) {
        let content = Self::fit(source, canvas).content;
        let up = |length: u32, limit: u32| length.next_multiple_of(stride).min(limit);
        (up(content.0, canvas.0), up(content.1, canvas.1))
    }

    /// The same placement for a region whose corner lies at `(x, y)` of the photo.
    #[must_use]
    pub fn with_origin(self, x: f32, y: f32) -> Self {
        Self { origin: (x, y), ..self }
    }

    fn check(source: (u32, u32), canvas: (u32, u32)) {
        let sides = [source.0, source.1, canvas.0, canvas.1];
        assert!(sides.iter().all(|&side| side > 0), "cannot fit {source:?} into {canvas:?}: a side is 0");
    }

    fn scale(source: (u32, u32), content: (u32, u32)) -> (f32, f32) {
        (content.0 as f32 / source.0 as f32, content.1 as f32 / source.1 as f32)
    }

    /// From photo pixels to network pixels.
    #[must_use]
    pub fn to_network(&self, b: &BBox) -> BBox {
        // f64 in between: three roundings to f32 at column 4000 already cost a thousandth of a pixel.
        let along = |v: f32, origin: f32, scale: f32, pad: u32| {
            ((f64::from(v) - f64::from(origin)) * f64::from(scale) + f64::from(pad)) as f32
        };
        let x = |v| along(v, self.origin.0, self.scale.0, self.pad.0);
        let y = |v| along(v, self.origin.1, self.scale.1, self.pad.1);
        BBox::new(x(b.x1), y(b.y1), x(b.x2), y(b.y2))
    }

    /// From network pixels to photo pixels: the inverse of [`Letterbox::to_network`]. Not clipped.
    #[must_use]
    pub fn to_photo(&self, b: &BBox) -> BBox {
        let back = |v: f32, origin: f32, scale: f32, pad: u32| {
            ((f64::from(v) - f64::from(pad)) / f64::from(scale) + f64::from(origin)) as f32
        };
        let x = |v| back(v, self.origin.0, self.scale.0, self.pad.0);
        let y = |v| back(v, self.origin.1, self.scale.1, self.pad.1);
        BBox::new(x(b.x1), y(b.y1), x(b.x2), y(b.y2))
    }
}
