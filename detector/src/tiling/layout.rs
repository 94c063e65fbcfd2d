//! A photo at a wanted scale: on one input of the network, or on the fewest that hold it.

use vision::preprocess::{MAX_SIDE, Region};
use vision::tiles::{tile_grid_by_pixels, tile_length};
use vision::{Letterbox, ScalePass};

use super::OVERLAP;

/// What the network takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// The network's own input, width and height.
    pub input: (u32, u32),
    /// Sides are multiples of this.
    pub stride: u32,
    /// Maximum number of pixels of one run where the network takes any size; `None` where it takes its own input only.
    pub max_pixels: Option<u64>,
}

/// Maximum number of tiles along one side of a layout.
const MAX_PER_SIDE: u32 = 32;

/// How a photo is looked at: regions that cover it, all of one size, and the input each goes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// What is looked at.
    pub pass: ScalePass,
    /// Row by row.
    pub regions: Vec<Region>,
}

impl Canvas {
    /// Pixels of the network's own input: what costs are counted in.
    #[must_use]
    pub fn unit(&self) -> u64 {
        u64::from(self.input.0) * u64::from(self.input.1)
    }

    /// Network pixels per photo pixel when a photo of this size fills the network's own input.
    #[must_use]
    pub fn scale_of_whole(&self, photo: (u32, u32)) -> f32 {
        (self.input.0 as f32 / photo.0.max(1) as f32).min(self.input.1 as f32 / photo.1.max(1) as f32)
    }

    /// The whole photo on the network's own input, or on the part of it that the photo fills.
    #[must_use]
    pub fn whole(&self, photo: (u32, u32)) -> Layout {
        let input = match self.max_pixels {
            Some(_) if photo.0 > 0 && photo.1 > 0 => Letterbox::rectangular_canvas(photo, self.input, self.stride),
            _ => self.input,
        };
        let pass = ScalePass { scale: self.scale_of_whole(photo), columns: 1, rows: 1, input };
        Layout { pass, regions: vec![Region { x: 0, y: 0, width: photo.0, height: photo.1 }] }
    }

    /// A grid of tiles, each on the network's own input.
    #[must_use]
    pub fn grid(&self, photo: (u32, u32), columns: u32, rows: u32) -> Layout {
        let regions = vision::tile_grid(photo.0, photo.1, columns, rows, OVERLAP);
        let tile = regions.first().map_or(photo, |region| (region.width, region.height));
        let whole = self.whole(tile);
        Layout { pass: ScalePass { columns, rows, ..whole.pass }, regions }
    }

    /// The photo at `scale` or slightly above, by the fewest network pixels; tiles share at least `overlap` photo pixels
    /// horizontally and vertically. `None` when that takes more than `budget` network pixels.
    #[must_use]
    pub fn at_scale(&self, photo: (u32, u32), scale: f32, overlap: (u32, u32), budget: u64) -> Option<Layout> {
        let candidates = (1..=MAX_PER_SIDE).flat_map(|rows| (1..=MAX_PER_SIDE).map(move |columns| (columns, rows)));
        let fits = |(columns, rows): (u32, u32)| {
            let tile = (tile_length(photo.0, columns, overlap.0), tile_length(photo.1, rows, overlap.1));
            let pass = ScalePass { scale, columns, rows, input: self.input_for(tile, scale)? };
            (pass.pixels() <= budget).then_some(pass)
        };
        let pass = candidates
            .filter(|(columns, rows)| *columns <= photo.0 && *rows <= photo.1)
            .filter_map(fits)
            .min_by_key(|pass| (pass.pixels(), pass.columns * pass.rows))?;
        let regions = tile_grid_by_pixels(photo, (pass.columns, pass.rows), overlap);
        let tile = regions.first().map_or(photo, |region| (region.width, region.height));
        // The input is rounded up to strides, and the photo fills it.
        let shown = |input: u32, side: u32| input as f32 / side.max(1) as f32;
        let scale = shown(pass.input.0, tile.0).min(shown(pass.input.1, tile.1));
        Some(Layout { pass: ScalePass { scale, ..pass }, regions })
    }

    /// The input that shows a tile at this scale; `None` when there is none.
    fn input_for(&self, tile: (u32, u32), scale: f32) -> Option<(u32, u32)> {
        let needed = (tile.0 as f32 * scale, tile.1 as f32 * scale);
        let Some(max_pixels) = self.max_pixels else {
            // Half a pixel for rounding.
            let fits = needed.0 <= self.input.0 as f32 + 0.5 && needed.1 <= self.input.1 as f32 + 0.5;
            return fits.then_some(self.input);
        };
        let side = |needed: f32| {
            let strides = (needed / self.stride as f32 - 1e-3).ceil().max(1.0);
            (strides <= (MAX_SIDE / self.stride) as f32).then_some(strides as u32 * self.stride)
        };
        let input = (side(needed.0)?, side(needed.1)?);
        (u64::from(input.0) * u64::from(input.1) <= max_pixels).then_some(input)
    }
}
