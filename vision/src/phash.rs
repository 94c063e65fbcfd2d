//! What an image looks like from afar: 64-bit hashes for finding candidates, and a thumbnail to confirm them.
//!
//! An image that was turned or cropped has another hash. So each image is also hashed as it would look after each of a few
//! [`CHANGES`], and those hashes are looked up among the plain ones: what was turned by 10 degrees is found by the hash of
//! the original turned by 10 degrees.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::RgbImage;
use crate::preprocess::{Filter, Fit, PreprocessPlan, Region};
use ndarray::Array3;

const SIDE: usize = 32;
const THUMB: usize = 16;

/// What an image looks like, for comparing.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSignature {
    /// Signs of the 64 lowest frequencies of the brightness (DCT-II of 32 x 32 pixels, without the mean), as in pHash
    /// (Zauner 2010) but with the sign instead of "above the median": so mirroring the image flips fixed bits.
    pub hash: u64,
    /// The same of its middle, which turning the image fills with nothing foreign.
    pub middle: u64,
    /// The same after each of [`CHANGES`].
    pub changed: [u64; CHANGES.len()],
    /// Brightness of 32 x 32 pixels, row by row.
    luma: Box<[u8; SIDE * SIDE]>,
    /// Width by height.
    aspect: f32,
}

/// What is compared of the image that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// All of it.
    Whole,
    /// Its middle.
    Middle,
}

/// What may have been done to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// What of the changed image is compared.
    pub frame: Frame,
    /// Turned by so many degrees.
    degrees: f32,
    /// This fraction of width and height is left.
    zoom: f32,
    /// Middle of what is left, in half widths and half heights from the middle of the image.
    shift: (f32, f32),
}

/// Fraction of width and height that is the middle: within the image for all turns of [`CHANGES`], and large enough to tell
/// images apart.
const MIDDLE: f32 = 0.68;

const fn turned(degrees: f32) -> Change {
    Change { frame: Frame::Middle, degrees, zoom: MIDDLE, shift: (0.0, 0.0) }
}

const fn cropped(zoom: f32, shift: (f32, f32)) -> Change {
    Change { frame: Frame::Whole, degrees: 0.0, zoom, shift }
}

/// Turns of up to about 14 degrees, and crops of up to about 10 % of each side, or of one.
pub const CHANGES: [Change; 14] = [
    turned(-12.0),
    turned(-8.0),
    turned(-4.0),
    turned(4.0),
    turned(8.0),
    turned(12.0),
    cropped(0.94, (0.0, 0.0)),
    cropped(0.89, (0.0, 0.0)),
    cropped(0.84, (0.0, 0.0)),
    cropped(0.79, (0.0, 0.0)),
    cropped(0.92, (-0.08, -0.08)),
    cropped(0.92, (0.08, -0.08)),
    cropped(0.92, (0.08, 0.08)),
    cropped(0.92, (-0.08, 0.08)),
];

/// The 64 lowest frequencies (horizontal, vertical) but (0, 0), lowest first.
static FREQUENCIES: LazyLock<[(usize, usize); 64]> = LazyLock::new(|| {
    let mut all: Vec<(usize, usize)> = (0..12).flat_map(|u| (0..12).map(move |v| (u, v))).skip(1).collect();
    all.sort_by_key(|&(u, v)| (u * u + v * v, u));
    std::array::from_fn(|at| all[at])
});

/// Bits that flip when an image is mirrored left to right: odd horizontal frequencies.
static MIRROR: LazyLock<u64> = LazyLock::new(|| {
    FREQUENCIES.iter().enumerate().filter(|(_, (u, _))| u % 2 == 1).fold(0, |mask, (bit, _)| mask | 1 << bit)
});

/// `cos((2x + 1) f pi / 2n)` for frequencies `f` and pixels `x`.
static COSINES: LazyLock<[[f32; SIDE]; 12]> = LazyLock::new(|| {
    std::array::from_fn(|f| std::array::from_fn(|x| ((2 * x + 1) as f32 * f as f32 * PI / (2 * SIDE) as f32).cos()))
});

/// Standard deviation of the brightness, in grey levels, below which an image is blank: its hash is that of its noise.
const BLANK: f32 = 2.0;

/// [`ImageSignature::hash`] alone; `None` for a blank image.
#[must_use]
pub fn hash_of(image: &RgbImage) -> Option<u64> {
    let luma = brightness(image);
    let mean = luma.iter().sum::<f32>() / luma.len() as f32;
    let variance = luma.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / luma.len() as f32;
    (variance.sqrt() >= BLANK).then(|| hash(&luma))
}

/// Brightness of 32 x 32 pixels, row by row.
fn brightness(image: &RgbImage) -> Vec<f32> {
    let plan = PreprocessPlan {
        width: SIDE as u32,
        height: SIDE as u32,
        fit: Fit::Stretch,
        filter: Filter::BilinearAntialias,
        pad: 0,
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    let mut rgb = Array3::zeros((3, SIDE, SIDE));
    plan.apply(image, Region::whole(image), rgb.view_mut());
    let luma = |at: usize| {
        let [r, g, b] = [0, 1, 2].map(|c| rgb[[c, at / SIDE, at % SIDE]]);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    (0..SIDE * SIDE).map(luma).collect()
}

impl ImageSignature {
    /// Computes it.
    #[must_use]
    pub fn of(image: &RgbImage) -> Self {
        let luma = brightness(image);
        let aspect = image.width() as f32 / image.height().max(1) as f32;
        let seen = |change: &Change| hash(&sample(&luma, aspect, change));
        Self {
            hash: hash(&luma),
            middle: seen(&turned(0.0)),
            changed: CHANGES.each_ref().map(seen),
            luma: Box::new(std::array::from_fn(|at| luma[at].round().clamp(0.0, 255.0) as u8)),
            aspect,
        }
    }

    /// A hash of the mirrored image, from that of the image.
    #[must_use]
    pub fn mirrored(hash: u64) -> u64 {
        hash ^ *MIRROR
    }

    /// Correlation of the brightness of this image after a change with what is compared of another, `-1..=1`. With
    /// `mirrored`, with the other image's mirror image.
    #[must_use]
    pub fn likeness(&self, change: &Change, other: &Self, mirrored: bool) -> f32 {
        let plain = |signature: &Self| signature.luma.iter().map(|v| f32::from(*v)).collect::<Vec<f32>>();
        let one = sample(&plain(self), self.aspect, change);
        let other = match change.frame {
            Frame::Whole => plain(other),
            Frame::Middle => sample(&plain(other), other.aspect, &turned(0.0)),
        };
        let (one, other) = (thumbnail(&one), thumbnail(&other));
        correlation(&one, &other, mirrored)
    }

    /// Correlation of the brightness of two images, `-1..=1`; 0 when one is of one colour. With `mirrored`, of the other
    /// image's mirror image.
    #[must_use]
    pub fn correlation(&self, other: &Self, mirrored: bool) -> f32 {
        correlation(&self.thumbnail(), &other.thumbnail(), mirrored)
    }

    fn thumbnail(&self) -> [u8; THUMB * THUMB] {
        thumbnail(&self.luma.map(f32::from))
    }

    /// Standard deviation of the brightness, in grey levels: near 0 for a blank image, whose hash means nothing.
    #[must_use]
    pub fn contrast(&self) -> f32 {
        let thumb = self.thumbnail();
        let count = thumb.len() as f32;
        let mean = thumb.iter().map(|&v| f32::from(v)).sum::<f32>() / count;
        (thumb.iter().map(|&v| (f32::from(v) - mean).powi(2)).sum::<f32>() / count).sqrt()
    }
}

/// Correlation of two thumbnails; 0 when one is of one colour.
fn correlation(one: &[u8; THUMB * THUMB], other: &[u8; THUMB * THUMB], mirrored: bool) -> f32 {
    let across = |at: usize| if mirrored { at / THUMB * THUMB + (THUMB - 1 - at % THUMB) } else { at };
    let count = (THUMB * THUMB) as i64;
    let (mut a_sum, mut b_sum, mut aa, mut bb, mut ab) = (0_i64, 0_i64, 0_i64, 0_i64, 0_i64);
    for at in 0..THUMB * THUMB {
        let (a, b) = (i64::from(one[at]), i64::from(other[across(at)]));
        a_sum += a;
        b_sum += b;
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let (a_var, b_var) = (count * aa - a_sum * a_sum, count * bb - b_sum * b_sum);
    if a_var == 0 || b_var == 0 {
        return 0.0;
    }
    ((count * ab - a_sum * b_sum) as f64 / ((a_var as f64) * (b_var as f64)).sqrt()) as f32
}

/// The 32 x 32 pixels as they look after a change; `aspect` because turning is not done to a square.
fn sample(luma: &[f32], aspect: f32, change: &Change) -> Vec<f32> {
    let (sin, cos) = change.degrees.to_radians().sin_cos();
    let to_unit = |step: usize| (2 * step + 1) as f32 / SIDE as f32 - 1.0;
    let to_pixel = |v: f32| ((v + 1.0) * (SIDE as f32 / 2.0) - 0.5).clamp(0.0, SIDE as f32 - 1.001);
    (0..SIDE * SIDE)
        .map(|at| {
            let u = to_unit(at % SIDE) * change.zoom + change.shift.0;
            let v = to_unit(at / SIDE) * change.zoom + change.shift.1;
            let (x, y) = (to_pixel(u * cos - v * sin / aspect), to_pixel(u * sin * aspect + v * cos));
            let (first, ax, ay) = (y as usize * SIDE + x as usize, x.fract(), y.fract());
            let upper = luma[first] + (luma[first + 1] - luma[first]) * ax;
            let lower = luma[first + SIDE] + (luma[first + SIDE + 1] - luma[first + SIDE]) * ax;
            upper + (lower - upper) * ay
        })
        .collect()
}

fn hash(luma: &[f32]) -> u64 {
    // Rows first: 32 x 12, then columns of those frequencies that are wanted.
    let rows: Vec<[f32; 12]> = luma
        .chunks_exact(SIDE)
        .map(|row| std::array::from_fn(|u| row.iter().zip(&COSINES[u]).map(|(v, c)| v * c).sum()))
        .collect();
    FREQUENCIES.iter().enumerate().fold(0, |hash, (bit, &(u, v))| {
        let coefficient: f32 = rows.iter().zip(&COSINES[v]).map(|(row, c)| row[u] * c).sum();
        if coefficient > 0.0 { hash | 1 << bit } else { hash }
    })
}

fn thumbnail(luma: &[f32]) -> [u8; THUMB * THUMB] {
    std::array::from_fn(|at| {
        let corner = at / THUMB * 2 * SIDE + at % THUMB * 2;
        let sum = luma[corner] + luma[corner + 1] + luma[corner + SIDE] + luma[corner + SIDE + 1];
        (sum / 4.0).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image with structure: soft blobs placed by a seed.
    fn image(seed: u32) -> RgbImage {
        RgbImage::from_fn(96, 80, |x, y| {
            let wave = |k: u32| ((x * (k % 5 + 1) + y * (k % 3 + 1) + k * 37) as f32 / 21.0).sin();
            let value = 120.0 + 40.0 * wave(seed) + 40.0 * wave(seed * 7 + 3) + (x / 12 * seed % 5) as f32 * 8.0;
            image::Rgb([value as u8, (value * 0.8) as u8, 255 - value as u8])
        })
    }

    #[test]
    fn looks_survive_what_copies_go_through() {
        let original = image(1);
        let signature = ImageSignature::of(&original);
        let darker =
            RgbImage::from_fn(96, 80, |x, y| original.get_pixel(x, y).0.map(|v| (f32::from(v) * 0.7) as u8).into());
        let mirrored = image::imageops::flip_horizontal(&original);
        let other = ImageSignature::of(&image(5));
        let distance = |a: u64, b: u64| (a ^ b).count_ones();

        assert!(distance(signature.hash, ImageSignature::of(&darker).hash) <= 2);
        assert!(signature.correlation(&ImageSignature::of(&darker), false) > 0.99);
        assert!(distance(ImageSignature::mirrored(signature.hash), ImageSignature::of(&mirrored).hash) <= 2);
        assert!(signature.correlation(&ImageSignature::of(&mirrored), true) > 0.99);
        assert!(distance(signature.hash, other.hash) > 12, "{}", distance(signature.hash, other.hash));
        assert!(signature.correlation(&other, false) < 0.8);
    }

    #[test]
    fn looks_after_a_change_are_those_of_the_changed_image() {
        let original = image(1);
        let signature = ImageSignature::of(&original);
        // Turned by 8 degrees with black where nothing was, and cropped to .84 about the middle.
        let (sin, cos) = 8_f32.to_radians().sin_cos();
        let turned = RgbImage::from_fn(96, 80, |x, y| {
            let (dx, dy) = (x as f32 - 47.5, y as f32 - 39.5);
            let (sx, sy) = (47.5 + dx * cos - dy * sin, 39.5 + dx * sin + dy * cos);
            let inside = (0.0..95.0).contains(&sx) && (0.0..79.0).contains(&sy);
            if inside { *original.get_pixel(sx as u32, sy as u32) } else { image::Rgb([0; 3]) }
        });
        let cropped = image::imageops::crop_imm(&original, 8, 6, 81, 67).to_image();
        let distance = |a: u64, b: u64| (a ^ b).count_ones();
        for (change, other) in [(4, ImageSignature::of(&turned)), (8, ImageSignature::of(&cropped))] {
            let found = if CHANGES[change].frame == Frame::Middle { other.middle } else { other.hash };
            assert!(
                distance(signature.changed[change], found) <= 6,
                "{change}: {}",
                distance(signature.changed[change], found)
            );
            assert!(signature.likeness(&CHANGES[change], &other, false) > 0.97);
            let mirrored = ImageSignature::of(&image::imageops::flip_horizontal(&original));
            assert!(signature.likeness(&CHANGES[change], &mirrored, false) < 0.9);
        }
    }

    #[test]
    fn blank_images_are_known() {
        let blank = ImageSignature::of(&RgbImage::from_pixel(40, 30, image::Rgb([200, 10, 10])));
        assert!(blank.contrast() < 0.5);
        assert_eq!(hash_of(&RgbImage::from_pixel(40, 30, image::Rgb([200, 10, 10]))), None);
        assert_eq!(hash_of(&image(2)), Some(ImageSignature::of(&image(2)).hash));
        assert_eq!(blank.correlation(&ImageSignature::of(&image(2)), false), 0.0);
        assert!(ImageSignature::of(&image(2)).contrast() > 10.0);
    }
}
