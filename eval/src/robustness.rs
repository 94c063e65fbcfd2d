//! How much worse it gets under what phones and shops do to images. Seeded, so that two models see the same damage.
//!
//! Images keep their size, so true boxes stay where they are.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use serde::{Deserialize, Serialize};
use vision::{DecodeError, DecodeLimits, RgbImage};

use crate::average_precision::{Weights, mean_ap, serving_point};
use crate::random::Random;
use crate::{Bootstrap, Interval, Matches};

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distortion {
    /// Out of focus or moved.
    Blur,
    /// Sent through a messenger.
    Jpeg30,
    /// Photographed after closing time.
    Dark,
    /// Lamps in glass and foil.
    Glare,
    /// A small sensor at high gain.
    Noise,
    /// Hands, tags and trolleys in front.
    Occlusion,
    /// Taken from too far away.
    Downscale,
}

impl Distortion {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Blur, Self::Jpeg30, Self::Dark, Self::Glare, Self::Noise, Self::Occlusion, Self::Downscale];

    /// Lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Jpeg30 => "jpeg30",
            Self::Dark => "dark",
            Self::Glare => "glare",
            Self::Noise => "noise",
            Self::Occlusion => "occlusion",
            Self::Downscale => "downscale",
        }
    }

    /// What exactly is done.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Blur => "Gaussian blur, sigma 1/400 of the longer side",
            Self::Jpeg30 => "JPEG of quality 30",
            Self::Dark => "0.45 x level^1.6, with noise of 3 grey levels",
            Self::Glare => "one to three white spots, 8-20 % of the longer side",
            Self::Noise => "Gaussian noise of 20 grey levels",
            Self::Occlusion => "grey patches over about 10 % of the image",
            Self::Downscale => "half the pixels per side, enlarged again",
        }
    }

    /// The damaged image. `seed` decides where spots, patches and grains fall.
    ///
    /// # Errors
    /// When the image cannot be sent through JPEG (its sides are beyond 65,535 pixels).
    pub fn apply(self, image: &RgbImage, seed: u64) -> Result<RgbImage, DecodeError> {
        let mut random = Random::stream(seed, self as u64);
        let (width, height) = image.dimensions();
        let longer = f64::from(width.max(height));
        Ok(match self {
            Self::Blur => image::imageops::fast_blur(image, (longer / 400.0).max(0.8) as f32),
            Self::Jpeg30 => return through_jpeg(image),
            Self::Dark => {
                let table: Vec<u8> =
                    (0..=255_u8).map(|v| (0.45 * 255.0 * (f64::from(v) / 255.0).powf(1.6)) as u8).collect();
                let mut dark = image.clone();
                dark.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
                add_noise(&mut dark, 3.0, &mut random);
                dark
            }
            Self::Glare => {
                let mut shown = image.clone();
                for _ in 0..1 + random.below(3) {
                    let centre =
                        (random.range(0.1, 0.9) * f64::from(width), random.range(0.1, 0.9) * f64::from(height));
                    let radius = (random.range(0.08, 0.20) * longer, random.range(0.08, 0.20) * longer);
                    add_spot(&mut shown, centre, radius);
                }
                shown
            }
            Self::Noise => {
                let mut noisy = image.clone();
                add_noise(&mut noisy, 20.0, &mut random);
                noisy
            }
            Self::Occlusion => {
                let mut covered = image.clone();
                cover(&mut covered, &mut random);
                covered
            }
            Self::Downscale => {
                let half = resized(image, (width / 2).max(1), (height / 2).max(1));
                resized(&half, width, height)
            }
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this imitates a distant camera; it prepares nothing for a network")]
fn resized(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    image::imageops::resize(image, width, height, FilterType::Triangle)
}

fn through_jpeg(image: &RgbImage) -> Result<RgbImage, DecodeError> {
    let mut bytes = Vec::new();
    // Cannot fail into memory but for a side beyond JPEG's limit; decoding then says that nothing is there.
    let _ = JpegEncoder::new_with_quality(&mut bytes, 30).encode_image(image);
    let limits = DecodeLimits { max_bytes: usize::MAX, max_pixels: u64::MAX, ..DecodeLimits::default() };
    vision::decode(&bytes, &limits)
}

/// Normal noise from a table of 4096 values: drawing 36 million normals one by one would take a second a photo.
fn add_noise(image: &mut RgbImage, deviation: f64, random: &mut Random) {
    let table: Vec<i16> = (0..4096).map(|_| (random.normal() * deviation).round() as i16).collect();
    for values in image.chunks_mut(5) {
        let mut bits = random.next_u64();
        for value in values {
            *value = (i16::from(*value) + table[(bits & 4095) as usize]).clamp(0, 255) as u8;
            bits >>= 12;
        }
    }
}

/// Adds a white spot that fades out as a Gaussian.
fn add_spot(image: &mut RgbImage, centre: (f64, f64), radius: (f64, f64)) {
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (dx, dy) = ((f64::from(x) - centre.0) / radius.0, (f64::from(y) - centre.1) / radius.1);
        let distance = dx * dx + dy * dy;
        if distance < 4.0 {
            let light = 280.0 * (-1.5 * distance).exp();
            pixel.0 = pixel.0.map(|v| (f64::from(v) + light).min(255.0) as u8);
        }
    }
}

/// Covers about a tenth of the image with flat patches.
fn cover(image: &mut RgbImage, random: &mut Random) {
    let (width, height) = image.dimensions();
    for _ in 0..5 {
        // Two per cent of the area each, from upright to lying.
        let fraction = 0.02_f64.sqrt();
        let stretch = random.range(0.5, 2.0);
        let (w, h) = (fraction * stretch * f64::from(width), fraction / stretch * f64::from(height));
        let (left, top) = (random.range(0.0, f64::from(width) - w), random.range(0.0, f64::from(height) - h));
        let grey = random.range(40.0, 200.0) as u8;
        let (right, bottom) = (((left + w) as u32).min(width), ((top + h) as u32).min(height));
        for y in top as u32..bottom {
            for x in left as u32..right {
                image.get_pixel_mut(x, y).0 = [grey; 3];
            }
        }
    }
}

/// Metrics under one kind of damage, beside those of the untouched images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustnessLine {
    /// Name of the damage.
    pub distortion: String,
    /// What exactly is done.
    pub about: String,
    /// Metrics by name.
    pub metrics: Vec<Drop>,
}

/// One metric, clean and damaged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drop {
    /// Its name.
    pub metric: String,
    /// On untouched images.
    pub clean: Option<f64>,
    /// On damaged images.
    pub damaged: Option<f64>,
    /// `damaged - clean`
    pub change: Option<f64>,
    /// 95 % interval of the change, over the same images on both sides.
    pub interval: Option<Interval>,
}

/// The same `N` metrics of the same `units` images, untouched and damaged. Both sides are resampled together, so the
/// interval is that of the change itself and much narrower than the two intervals laid side by side.
#[must_use]
pub fn drops<const N: usize>(
    distortion: Distortion,
    names: [&str; N],
    (units, bootstrap): (usize, Bootstrap),
    clean: impl Fn(Weights<'_>) -> [Option<f64>; N] + Sync,
    damaged: impl Fn(Weights<'_>) -> [Option<f64>; N] + Sync,
) -> RobustnessLine {
    let change = |weights: Weights<'_>| {
        let (before, after) = (clean(weights), damaged(weights));
        std::array::from_fn(|i| Some(after[i]? - before[i]?))
    };
    let (before, after, changes): (_, _, [Option<f64>; N]) = (clean(None), damaged(None), change(None));
    let intervals = match units {
        0 | 1 => [const { None }; N],
        _ => bootstrap.intervals(units, |weights| change(Some(weights))),
    };
    let line = |i: usize| Drop {
        metric: names[i].to_owned(),
        clean: before[i],
        damaged: after[i],
        change: changes[i],
        interval: intervals[i].zip(changes[i]).map(|(interval, change): (Interval, f64)| interval.around(change)),
    };
    RobustnessLine {
        distortion: distortion.as_str().to_owned(),
        about: distortion.about().to_owned(),
        metrics: (0..N).map(line).collect(),
    }
}

/// [`drops`] of recall and mAP50, each class at its own of the `confidences`.
#[must_use]
pub fn detection_drops(
    distortion: Distortion,
    clean: &Matches,
    damaged: &Matches,
    (confidences, bootstrap): (&[f64], Bootstrap),
) -> RobustnessLine {
    let metrics = |matches: &Matches, weights: Weights<'_>| {
        [serving_point(matches, confidences, weights).recall(), mean_ap(matches, weights).0]
    };
    let over = (clean.images, bootstrap);
    drops(distortion, ["recall", "map50"], over, |w| metrics(clean, w), |w| metrics(damaged, w))
}
