//! How large the facings of a photo are, from what was found so far.

use vision::Detection;

/// Sizes of the facings found in a photo, in photo pixels. Quantiles, so that some wrong boxes do not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// How many facings they were taken from.
    pub count: usize,
    /// Height that a quarter of them stays below: those far away, and cans among bottles.
    pub small: f32,
    /// Median height.
    pub median: f32,
    /// Height that a quarter exceeds.
    pub large: f32,
    /// Width and height that a tenth exceeds: tiles overlap by that.
    pub extent: (f32, f32),
}

impl Sizes {
    /// Of boxes that are at least this sure; `None` when there are none.
    #[must_use]
    pub fn of(found: &[Detection], min_confidence: f32) -> Option<Self> {
        let sure = || found.iter().filter(|d| d.confidence >= min_confidence && d.bbox.is_valid()).map(|d| d.bbox);
        let heights = sorted(sure().map(|bbox| bbox.height()));
        let widths = sorted(sure().map(|bbox| bbox.width()));
        Some(Self {
            count: heights.len(),
            small: quantile(&heights, 0.25)?,
            median: quantile(&heights, 0.5)?,
            large: quantile(&heights, 0.75)?,
            extent: (quantile(&widths, 0.9)?, quantile(&heights, 0.9)?),
        })
    }
}

fn sorted(values: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values
}

/// The value at this fraction of a sorted list.
fn quantile(sorted: &[f32], fraction: f32) -> Option<f32> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f32 * fraction).round() as usize).copied()
}
