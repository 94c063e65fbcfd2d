//! What is done to crops so that the network learns what matters. Nothing here mirrors: labels are read.

use crate::core::photometric::{blur, recolour, relight, through_jpeg};
use crate::core::warp::{Warp, warp};
use serde::{Deserialize, Serialize};
use vision::preprocess::Region;
use vision::rng::Rng;
use vision::{PreprocessPlan, RgbImage};

use super::error::DataError;

/// How strongly crops are changed. Chances and strengths of zero leave them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Every edge moves inwards or outwards by up to this fraction of the side, as the boxes of a detector do.
    pub jitter: f32,
    /// Turned by up to so many degrees.
    pub degrees: f32,
    /// Hue turned by up to this fraction of the circle.
    pub hsv_h: f32,
    /// Saturation changed by up to this fraction.
    pub hsv_s: f32,
    /// Value changed by up to this fraction.
    pub hsv_v: f32,
    /// Chance of shelf light: darker or brighter, more on one side.
    pub light: f32,
    /// Chance to be blurred a little.
    pub blur: f32,
    /// Chance to go through JPEG at a quality of 30 to 90.
    pub jpeg: f32,
    /// Chance to lose detail as a facing far away does: made smaller by up to three times, and large again.
    pub far: f32,
    /// Chance that something covers up to a quarter of it.
    pub cover: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            jitter: 0.12,
            degrees: 6.0,
            hsv_h: 0.015,
            hsv_s: 0.3,
            hsv_v: 0.3,
            light: 0.3,
            blur: 0.1,
            jpeg: 0.1,
            far: 0.2,
            cover: 0.3,
        }
    }
}

impl Augment {
    /// No augmentation.
    pub const OFF: Self = Self {
        jitter: 0.0,
        degrees: 0.0,
        hsv_h: 0.0,
        hsv_s: 0.0,
        hsv_v: 0.0,
        light: 0.0,
        blur: 0.0,
        jpeg: 0.0,
        far: 0.0,
        cover: 0.0,
    };

    /// The image as a square of this side, changed.
    ///
    /// # Errors
    /// When it does not go through JPEG.
    pub fn apply(
        &self,
        image: &RgbImage,
        plan: &PreprocessPlan,
        side: u32,
        rng: &mut Rng,
    ) -> Result<RgbImage, DataError> {
        let (width, height) = image.dimensions();
        // Inwards by cutting, outwards and turned by the map: beyond the image is grey, as the plan pads.
        let mut inner = |length: u32| {
            let mut edge = || (rng.range(-self.jitter, self.jitter) * length as f32) as i64;
            let (low, high) = (edge(), edge());
            let first = low.clamp(0, i64::from(length) - 1) as u32;
            let end = (i64::from(length) + high.min(0)).clamp(i64::from(first) + 1, length.into()) as u32;
            (first, end - first, low.min(0) as f32 / length as f32, high.max(0) as f32 / length as f32)
        };
        let (x, columns, left, right) = inner(width);
        let (y, rows, above, below) = inner(height);
        let mut out = plan.pixels(image, Region { x, y, width: columns, height: rows }, (side, side));
        let angle = rng.range(-self.degrees, self.degrees).to_radians();
        // The larger of the two overhangs: a map keeps the shape of things.
        let (over_x, over_y) = (right - left, below - above);
        let scale = 1.0 / (1.0 + over_x.max(over_y));
        if angle != 0.0 || scale != 1.0 {
            let middle = side as f32 / 2.0;
            let to = (middle - (left + right) / 2.0 * side as f32, middle - (above + below) / 2.0 * side as f32);
            let map = Warp::about((middle, middle), to, scale, angle);
            out = warp(&out, &map, (side, side), plan.pad);
        }
        if rng.chance(self.far) {
            let small = ((side as f32 / rng.range(1.2, 3.0)) as u32).max(8);
            let tiny = plan.pixels(&out, Region::whole(&out), (small, small));
            out = plan.pixels(&tiny, Region::whole(&tiny), (side, side));
        }
        if rng.chance(self.light) {
            relight(&mut out, rng);
        }
        let [hue, saturation, value] = [self.hsv_h, self.hsv_s, self.hsv_v].map(|reach| rng.range(-reach, reach));
        if [hue, saturation, value] != [0.0; 3] {
            recolour(&mut out, hue, 1.0 + saturation, 1.0 + value);
        }
        if rng.chance(self.cover) {
            cover(&mut out, rng);
        }
        if rng.chance(self.blur) {
            blur(&mut out);
        }
        if rng.chance(self.jpeg) {
            out = through_jpeg(&out, rng.int(30, 90) as u8)?;
        }
        Ok(out)
    }
}

/// A rectangle of one colour with some noise: a price tag, a hand, the neighbour.
fn cover(image: &mut RgbImage, rng: &mut Rng) {
    let (width, height) = image.dimensions();
    let area = rng.range(0.03, 0.25);
    let aspect = rng.range(-1.0, 1.0).exp();
    let side = |length: u32, area: f32| ((length as f32 * area.sqrt()) as u32).clamp(1, length);
    let (w, h) = (side(width, area * aspect), side(height, area / aspect));
    let (x, y) = (rng.int(0, width - w), rng.int(0, height - h));
    let color: [u8; 3] = std::array::from_fn(|_| rng.int(0, 255) as u8);
    let noise = rng.range(0.0, 40.0);
    for row in y..y + h {
        for column in x..x + w {
            let shift = rng.range(-noise, noise);
            image.put_pixel(column, row, image::Rgb(color.map(|level| (f32::from(level) + shift) as u8)));
        }
    }
}
