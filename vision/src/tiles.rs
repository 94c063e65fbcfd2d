//! Cutting a photo of a dense shelf into overlapping tiles.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::preprocess::Region;

/// Whether and how a photo is tiled before detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tiling {
    /// The whole photo in one pass.
    Off,
    /// The detector decides from what a first pass at the whole photo finds.
    Auto,
    /// A fixed grid, besides the whole photo.
    Grid {
        /// Tiles side by side, `1..=MAX_TILES_PER_SIDE`.
        columns: u32,
        /// Tiles above one another, `1..=MAX_TILES_PER_SIDE`.
        rows: u32,
    },
}

/// Maximum number of tiles along one side: 64 tiles cost 64 times the whole photo.
pub const MAX_TILES_PER_SIDE: u32 = 8;

/// Text that names no tiling.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("tiles {0:?} is not understood: use auto, off, or COLUMNSxROWS such as 2x2 (1 to {MAX_TILES_PER_SIDE} each)")]
pub struct ParseTilingError(String);

impl FromStr for Tiling {
    type Err = ParseTilingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseTilingError(text.chars().take(40).collect());
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            grid => {
                let (columns, rows) = grid.split_once('x').ok_or_else(wrong)?;
                let side = |t: &str| t.parse().ok().filter(|n| (1..=MAX_TILES_PER_SIDE).contains(n)).ok_or_else(wrong);
                Ok(Self::Grid { columns: side(columns)?, rows: side(rows)? })
            }
        }
    }
}

impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Grid { columns, rows } => write!(f, "{columns}x{rows}"),
        }
    }
}

/// Regions of a `width` x `height` photo, row by row: `columns` x `rows` tiles of equal size, neighbours sharing `overlap`
/// (a fraction of the tile's side, `0..=0.9`; what lies outside is brought inside). Together they cover every pixel, and none
/// reaches beyond the photo. A grid finer than [`MAX_TILES_PER_SIDE`] or than the photo's pixels is coarsened. An empty
/// photo has no tiles.
#[must_use]
pub fn tile_grid(width: u32, height: u32, columns: u32, rows: u32, overlap: f32) -> Vec<Region> {
    let horizontal = spans(width, columns, overlap);
    let vertical = spans(height, rows, overlap);
    vertical
        .iter()
        .flat_map(|&(y, height)| horizontal.iter().map(move |&(x, width)| Region { x, y, width, height }))
        .collect()
}

/// As [`tile_grid`], with an overlap in pixels, horizontally and vertically; one that the tiles would hardly be larger than is
/// lowered to half of them.
#[must_use]
pub fn tile_grid_by_pixels(size: (u32, u32), grid: (u32, u32), overlap: (u32, u32)) -> Vec<Region> {
    let horizontal = spans_by_pixels(size.0, grid.0, overlap.0);
    let vertical = spans_by_pixels(size.1, grid.1, overlap.1);
    vertical
        .iter()
        .flat_map(|&(y, height)| horizontal.iter().map(move |&(x, width)| Region { x, y, width, height }))
        .collect()
}

/// As [`spans`], neighbours sharing at least `overlap` pixels.
fn spans_by_pixels(total: u32, count: u32, overlap: u32) -> Vec<(u32, u32)> {
    if total == 0 {
        return Vec::new();
    }
    let count = count.clamp(1, total);
    let length = tile_length(total, count, overlap);
    let last = u64::from(total - length);
    let start = |i: u32| if count == 1 { 0 } else { (last * u64::from(i) / u64::from(count - 1)) as u32 };
    (0..count).map(|i| (start(i), length)).collect()
}

/// Length of `count` equal spans that cover `total` and share at least `overlap` with their neighbours, or half of their
/// length where that is less.
#[must_use]
pub fn tile_length(total: u32, count: u32, overlap: u32) -> u32 {
    let (total, count, overlap) = (u64::from(total), u64::from(count.max(1)), u64::from(overlap));
    // Rounding of the starts may cost a pixel of the overlap.
    let gaps = count - 1;
    let wanted = (total + gaps * (overlap + 1)).div_ceil(count);
    // With half of each span shared, n spans of length l cover l * (n + 1) / 2.
    let at_most = (2 * total).div_ceil(count + 1) + 1;
    let length = if gaps == 0 { total } else { wanted.min(at_most) };
    length.clamp(1, total.max(1)) as u32
}

/// `count` spans of one length over `0..total`, first at 0, last ending at `total`.
fn spans(total: u32, count: u32, overlap: f32) -> Vec<(u32, u32)> {
    if total == 0 {
        return Vec::new();
    }
    let count = count.clamp(1, total.min(MAX_TILES_PER_SIDE));
    let overlap = if overlap.is_nan() { 0.0 } else { f64::from(overlap.clamp(0.0, 0.9)) };
    // n spans of length l that overlap by o*l cover l * (n - (n - 1) * o).
    let exact = f64::from(total) / (f64::from(count) - f64::from(count - 1) * overlap);
    let length = (exact.ceil() as u32).clamp(1, total);
    let last = total - length;
    (0..count)
        .map(|i| {
            let start = if count == 1 { 0 } else { (u64::from(last) * u64::from(i) / u64::from(count - 1)) as u32 };
            (start, length)
        })
        .collect()
}
