//! Bilinear interpolation bit for bit as OpenCV's `INTER_LINEAR` computes it on 8-bit images.
//!
//! YOLO networks are trained on images resized that way. OpenCV works in fixed point and cuts bits off between its two
//! steps, so one value in eight comes out a grey level darker than exact arithmetic gives. That sounds like nothing, yet it
//! moves the confidence of faint objects by up to .02: only the same arithmetic gives the same detections.

use crate::RgbImage;
use crate::region::Region;

/// Weights are multiples of `1 / 2048`.
const ONE: f32 = 2048.0;

/// Two neighbours and their weights.
#[derive(Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    low_weight: i32,
    high_weight: i32,
}

/// `region` of `image` as rows of `size.0 * size.1` RGB triples. Pixels beside the region take part along its border;
/// at the border of the image its outermost pixels are repeated.
pub(crate) fn resize(image: &RgbImage, region: Region, (width, height): (u32, u32)) -> Vec<u8> {
    let columns = columns(region.x, region.width, width, image.width());
    let rows = rows(region.y, region.height, height, image.height());
    let stride = image.width() as usize * 3;
    let source = |row: usize| &image.as_raw()[row * stride..][..stride];

    let mut resized = vec![0; width as usize * height as usize * 3];
    let mut low = Stretched::new(width);
    let mut high = Stretched::new(width);
    for (tap, out) in rows.iter().zip(resized.chunks_exact_mut(width as usize * 3)) {
        if high.row == Some(tap.low) {
            std::mem::swap(&mut low, &mut high);
        }
        low.fill(tap.low, source(tap.low), &columns);
        high.fill(tap.high, source(tap.high), &columns);
        for ((out, &a), &b) in out.iter_mut().zip(&low.values).zip(&high.values) {
            let sum = ((tap.low_weight * a) >> 16) + ((tap.high_weight * b) >> 16);
            *out = ((sum + 2) >> 2).clamp(0, 255) as u8;
        }
    }
    resized
}

/// A source row, interpolated horizontally: grey levels times 128.
struct Stretched {
    row: Option<usize>,
    values: Vec<i32>,
}

impl Stretched {
    fn new(width: u32) -> Self {
        Self { row: None, values: vec![0; width as usize * 3] }
    }

    fn fill(&mut self, row: usize, source: &[u8], columns: &[Tap]) {
        if self.row == Some(row) {
            return;
        }
        self.row = Some(row);
        for (out, tap) in self.values.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
            let (low, high) = (&source[tap.low * 3..][..3], &source[tap.high * 3..][..3]);
            for channel in 0..3 {
                let sum = i32::from(low[channel]) * tap.low_weight + i32::from(high[channel]) * tap.high_weight;
                out[channel] = sum >> 4;
            }
        }
    }
}

/// Where output position `i` of `count` lies on `start..start + length`: the pixel before it and the rest.
fn position(i: u32, start: u32, length: u32, count: u32) -> (i64, f32) {
    let scale = f64::from(length) / f64::from(count);
    let exact = ((f64::from(i) + 0.5) * scale - 0.5) as f32;
    (i64::from(start) + exact.floor() as i64, exact - exact.floor())
}

fn tap(low: i64, high: i64, rest: f32, limit: u32) -> Tap {
    let inside = |pixel: i64| pixel.clamp(0, i64::from(limit) - 1) as usize;
    let weight = |fraction: f32| (fraction * ONE).round_ties_even() as i32;
    Tap { low: inside(low), high: inside(high), low_weight: weight(1.0 - rest), high_weight: weight(rest) }
}

/// Over the border of the image the outermost column counts alone.
fn columns(start: u32, length: u32, count: u32, limit: u32) -> Vec<Tap> {
    let column = |i| {
        let (pixel, rest) = position(i, start, length, count);
        let alone = pixel < 0 || pixel >= i64::from(limit) - 1;
        tap(pixel, pixel + 1, if alone { 0.0 } else { rest }, limit)
    };
    (0..count).map(column).collect()
}

/// Over the border of the image the outermost row is taken twice, with both weights: because of the bits cut off that is not
/// the same as once.
fn rows(start: u32, length: u32, count: u32, limit: u32) -> Vec<Tap> {
    let row = |i| {
        let (pixel, rest) = position(i, start, length, count);
        tap(pixel, pixel + 1, rest, limit)
    };
    (0..count).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `source`: grey levels of a 7 x 5 image; its channels are the level, the level halved, and 255 minus the level.
    const SOURCE: [u8; 35] = [
        241, 160, 175, 229, 148, 198, 213, 57, 14, 76, 72, 223, 233, 1, 127, 210, 33, 204, 30, 119, 209, 77, 87, 71,
        184, 65, 253, 113, 122, 129, 149, 141, 130, 254, 206,
    ];

    #[rustfmt::skip]
    const EXPECTED: [((u32, u32), &[u8]); 4] = [
        ((7, 5), &[241, 120, 14, 160, 80, 95, 175, 87, 80, 229, 114, 26, 148, 74, 107, 198, 99, 57, 213, 106, 42, 57, 28, 198, 14, 7, 241, 76, 38, 179, 72, 36, 183, 223, 111, 32, 233, 116, 22, 1, 0, 254, 127, 63, 128, 210, 105, 45, 33, 16, 222, 204, 102, 51, 30, 15, 225, 119, 59, 136, 209, 104, 46, 77, 38, 178, 87, 43, 168, 71, 35, 184, 184, 92, 71, 65, 32, 190, 253, 126, 2, 113, 56, 142, 122, 61, 133, 129, 64, 126, 149, 74, 106, 141, 70, 114, 130, 65, 125, 254, 127, 1, 206, 103, 49]),
        ((10, 9), &[241, 120, 14, 196, 98, 59, 164, 82, 91, 174, 87, 81, 210, 104, 45, 201, 100, 54, 150, 75, 104, 185, 93, 69, 205, 102, 50, 213, 106, 42, 180, 89, 75, 142, 71, 113, 119, 59, 136, 140, 70, 114, 164, 82, 90, 175, 87, 79, 175, 87, 80, 200, 100, 54, 179, 89, 75, 142, 71, 112, 77, 38, 177, 51, 25, 203, 44, 22, 210, 84, 42, 171, 88, 44, 166, 133, 66, 122, 215, 107, 39, 225, 112, 29, 137, 68, 118, 24, 12, 230, 88, 43, 167, 95, 47, 160, 90, 45, 165, 59, 29, 196, 105, 52, 150, 133, 66, 122, 139, 69, 116, 171, 85, 84, 142, 70, 113, 93, 46, 161, 127, 63, 128, 173, 86, 82, 166, 83, 89, 42, 20, 213, 144, 72, 111, 143, 72, 112, 34, 17, 221, 97, 48, 158, 160, 79, 95, 209, 104, 46, 99, 49, 156, 122, 61, 132, 120, 60, 135, 58, 29, 196, 144, 72, 111, 143, 71, 112, 57, 28, 198, 157, 78, 97, 176, 88, 78, 156, 77, 99, 82, 41, 173, 87, 43, 168, 89, 44, 166, 80, 39, 175, 144, 72, 110, 142, 71, 113, 81, 40, 174, 208, 103, 47, 195, 97, 60, 123, 61, 131, 107, 53, 148, 111, 55, 144, 117, 58, 138, 122, 61, 132, 144, 72, 111, 139, 69, 116, 116, 57, 139, 217, 108, 38, 218, 109, 37, 175, 87, 80, 122, 61, 133, 126, 62, 129, 134, 66, 121, 148, 73, 107, 144, 71, 111, 137, 68, 118, 136, 68, 119, 223, 111, 32, 232, 116, 23, 206, 103, 49]),
        ((4, 3), &[154, 76, 101, 146, 73, 109, 173, 86, 81, 167, 83, 87, 158, 79, 97, 54, 27, 201, 52, 26, 203, 175, 87, 80, 110, 55, 145, 127, 63, 128, 114, 57, 141, 204, 102, 50]),
        ((3, 8), &[187, 93, 68, 229, 114, 26, 203, 101, 52, 117, 59, 137, 160, 80, 95, 182, 91, 72, 38, 19, 217, 80, 40, 175, 155, 77, 100, 134, 67, 121, 163, 81, 92, 151, 75, 104, 151, 75, 103, 198, 99, 57, 167, 83, 88, 90, 44, 165, 185, 93, 70, 203, 101, 52, 108, 53, 147, 160, 80, 95, 224, 112, 31, 126, 63, 128, 141, 70, 114, 238, 119, 17]),
    ];

    #[test]
    fn the_same_bits_as_opencv() {
        // for size in [(7, 5), (10, 9), (4, 3), (3, 8)]: cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        let image = RgbImage::from_fn(7, 5, |x, y| {
            let level = SOURCE[(y * 7 + x) as usize];
            image::Rgb([level, level / 2, 255 - level])
        });
        for (size, expected) in EXPECTED {
            let found = resize(&image, Region::whole(&image), size);
            assert_eq!(found, expected, "{size:?}");
        }
    }

    #[test]
    fn a_region_is_cut_out_of_the_resized_whole() {
        let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8]));
        let whole = resize(&image, Region::whole(&image), (80, 60));
        let part = resize(&image, Region { x: 10, y: 5, width: 20, height: 15 }, (40, 30));
        for y in 0..30 {
            assert_eq!(part[y * 120..][..120], whole[((y + 10) * 80 + 20) * 3..][..120], "row {y}");
        }
    }
}
