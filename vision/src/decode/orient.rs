//! Turning pixels upright.

use image::imageops;
use image::metadata::Orientation;

use crate::RgbImage;

/// Side of the square blocks that are transposed at once: a block's rows and columns fit the first-level cache, which
/// makes turning 12 megapixels several times faster than walking whole columns.
const BLOCK: usize = 32;

/// The image as its camera was held.
pub(super) fn upright(mut image: RgbImage, orientation: Orientation) -> RgbImage {
    match orientation {
        Orientation::NoTransforms => image,
        Orientation::FlipHorizontal => {
            imageops::flip_horizontal_in_place(&mut image);
            image
        }
        Orientation::FlipVertical => {
            imageops::flip_vertical_in_place(&mut image);
            image
        }
        Orientation::Rotate180 => {
            imageops::rotate180_in_place(&mut image);
            image
        }
        Orientation::Rotate90FlipH => transpose(&image, false, false),
        Orientation::Rotate90 => transpose(&image, false, true),
        Orientation::Rotate270 => transpose(&image, true, false),
        Orientation::Rotate270FlipH => transpose(&image, true, true),
    }
}

/// Exchanges columns and rows, reading the source's columns from the right or its rows from below when asked.
fn transpose(image: &RgbImage, from_right: bool, from_below: bool) -> RgbImage {
    let (columns, rows) = (image.width() as usize, image.height() as usize);
    let source = image.as_raw().as_chunks::<3>().0;
    let mut turned = vec![0; source.len() * 3];
    let target = turned.as_chunks_mut::<3>().0;
    for top in (0..columns).step_by(BLOCK) {
        for left in (0..rows).step_by(BLOCK) {
            for y in top..(top + BLOCK).min(columns) {
                let column = if from_right { columns - 1 - y } else { y };
                for x in left..(left + BLOCK).min(rows) {
                    let row = if from_below { rows - 1 - x } else { x };
                    target[y * rows + x] = source[row * columns + column];
                }
            }
        }
    }
    RgbImage::from_raw(rows as u32, columns as u32, turned).expect("a turned image has as many pixels")
}
