//! Whether a network's numbers mean what its shape promises: held against its answer to an image, before anything is counted with it.

use ndarray::{Array4, ArrayView2, Axis};
use thiserror::Error;

use crate::postprocess::OutputLayout;

/// Numbers that are not those of a YOLO-like detector.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// Normalised boxes.
    #[error("its boxes lie within 0..1, so they are fractions of the image, where pixels of the input are expected")]
    Fractions,
    /// Not a probability.
    #[error(
        "it answers a confidence of {0}, where probabilities of 0 to 1 are expected: perhaps logits, without the last sigmoid"
    )]
    Confidence(f32),
    /// A list row whose class is no class number.
    #[error("the sixth number of its rows is {0}, where a class number is expected")]
    Class(f32),
    /// A list row whose corners are in the wrong order.
    #[error("its rows hold ({x1}, {y1}, {x2}, {y2}), where the corners of a box are expected: perhaps centre and size")]
    Corners {
        /// First number.
        x1: f32,
        /// Second number.
        y1: f32,
        /// Third number.
        x2: f32,
        /// Fourth number.
        y2: f32,
    },
}

/// Probabilities may miss 0 and 1 by rounding in 8 or 16 bits.
const SLACK: f32 = 0.05;

/// Coordinates up to here may be fractions that poke out.
const FRACTION: f32 = 1.5;

/// A batch of images (N, 3, H, W) with something on it: upright bars of several widths on a ramp, which detectors answer with
/// more than nothing.
#[must_use]
pub fn test_image([batch, height, width]: [usize; 3]) -> Array4<f32> {
    Array4::from_shape_fn((batch, 3, height, width), |(_, plane, y, x)| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let bar = (u * 7.0).fract() < 0.3 + 0.1 * plane as f32 && (0.2..0.8).contains(&v);
        if bar { 0.8 - 0.2 * plane as f32 } else { 0.35 + 0.2 * v }
    })
}

/// Looks at the answer (one image's) of `classes` classes. Numbers that are none say nothing, zeros neither.
///
/// # Errors
/// When a number cannot be what its place in the layout promises.
pub fn check(output: &ArrayView2<'_, f32>, layout: OutputLayout, classes: usize) -> Result<(), ProbeError> {
    match layout {
        OutputLayout::ChannelsFirst => check_grid(output),
        OutputLayout::ChannelsLast => check_grid(&output.t()),
        OutputLayout::EndToEnd => check_rows(output, classes),
    }
}

fn check_grid(output: &ArrayView2<'_, f32>) -> Result<(), ProbeError> {
    let (boxes, scores) = output.view().split_at(Axis(0), 4.min(output.len_of(Axis(0))));
    check_pixels(boxes.iter().copied())?;
    scores.iter().try_for_each(|score| check_confidence(*score))
}

fn check_rows(output: &ArrayView2<'_, f32>, classes: usize) -> Result<(), ProbeError> {
    let used = || output.outer_iter().filter(|row| row.iter().all(|v| v.is_finite()) && row[4] > 0.0);
    for row in used() {
        check_confidence(row[4])?;
        let class = row[5];
        if (class - class.round()).abs() > 1e-3 || class < 0.0 || class > classes as f32 {
            return Err(ProbeError::Class(class));
        }
        let [x1, y1, x2, y2] = [row[0], row[1], row[2], row[3]];
        if x2 < x1 || y2 < y1 {
            return Err(ProbeError::Corners { x1, y1, x2, y2 });
        }
    }
    check_pixels(used().flat_map(|row| row.iter().take(4).copied().collect::<Vec<_>>()))
}

/// A box of an image in pixels reaches beyond 1 somewhere.
fn check_pixels(coordinates: impl Iterator<Item = f32>) -> Result<(), ProbeError> {
    let largest = coordinates.filter(|value| value.is_finite()).fold(0.0, |largest: f32, v| largest.max(v.abs()));
    if largest > 0.0 && largest <= FRACTION { Err(ProbeError::Fractions) } else { Ok(()) }
}

fn check_confidence(score: f32) -> Result<(), ProbeError> {
    let sound = !score.is_finite() || (-SLACK..=1.0 + SLACK).contains(&score);
    if sound { Ok(()) } else { Err(ProbeError::Confidence(score)) }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn grids() {
        let grid = |columns: &[[f32; 5]]| {
            let rows = arr2(columns).reversed_axes();
            check(&rows.view(), OutputLayout::ChannelsFirst, 1)
        };
        assert_eq!(grid(&[[20.0, 20.0, 8.0, 8.0, 0.3], [0.0; 5]]), Ok(()));
        assert_eq!(grid(&[[0.0; 5], [0.0; 5]]), Ok(()));
        assert_eq!(grid(&[[f32::NAN; 5], [f32::INFINITY; 5]]), Ok(()));
        assert_eq!(grid(&[[0.3, 0.3, 0.1, 0.2, 0.3]]), Err(ProbeError::Fractions));
        assert_eq!(grid(&[[20.0, 20.0, 8.0, 8.0, -3.5]]), Err(ProbeError::Confidence(-3.5)));
    }

    #[test]
    fn lists() {
        let list = |rows: &[[f32; 6]]| check(&arr2(rows).view(), OutputLayout::EndToEnd, 2);
        assert_eq!(list(&[[10.0, 10.0, 30.0, 30.0, 0.9, 1.0], [0.0; 6]]), Ok(()));
        assert_eq!(list(&[[-1.0; 6]]), Ok(()), "unused rows");
        assert_eq!(list(&[[0.2, 0.2, 0.5, 0.6, 0.9, 1.0]]), Err(ProbeError::Fractions));
        assert_eq!(list(&[[0.2, 0.2, 0.5, 0.6, 0.9, 0.4]]), Err(ProbeError::Class(0.4)));
        assert_eq!(list(&[[10.0, 10.0, 30.0, 30.0, 0.9, 7.0]]), Err(ProbeError::Class(7.0)));
        let corners = ProbeError::Corners { x1: 50.0, y1: 10.0, x2: 30.0, y2: 30.0 };
        assert_eq!(list(&[[50.0, 10.0, 30.0, 30.0, 0.9, 1.0]]), Err(corners));
    }
}
