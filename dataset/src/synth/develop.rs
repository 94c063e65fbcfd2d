//! From linear light to the picture a telephone would have saved: lens, sensor, processing.

use std::collections::VecDeque;

use image::RgbImage;

use super::color::{smoothstep, to_srgb};
use super::film::Film;
use super::rng::Rng;

/// What lens, sensor and software do to one photo.
#[derive(Debug, Clone)]
pub struct Develop {
    /// Blur across and down: deviation in pixels.
    blur: (f32, f32),
    /// Sharpening, as cameras do it.
    sharpen: f32,
    exposure: f32,
    balance: [f32; 3],
    contrast: f32,
    /// Light lost in the corners.
    vignette: f32,
    /// Share of bright light that spills over.
    bloom: f32,
    /// Deviation of the noise at middle grey, in 8-bit steps.
    noise: f32,
    saturation: f32,
    salt: u64,
}

const CURVE: usize = 4096;

/// Brightest linear light that is told apart.
const WHITEST: f32 = 6.0;

impl Develop {
    /// Some camera in some hands; `faults` scales what goes wrong.
    #[must_use]
    pub fn draw(rng: &mut Rng, faults: f32) -> Self {
        let soft =
            0.36 + faults * rng.range(0.0, 0.28) + if rng.chance(0.10) { faults * rng.range(0.2, 0.9) } else { 0.0 };
        let shake = if rng.chance(0.10) { faults * rng.range(0.3, 1.2) } else { 0.0 };
        let along = rng.chance(0.6);
        Self {
            blur: (soft + if along { shake } else { 0.0 }, soft + if along { 0.0 } else { shake }),
            sharpen: rng.range(0.1, 0.9),
            exposure: (faults * rng.normal(0.16)).exp() * 1.12,
            balance: [
                1.0 + faults * rng.normal(0.045),
                1.0 + faults * rng.normal(0.012),
                1.0 + faults * rng.normal(0.055),
            ],
            contrast: rng.range(0.0, 0.4),
            vignette: faults * rng.range(0.0, 0.28),
            bloom: faults * rng.range(0.02, 0.12),
            noise: faults * rng.range(0.4, 2.5),
            saturation: rng.range(0.92, 1.18),
            salt: rng.next_u32().into(),
        }
    }

    /// The picture.
    #[must_use]
    pub fn print(&self, film: &Film) -> RgbImage {
        let (width, height) = (film.width, film.height);
        let glow = Glow::of(film);
        let (across, down) = (kernel(self.blur.0, self.sharpen), kernel(self.blur.1, self.sharpen));
        let curve = self.curve();
        let noise = Noise::new(self.salt);
        let mut picture = RgbImage::new(width as u32, height as u32);
        let reach = down.len() / 2;
        let mut band: VecDeque<Vec<f32>> = VecDeque::new();
        let mut spare: Vec<Vec<f32>> = Vec::new();
        let mut padded = vec![0.0_f32; (width + across.len()) * 3];
        let mut sums = vec![0.0_f32; width * 3];
        let mut shine = vec![0.0_f32; width * 3];
        let mut next = 0;
        for y in 0..height {
            while next <= (y + reach).min(height - 1) {
                let mut row = spare.pop().unwrap_or_else(|| vec![0.0; width * 3]);
                convolve_row(film, next, (&across, &mut padded), &mut row);
                band.push_back(row);
                next += 1;
            }
            while band.len() > (next - y.saturating_sub(reach)) {
                spare.extend(band.pop_front());
            }
            let first = next - band.len();
            sums.fill(0.0);
            for (k, &weight) in down.iter().enumerate() {
                let at = (y + k).saturating_sub(reach).clamp(first, next - 1) - first;
                for (sum, &v) in sums.iter_mut().zip(&band[at]) {
                    *sum += weight * v;
                }
            }
            if self.bloom > 0.0 && glow.shines(y) {
                glow.row(y, &mut shine);
                for (sum, &v) in sums.iter_mut().zip(&shine) {
                    *sum += self.bloom * v;
                }
            }
            let out = &mut picture.as_mut()[y * width * 3..(y + 1) * width * 3];
            self.finish_row(y, (width, height), (&mut sums, &curve, &noise), out);
        }
        picture
    }

    fn finish_row(
        &self,
        y: usize,
        (width, height): (usize, usize),
        (light, curve, noise): (&mut [f32], &[f32], &Noise),
        out: &mut [u8],
    ) {
        let scale = (CURVE - 1) as f32 / WHITEST.sqrt();
        let gain: [f32; 3] = self.balance.map(|b| b * self.exposure * scale * scale);
        let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
        let dy = (y as f32 - cy) / cy;
        let grains = noise.row(y, width * 2);
        // First what a vector unit can do by itself, then the look-ups.
        for (x, pixel) in light.chunks_exact_mut(3).enumerate() {
            let dx = (x as f32 - cx) / cx;
            let fall = 1.0 - self.vignette * (dx * dx + dy * dy) * 0.5;
            for i in 0..3 {
                pixel[i] *= gain[i] * fall;
            }
        }
        for v in light.iter_mut() {
            *v = v.max(0.0).sqrt().min((CURVE - 1) as f32);
        }
        for v in light.iter_mut() {
            *v = curve[*v as usize];
        }
        let (loud, soft) = (self.noise * (1.0 / 48.0), self.noise * (1.0 / 72.0));
        let pixels = out.chunks_exact_mut(3).zip(light.chunks_exact(3)).zip(grains.chunks_exact(2));
        for ((out, v), grain) in pixels {
            let grey = 0.3 * v[0] + 0.59 * v[1] + 0.11 * v[2];
            // Shot noise: strongest in the middle tones after the tone curve has done its work.
            let amount = 0.55 + 2.2 / 255.0 * grey * (1.0 - grey / 290.0);
            let (n, m) = (f32::from(grain[0]) * amount * loud, f32::from(grain[1]) * amount * soft);
            let shade = |i: usize| grey + (v[i] - grey) * self.saturation + n;
            // `as` ends at 0 and 255 by itself.
            (out[0], out[1], out[2]) = ((shade(0) + m) as u8, (shade(1) - 0.3 * m) as u8, (shade(2) - 1.2 * m) as u8);
        }
    }

    /// Square root of linear light -> 0..=255.5, rounding included.
    fn curve(&self) -> Vec<f32> {
        (0..CURVE)
            .map(|k| {
                let root = k as f32 / (CURVE - 1) as f32 * WHITEST.sqrt();
                let v = root * root;
                // A shoulder instead of a hard end, as film and telephones have it.
                let rolled = if v < 0.55 { v } else { 0.55 + 0.45 * (1.0 - (-(v - 0.55) / 0.45).exp()) };
                let s = to_srgb(rolled.min(1.0));
                let contrasty = smoothstep(0.0, 1.0, s);
                (s + (contrasty - s) * self.contrast) * 255.0 + 0.5
            })
            .collect()
    }
}

/// Blur and sharpening in one symmetric kernel: `(1 + a) G(s) - a G(2 s + 0.5)`.
fn kernel(deviation: f32, sharpen: f32) -> Vec<f32> {
    let wide = deviation * 1.6 + 0.5;
    let reach = (wide * 2.2).ceil().clamp(1.0, 8.0) as i32;
    let bell = |s: f32| {
        let w: Vec<f32> = (-reach..=reach).map(|k| (-0.5 * (k as f32 / s.max(0.2)).powi(2)).exp()).collect();
        let sum: f32 = w.iter().sum();
        w.into_iter().map(move |v| v / sum)
    };
    let strength = sharpen * 0.55;
    bell(deviation).zip(bell(wide)).map(|(a, b)| a * (1.0 + strength) - b * strength).collect()
}

fn convolve_row(film: &Film, y: usize, (kernel, padded): (&[f32], &mut Vec<f32>), out: &mut [f32]) {
    let (width, reach) = (film.width, kernel.len() / 2);
    for (x, light) in film.row(y).enumerate() {
        let at = (x + reach) * 3;
        // What is beyond white only glows; it does not ring when sharpened.
        padded[at..at + 3].copy_from_slice(&light.map(|v| v.min(2.5)));
    }
    for k in 0..reach {
        padded.copy_within(reach * 3..reach * 3 + 3, k * 3);
        padded.copy_within((reach + width - 1) * 3..(reach + width) * 3, (reach + width + k) * 3);
    }
    out.fill(0.0);
    for (k, &weight) in kernel.iter().enumerate() {
        for (sum, &v) in out.iter_mut().zip(&padded[k * 3..]) {
            *sum += weight * v;
        }
    }
}

/// Bright light, spread far: an eighth of the resolution.
struct Glow {
    width: usize,
    height: usize,
    light: Vec<f32>,
}

const SHRINK: usize = 8;

impl Glow {
    fn of(film: &Film) -> Self {
        let (width, height) = (film.width.div_ceil(SHRINK), film.height.div_ceil(SHRINK));
        let mut light = vec![0.0_f32; width * height * 3];
        for y in 0..film.height {
            let row = &mut light[y / SHRINK * width * 3..][..width * 3];
            for (x, pixel) in film.row(y).enumerate() {
                let at = x / SHRINK * 3;
                for i in 0..3 {
                    row[at + i] += (pixel[i] - 0.75).clamp(0.0, 4.0) * (1.0 / (SHRINK * SHRINK) as f32);
                }
            }
        }
        let mut glow = Self { width, height, light };
        for _ in 0..3 {
            glow.soften();
        }
        glow
    }

    fn soften(&mut self) {
        let (w, h) = (self.width as i64, self.height as i64);
        for (dx, dy) in [(1, 0), (0, 1)] {
            let old = self.light.clone();
            for y in 0..h {
                for x in 0..w {
                    for i in 0..3 {
                        let at = |k: i64| {
                            old[(((y + k * dy).clamp(0, h - 1) * w + (x + k * dx).clamp(0, w - 1)) * 3 + i) as usize]
                        };
                        self.light[((y * w + x) * 3 + i) as usize] = 0.25 * at(-1) + 0.5 * at(0) + 0.25 * at(1);
                    }
                }
            }
        }
    }

    /// Whether there is any spread light at a row of the photo.
    fn shines(&self, y: usize) -> bool {
        let near = (y / SHRINK).saturating_sub(1)..(y / SHRINK + 2).min(self.height);
        self.light[near.start * self.width * 3..near.end * self.width * 3].iter().any(|&v| v > 1e-3)
    }

    /// Spread light of a row of the photo.
    fn row(&self, y: usize, out: &mut [f32]) {
        let weigh = |v: usize, limit: usize| {
            let at = ((v as f32 + 0.5) / SHRINK as f32 - 0.5).clamp(0.0, (limit - 1) as f32);
            let first = at as usize;
            (first, (first + 1).min(limit - 1), at - first as f32)
        };
        let (y0, y1, ay) = weigh(y, self.height);
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            let (x0, x1, ax) = weigh(x, self.width);
            for (i, v) in pixel.iter_mut().enumerate() {
                let at = |x: usize, y: usize| self.light[(y * self.width + x) * 3 + i];
                *v = (at(x0, y0) * (1.0 - ax) + at(x1, y0) * ax) * (1.0 - ay)
                    + (at(x0, y1) * (1.0 - ax) + at(x1, y1) * ax) * ay;
            }
        }
    }
}

/// Grains of noise, a little correlated as after demosaicing; the same few thousand again and again in another order.
struct Noise {
    grains: Vec<i8>,
    salt: u64,
}

const GRAINS: usize = 1 << 15;

impl Noise {
    fn new(salt: u64) -> Self {
        let mut rng = Rng::new(salt);
        // The sum of four bytes is nearly normal, and cheap.
        let mut raw = (0..GRAINS + 2).map(|_| {
            let bits = rng.next_u32();
            bits.to_le_bytes().iter().map(|&b| f32::from(b) - 127.5).sum::<f32>() / 147.0
        });
        let (mut a, mut b) = (raw.next().unwrap_or(0.0), raw.next().unwrap_or(0.0));
        let grains = raw
            .map(|c| {
                let v = 0.5 * a + 0.7 * b + 0.5 * c;
                (a, b) = (b, c);
                (v * 48.0).clamp(-127.0, 127.0) as i8
            })
            .collect();
        Self { grains, salt }
    }

    fn row(&self, y: usize, count: usize) -> &[i8] {
        let start = super::rng::derive(self.salt, y as u64) as usize % (GRAINS - count.min(GRAINS - 1));
        &self.grains[start..start + count]
    }
}
