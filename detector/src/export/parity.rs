//! Whether a file says what the network says: both see the same pictures, and every box and score is compared.

use engine::{EngineError, OrtOptions, OrtSession, Session};
use ndarray::{Array4, Axis, Slice};
use thiserror::Error;

/// Largest differences between a file and its network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Difference {
    /// Of box values, in pixels.
    pub pixels: f32,
    /// Of scores.
    pub score: f32,
}

/// What a written file may differ by.
pub const MOST: Difference = Difference { pixels: 0.05, score: 1e-4 };

/// A file that says something else than its network.
#[derive(Debug, Error)]
pub enum ParityError {
    /// One of the two cannot be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The answers have different shapes.
    #[error("the file answers {file:?}, the network {network:?}")]
    Shape {
        /// Of the file.
        file: Vec<usize>,
        /// Of the network.
        network: Vec<usize>,
    },
    /// The answers differ.
    #[error(
        "the file differs from the network by {} px and {} in scores; at most {} px and {} are allowed. It was not kept",
        found.pixels, found.score, MOST.pixels, MOST.score
    )]
    Differs {
        /// By how much.
        found: Difference,
    },
}

/// Compares the bytes of an ONNX file with `network` on `pictures` (B, 3, H, W).
///
/// # Errors
/// When they differ by more than [`MOST`], or one cannot be run.
pub fn check(file: &[u8], network: &dyn Session, pictures: &Array4<f32>) -> Result<Difference, ParityError> {
    let file = OrtSession::from_bytes(file, &OrtOptions::default())?;
    let (a, b) = (file.run(pictures.view())?.swap_remove(0).array, network.run(pictures.view())?.swap_remove(0).array);
    if a.shape() != b.shape() {
        return Err(ParityError::Shape { file: a.shape().to_vec(), network: b.shape().to_vec() });
    }
    let most = |rows: Slice| {
        let (a, b) = (a.slice_axis(Axis(1), rows), b.slice_axis(Axis(1), rows));
        // NaN must not get lost in a maximum.
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0_f32, |most, d| if d <= most { most } else { d })
    };
    let found = Difference { pixels: most(Slice::from(..4)), score: most(Slice::from(4..)) };
    if found.pixels <= MOST.pixels && found.score <= MOST.score {
        Ok(found)
    } else {
        Err(ParityError::Differs { found })
    }
}
