//! Many small images on one, and frames on them.

use image::Rgb;

use crate::RgbImage;

/// Lays images of at most `side` pixels out in rows of `columns`.
#[must_use]
pub fn sheet(cells: &[RgbImage], side: u32, columns: u32) -> RgbImage {
    let columns = columns.clamp(1, cells.len().max(1) as u32);
    let rows = (cells.len() as u32).div_ceil(columns).max(1);
    let mut sheet = RgbImage::new(columns * side, rows * side);
    for (at, cell) in (0_u32..).zip(cells) {
        let (left, top) = (at % columns * side, at / columns * side);
        for (x, y, pixel) in cell.enumerate_pixels().filter(|(x, y, _)| *x < side && *y < side) {
            sheet.put_pixel(left + x, top + y, *pixel);
        }
    }
    sheet
}

/// Draws a frame one pixel wide around the corners `(left, top)` and `(right, bottom)`, both included. What lies outside the
/// image is left out.
pub fn frame(image: &mut RgbImage, (left, top): (i32, i32), (right, bottom): (i32, i32), color: Rgb<u8>) {
    let mut put = |x: i32, y: i32| {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = image.get_pixel_mut_checked(x, y)
        {
            *pixel = color;
        }
    };
    for x in left..=right {
        put(x, top);
        put(x, bottom);
    }
    for y in top..=bottom {
        put(left, y);
        put(right, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_edges_as_far_as_they_are_seen() {
        let white = Rgb([255; 3]);
        let painted = |from, to| {
            let mut image = RgbImage::new(5, 4);
            frame(&mut image, from, to, white);
            image.enumerate_pixels().filter(|(.., pixel)| **pixel == white).map(|(x, y, _)| (x, y)).collect::<Vec<_>>()
        };
        assert_eq!(painted((1, 0), (3, 2)), [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2), (2, 2), (3, 2)]);
        assert_eq!(painted((-2, 1), (1, 9)), [(0, 1), (1, 1), (1, 2), (1, 3)]);
        assert_eq!(painted((2, 2), (2, 2)), [(2, 2)]);
    }
}
