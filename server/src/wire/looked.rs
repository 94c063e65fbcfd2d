//! What an answer says about the looks at its photo.

use serde::Serialize;
use utoipa::ToSchema;
use vision::{Look, Looked};

use super::answer::rounded;

/// At which scales the detector looked at the photo.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LookedAnswer {
    /// In the order they were made: the whole photo first.
    pub looks: Vec<LookAnswer>,
    /// Median height of the facings in the last look, in pixels of the network's input; `null` when there are none.
    pub facing_height: Option<f64>,
    /// Network pixels computed, of all looks together.
    pub pixels: u64,
}

/// One look at all of the photo.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LookAnswer {
    /// Network pixels per photo pixel.
    pub scale: f64,
    /// Tiles, columns x rows; `1x1` for the photo at once.
    #[schema(example = "2x1")]
    pub grid: String,
    /// Width of the network's input for each tile.
    pub input_width: u32,
    /// Height of the network's input for each tile.
    pub input_height: u32,
}

impl From<&Looked> for LookedAnswer {
    fn from(looked: &Looked) -> Self {
        let look = |look: &Look| LookAnswer {
            scale: rounded(look.scale, 4),
            grid: format!("{}x{}", look.columns, look.rows),
            input_width: look.input.0,
            input_height: look.input.1,
        };
        Self {
            looks: looked.looks.iter().map(look).collect(),
            facing_height: looked.facing_height.map(|height| rounded(height, 1)),
            pixels: looked.pixels(),
        }
    }
}
