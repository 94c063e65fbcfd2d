//! How much work a request may ask for, where requests come from outside.

/// How much work a request may ask for by its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestLimits {
    /// Tiles beside the whole photo.
    pub max_tiles: u32,
    /// Lowest confidence, `0..=1`: the lower it is, the more boxes are compared with each other.
    pub min_confidence: f32,
    /// Input of the detector for one photo and its tiles, in millions of pixels.
    pub max_input_megapixels: u32,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { max_tiles: 16, min_confidence: 0.05, max_input_megapixels: 32 }
    }
}

impl RequestLimits {
    /// Whether so many tiles beside the whole photo may be asked for, of a detector that sees so many pixels at a time.
    #[must_use]
    pub fn allow(&self, tiles: u32, input_pixels: u64) -> bool {
        let pixels = input_pixels.saturating_mul(u64::from(tiles) + 1);
        tiles <= self.max_tiles && pixels <= u64::from(self.max_input_megapixels) * 1_000_000
    }
}
