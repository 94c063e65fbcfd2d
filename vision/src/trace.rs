//! What a detector looked at, and why its answer may not be trusted.

use std::fmt;

/// One pass over a photo: the whole photo at one scale, at once or in tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalePass {
    /// Network pixels per photo pixel.
    pub scale: f32,
    /// Tiles side by side.
    pub columns: u32,
    /// Tiles above one another.
    pub rows: u32,
    /// Width and height of the network's input for each of them.
    pub input: (u32, u32),
}

impl ScalePass {
    /// Network pixels computed.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.columns) * u64::from(self.rows) * u64::from(self.input.0) * u64::from(self.input.1)
    }
}

/// All passes over one photo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetectionTrace {
    /// In the order they were made.
    pub passes: Vec<ScalePass>,
    /// Median height of the facings found, in network pixels of the last pass.
    pub facing_height: Option<f32>,
    /// Why the answer may be wrong.
    pub doubts: Vec<Doubt>,
}

impl DetectionTrace {
    /// Network pixels computed.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.passes.iter().map(ScalePass::pixels).sum()
    }
}

/// Why an answer may be wrong. Displayed, it says what to do.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// Facings are too small for the detector even in the closest pass allowed.
    SmallFacings {
        /// Their median height in network pixels there.
        seen: f32,
        /// From which height on they are found well.
        needed: f32,
    },
    /// The photo itself holds too few pixels of a facing.
    FewPixels {
        /// Median height of a facing in photo pixels.
        facing: f32,
    },
    /// The photo has hardly any pixels.
    TinyPhoto {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Edges are too soft for facings of this size.
    OutOfFocus,
    /// Nothing was found in a photo so wide, tall or large that facings may have been too small to be seen.
    NothingSeen {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallFacings { seen, needed } => write!(
                f,
                "facings are about {seen:.0} pixels tall in the closest pass allowed, {needed:.0} are needed: many may be \
                 missed; photograph a smaller part, or raise detector.max_tiles"
            ),
            Self::FewPixels { facing } => write!(
                f,
                "a facing has only about {facing:.0} pixels of height in this photo: counts and names are not to be trusted; \
                 photograph from nearer"
            ),
            Self::TinyPhoto { width, height } => {
                write!(f, "the photo has only {width} x {height} pixels: counts and names are not to be trusted")
            }
            Self::OutOfFocus => f.write_str(
                "the photo is out of focus or blurred by motion: counts and names are not to be trusted; take it again",
            ),
            Self::NothingSeen { width, height } => write!(
                f,
                "nothing was found in this photo of {width} x {height} pixels; if there are facings, they are too small to be \
                 seen: photograph a smaller part, or raise detector.max_tiles"
            ),
        }
    }
}
