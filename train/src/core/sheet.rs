//! Many small pictures on one.

use vision::RgbImage;

/// Lays pictures of at most `side` pixels out in rows of `columns`.
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
