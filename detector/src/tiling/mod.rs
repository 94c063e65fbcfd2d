//! At which scale a photo is looked at, in which tiles, and how what they show becomes one list.
//!
//! A network finds facings of some heights well and misses others ([`vision::FacingHeight`]). A photo is looked at whole
//! first; what is found there says how large its facings are, and so at which scale to look again ([`AutoTiling`]). A look is
//! one input as large as memory allows, or a grid of overlapping tiles ([`Layout`]). What all passes show becomes one list
//! ([`merge`]), and where they differ is told ([`disagreement`]).

mod auto;
mod disagreement;
mod layout;
mod merge;
mod sizes;

pub use auto::{AutoTiling, Known};
pub use disagreement::disagreement;
pub use layout::{Canvas, Layout};
pub use merge::merge;
pub use sizes::Sizes;

use vision::preprocess::Region;
use vision::{BBox, Detection};

/// Fraction of a tile's side that it has in common with its neighbour where the facings' size is not known. Whatever is smaller
/// than that lies whole in one of them.
pub const OVERLAP: f32 = 0.2;

/// Boxes of different tiles or looks that overlap more than this are one object. Lower than within one tile: two views agree
/// less with each other than with themselves.
const SAME_OBJECT_IOU: f32 = 0.5;

/// A box that ends within this fraction of the tile's side from an inner border is taken to be cut there.
const AT_BORDER: f32 = 0.01;

/// What one tile showed, boxes in pixels of the photo.
#[derive(Debug, Clone, PartialEq)]
pub struct TilePass {
    /// Which part of the photo.
    pub region: Region,
    /// What was found there, clipped to the region.
    pub detections: Vec<Detection>,
}

/// What one pass at a whole photo showed: all its tiles, or the one that is the photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PassDetections {
    /// Network pixels per photo pixel.
    pub scale: f32,
    /// Together they cover the photo.
    pub tiles: Vec<TilePass>,
}

/// Which of a box's sides lie on an inner border of its tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cuts {
    left: bool,
    top: bool,
    right: bool,
    bottom: bool,
}

impl Cuts {
    const NONE: Self = Self { left: false, top: false, right: false, bottom: false };

    fn of(bbox: &BBox, tile: &Region, photo: (u32, u32)) -> Self {
        let (right, bottom) = (tile.x + tile.width, tile.y + tile.height);
        let slack = Self::slack(tile);
        Self {
            left: tile.x > 0 && bbox.x1 - tile.x as f32 <= slack.0,
            top: tile.y > 0 && bbox.y1 - tile.y as f32 <= slack.1,
            right: right < photo.0 && right as f32 - bbox.x2 <= slack.0,
            bottom: bottom < photo.1 && bottom as f32 - bbox.y2 <= slack.1,
        }
    }

    /// How far from a border of this tile, horizontally and vertically, a side is taken to be cut; photo pixels.
    fn slack(tile: &Region) -> (f32, f32) {
        (AT_BORDER * tile.width as f32, AT_BORDER * tile.height as f32)
    }
}
