//! The one rule by which a facing is cut out of its photo.

use serde::{Deserialize, Serialize};

use crate::preprocess::Region;
use crate::{BBox, RgbImage};

/// How much around a box belongs to its crop. Travels with the embedder's weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CropRule {
    /// Added on every side, as a fraction of that side's length (0.05 widens a 100-pixel box to 110).
    pub margin: f32,
}

impl CropRule {
    /// Whether the margin is a number of `0..=1`: a wider one shows more of the neighbours than of the facing.
    #[must_use]
    pub fn is_valid(self) -> bool {
        (0.0..=1.0).contains(&self.margin)
    }
}

impl Default for CropRule {
    fn default() -> Self {
        Self { margin: 0.0 }
    }
}

/// The pixels of `image` under `bbox`, widened by the rule and clipped to the image. Never empty: a box that is thinner
/// than a pixel, or lies outside, gives the nearest pixel.
#[must_use]
pub fn crop(image: &RgbImage, bbox: &BBox, rule: CropRule) -> RgbImage {
    let Region { x, y, width, height } = crop_region((image.width(), image.height()), bbox, rule);
    image::imageops::crop_imm(image, x, y, width, height).to_image()
}

/// Where [`crop`] cuts, in whole pixels.
///
/// # Panics
/// When the image is empty, which [`crate::decode()`] never returns.
#[must_use]
pub fn crop_region((width, height): (u32, u32), bbox: &BBox, rule: CropRule) -> Region {
    assert!(width > 0 && height > 0, "an image has pixels");
    let span = |low: f32, high: f32, limit: u32| {
        let margin = (high - low).max(0.0) * rule.margin;
        // `as` saturates and maps NaN to 0, so hostile boxes stay inside.
        let first = ((low - margin).floor() as u32).min(limit - 1);
        let end = ((high + margin).ceil() as u32).clamp(first + 1, limit);
        (first, end - first)
    };
    let (x, width) = span(bbox.x1, bbox.x2, width);
    let (y, height) = span(bbox.y1, bbox.y2, height);
    Region { x, y, width, height }
}
