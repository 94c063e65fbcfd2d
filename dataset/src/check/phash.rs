//! What a picture looks like from afar: a 64-bit hash for finding candidates, and a thumbnail to confirm them.

use std::f32::consts::PI;
use std::sync::LazyLock;

use ndarray::Array3;
use vision::RgbImage;
use vision::preprocess::{Filter, Fit, PreprocessPlan, Region};

const SIDE: usize = 32;
const THUMB: usize = 16;

/// The look of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Signs of the 64 lowest frequencies of the brightness (DCT-II of 32 x 32 pixels, without the mean), as in pHash
    /// (Zauner 2010) but with the sign instead of "above the median": so mirroring the picture flips fixed bits.
    pub hash: u64,
    /// Brightness of 16 x 16 pixels, row by row.
    thumb: Box<[u8; THUMB * THUMB]>,
}

/// The 64 lowest frequencies (horizontal, vertical) but (0, 0), lowest first.
static FREQUENCIES: LazyLock<[(usize, usize); 64]> = LazyLock::new(|| {
    let mut all: Vec<(usize, usize)> = (0..12).flat_map(|u| (0..12).map(move |v| (u, v))).skip(1).collect();
    all.sort_by_key(|&(u, v)| (u * u + v * v, u));
    std::array::from_fn(|at| all[at])
});

/// Bits that flip when a picture is mirrored left to right: odd horizontal frequencies.
static MIRROR: LazyLock<u64> = LazyLock::new(|| {
    FREQUENCIES.iter().enumerate().filter(|(_, (u, _))| u % 2 == 1).fold(0, |mask, (bit, _)| mask | 1 << bit)
});

/// `cos((2x + 1) f pi / 2n)` for frequencies `f` and pixels `x`.
static COSINES: LazyLock<[[f32; SIDE]; 12]> = LazyLock::new(|| {
    std::array::from_fn(|f| std::array::from_fn(|x| ((2 * x + 1) as f32 * f as f32 * PI / (2 * SIDE) as f32).cos()))
});

impl Look {
    /// Looks at a picture.
    #[must_use]
    pub fn of(image: &RgbImage) -> Self {
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
        let luma: Vec<f32> = (0..SIDE * SIDE)
            .map(|at| {
                let [r, g, b] = [0, 1, 2].map(|c| rgb[[c, at / SIDE, at % SIDE]]);
                0.299 * r + 0.587 * g + 0.114 * b
            })
            .collect();
        Self { hash: hash(&luma), thumb: Box::new(thumbnail(&luma)) }
    }

    /// The hash of the mirrored picture.
    #[must_use]
    pub fn mirrored_hash(&self) -> u64 {
        self.hash ^ *MIRROR
    }

    /// Correlation of the brightness of two pictures, `-1..=1`; 0 when one is of one colour. With `mirrored`, of the other
    /// picture's mirror image.
    #[must_use]
    pub fn correlation(&self, other: &Self, mirrored: bool) -> f32 {
        let across = |at: usize| if mirrored { at / THUMB * THUMB + (THUMB - 1 - at % THUMB) } else { at };
        let count = (THUMB * THUMB) as i64;
        let (mut a_sum, mut b_sum, mut aa, mut bb, mut ab) = (0_i64, 0_i64, 0_i64, 0_i64, 0_i64);
        for at in 0..THUMB * THUMB {
            let (a, b) = (i64::from(self.thumb[at]), i64::from(other.thumb[across(at)]));
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

    /// Standard deviation of the brightness, in grey levels: near 0 for a blank picture, whose hash means nothing.
    #[must_use]
    pub fn contrast(&self) -> f32 {
        let count = self.thumb.len() as f32;
        let mean = self.thumb.iter().map(|&v| f32::from(v)).sum::<f32>() / count;
        (self.thumb.iter().map(|&v| (f32::from(v) - mean).powi(2)).sum::<f32>() / count).sqrt()
    }
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

    /// A picture with structure: soft blobs placed by a seed.
    fn picture(seed: u32) -> RgbImage {
        RgbImage::from_fn(96, 80, |x, y| {
            let wave = |k: u32| ((x * (k % 5 + 1) + y * (k % 3 + 1) + k * 37) as f32 / 21.0).sin();
            let value = 120.0 + 40.0 * wave(seed) + 40.0 * wave(seed * 7 + 3) + (x / 12 * seed % 5) as f32 * 8.0;
            image::Rgb([value as u8, (value * 0.8) as u8, 255 - value as u8])
        })
    }

    #[test]
    fn looks_survive_what_copies_go_through() {
        let original = picture(1);
        let look = Look::of(&original);
        let darker =
            RgbImage::from_fn(96, 80, |x, y| original.get_pixel(x, y).0.map(|v| (f32::from(v) * 0.7) as u8).into());
        let mirrored = image::imageops::flip_horizontal(&original);
        let other = Look::of(&picture(5));
        let distance = |a: u64, b: u64| (a ^ b).count_ones();

        assert!(distance(look.hash, Look::of(&darker).hash) <= 2);
        assert!(look.correlation(&Look::of(&darker), false) > 0.99);
        assert!(distance(look.mirrored_hash(), Look::of(&mirrored).hash) <= 2);
        assert!(look.correlation(&Look::of(&mirrored), true) > 0.99);
        assert!(distance(look.hash, other.hash) > 12, "{}", distance(look.hash, other.hash));
        assert!(look.correlation(&other, false) < 0.8);
    }

    #[test]
    fn blank_pictures_are_known() {
        let blank = Look::of(&RgbImage::from_pixel(40, 30, image::Rgb([200, 10, 10])));
        assert!(blank.contrast() < 0.5);
        assert_eq!(blank.correlation(&Look::of(&picture(2)), false), 0.0);
        assert!(Look::of(&picture(2)).contrast() > 10.0);
    }
}
