//! Whether a file says what its network says.

use engine::{EngineError, OrtOptions, OrtSession, Session};
use ndarray::{Array4, ArrayD};
use thiserror::Error;

use super::classifier::MIN_COSINE;
use super::detector::parity::{Difference, MAX_DIFFERENCE};

/// A file that says something else than its network.
#[derive(Debug, Error)]
#[non_exhaustive]
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
    /// Boxes and scores differ.
    #[error(
        "the file differs from the network by {} px and {} in scores; at most {} px and {} are allowed. It was not kept",
        found.pixels, found.score, MAX_DIFFERENCE.pixels, MAX_DIFFERENCE.score
    )]
    Boxes {
        /// By how much.
        found: Difference,
    },
    /// Suppression inside the file leaves other boxes than ours.
    #[error(
        "image {image}: suppression inside the file leaves {file} boxes and ours {own}, of which {common} are the same. \
         It was not kept"
    )]
    Suppression {
        /// Of those compared, from 0.
        image: usize,
        /// Boxes of the file.
        file: usize,
        /// Boxes left by our own suppression.
        own: usize,
        /// Boxes in both.
        common: usize,
    },
    /// Embeddings differ.
    #[error(
        "the cosine between the file's and the network's embedding is {found}; it must be at least {MIN_COSINE}. The file was not kept"
    )]
    Embeddings {
        /// The minimum over the images.
        found: f64,
    },
}

/// What the bytes of an ONNX file answer to `images` (B, 3, H, W): the last of its outputs.
///
/// # Errors
/// When it cannot be run.
pub(super) fn answer(file: &[u8], images: &Array4<f32>) -> Result<ArrayD<f32>, EngineError> {
    run(&opened(file)?, images)
}

/// The bytes of an ONNX file, ready to be run.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn opened(file: &[u8]) -> Result<OrtSession, EngineError> {
    OrtSession::from_bytes(file, &OrtOptions::default())
}

/// What the network in a file and the one that it was made from answer to the same images, in arrays of the same shape.
///
/// # Errors
/// When one of the two cannot be run, or they answer in different shapes.
pub(super) fn answers(
    file: &dyn Session,
    network: &dyn Session,
    images: &Array4<f32>,
) -> Result<(ArrayD<f32>, ArrayD<f32>), ParityError> {
    let (file, network) = (run(file, images)?, run(network, images)?);
    if file.shape() != network.shape() {
        return Err(ParityError::Shape { file: file.shape().to_vec(), network: network.shape().to_vec() });
    }
    Ok((file, network))
}

fn run(session: &dyn Session, images: &Array4<f32>) -> Result<ArrayD<f32>, EngineError> {
    Ok(session.run(images.view())?.pop().map(|output| output.array).unwrap_or_default())
}

/// The largest of some distances; NaN does not get lost.
pub(super) fn largest<T: PartialOrd + Copy + Default>(distances: impl Iterator<Item = T>) -> T {
    distances.fold(T::default(), |largest, next| if next <= largest { largest } else { next })
}

#[cfg(test)]
mod tests {
    use super::largest;

    #[test]
    fn nothing_hides_what_is_no_number() {
        assert_eq!(largest([0.5, 2.0, 1.0].into_iter()), 2.0);
        assert!(largest([0.5, f32::NAN].into_iter()).is_nan());
        assert_eq!(largest(std::iter::empty::<f64>()), 0.0);
    }
}
