//! What an answer says about the passes over its photo.

use serde::Serialize;
use utoipa::ToSchema;
use vision::{DetectionTrace, ScalePass};

use super::answer::rounded;

/// The scales at which the detector ran over the photo.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = LookedAnswer)]
pub struct TraceAnswer {
    /// In the order they were made: the whole photo first.
    #[serde(rename = "looks")]
    pub passes: Vec<PassAnswer>,
    /// Median height of the facings in the last pass, in pixels of the network's input; `null` when there are none.
    pub facing_height: Option<f64>,
    /// Network pixels computed, of all passes together.
    pub pixels: u64,
}

/// One pass over the whole photo.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = LookAnswer)]
pub struct PassAnswer {
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

impl From<&DetectionTrace> for TraceAnswer {
    fn from(trace: &DetectionTrace) -> Self {
        let pass = |pass: &ScalePass| PassAnswer {
            scale: rounded(pass.scale, 4),
            grid: format!("{}x{}", pass.columns, pass.rows),
            input_width: pass.input.0,
            input_height: pass.input.1,
        };
        Self {
            passes: trace.passes.iter().map(pass).collect(),
            facing_height: trace.facing_height.map(|height| rounded(height, 1)),
            pixels: trace.pixels(),
        }
    }
}
