//! From linear light to the image a telephone would have saved: lens, sensor, processing.

use image::RgbImage;

use super::color::{smoothstep, to_srgb};
use super::framebuffer::Framebuffer;
use super::rng::Rng;
use super::simd::{self, Mixing};

/// What lens, sensor and software do to one photo.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Blur across and down: deviation in pixels.
    blur: (f32, f32),
    /// Sharpening, as cameras do it.
    sharpen: f32,
    exposure: f32,
    balance: [f32; 3],
    contrast: f32,
    /// Light lost in the corners.
    vignette: f32,
    /// Fraction of bright light that spills over.
    bloom: f32,
    /// Deviation of the noise at middle grey, in 8-bit steps.
    noise: f32,
    saturation: f32,
    salt: u64,
}

const CURVE: usize = 4096;

/// Brightest linear light that is told apart.
const WHITEST: f32 = 6.0;

impl Sensor {
    /// Some camera in some hands; `faults` scales what goes wrong.
    #[must_use]
    pub fn sample(rng: &mut Rng, faults: f32) -> Self {
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

    /// The image of the light in `frame`: 8-bit sRGB of its size.
    pub fn capture(&self, frame: &mut Framebuffer) -> RgbImage {
        frame.darken();
        let frame = &*frame;
        let (width, height) = (frame.width, frame.height);
        let glow = Glow::of(frame);
        let (across, down) = (kernel(self.blur.0, self.sharpen), kernel(self.blur.1, self.sharpen));
        let mut finish = Finish::new(self, (width, height));
        let mut image = RgbImage::new(width as u32, height as u32);
        let reach = down.len() / 2;
        // Rows blurred across, each at its number modulo their count: all red, all green, all blue, as in the framebuffer.
        let mut band = vec![vec![0.0_f32; width * 3]; down.len()];
        let mut padded = vec![0.0_f32; width + across.len()];
        let mut sums = vec![0.0_f32; width * 3];
        let mut shine = Shine::of(&glow);
        let mut next = 0;
        for (y, out) in image.as_mut().chunks_exact_mut(width * 3).enumerate() {
            while next <= (y + reach).min(height - 1) {
                let slot = next % band.len();
                convolve_row(frame, next, (&across, &mut padded), &mut band[slot]);
                next += 1;
            }
            let rows: Vec<&[f32]> = (0..down.len())
                .map(|k| &band[(y + k).saturating_sub(reach).min(height - 1) % band.len()][..])
                .collect();
            simd::weigh(&mut sums, &rows, &down);
            if self.bloom > 0.0 && glow.shines(y) {
                shine.add(&mut sums, (&glow, y, self.bloom));
            }
            finish.row(y, &sums, out);
        }
        image
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

fn convolve_row(frame: &Framebuffer, y: usize, (kernel, padded): (&[f32], &mut [f32]), out: &mut [f32]) {
    let (width, reach) = (frame.width, kernel.len() / 2);
    for (light, out) in frame.row(y).chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        // What is beyond white only glows; it does not ring when sharpened.
        simd::cut(&mut padded[reach..reach + width], light, 2.5);
        let (first, last) = (padded[reach], padded[reach + width - 1]);
        padded[..reach].fill(first);
        padded[reach + width..].fill(last);
        let shifted: Vec<&[f32]> = (0..kernel.len()).map(|k| &padded[k..]).collect();
        simd::weigh(out, &shifted, kernel);
    }
}

/// What turns blurred light into bytes, row by row.
struct Finish {
    height: usize,
    how: Mixing,
    curve: Vec<f32>,
    noise: Noise,
    /// Exposure and white balance by channel and column, vignette across included; and how much of it the vignette takes downwards.
    gain: Vec<f32>,
    fall: Vec<f32>,
    steps: Vec<u32>,
    tones: Vec<f32>,
    bytes: [Vec<u8>; 3],
}

impl Finish {
    fn new(sensor: &Sensor, (width, height): (usize, usize)) -> Self {
        let scale = (CURVE - 1) as f32 / WHITEST.sqrt();
        let balance = sensor.balance.map(|b| b * sensor.exposure * scale * scale);
        let middle = width as f32 / 2.0;
        let gain = |b: f32| {
            (0..width).map(move |x| {
                let dx = (x as f32 - middle) / middle;
                b * (1.0 - sensor.vignette * dx * dx * 0.5)
            })
        };
        let gain = balance.into_iter().flat_map(gain).collect();
        let fall = balance.into_iter().flat_map(|b| vec![b * sensor.vignette * 0.5; width]).collect();
        Self {
            height,
            how: Mixing {
                saturation: sensor.saturation,
                loud: sensor.noise * (1.0 / 48.0),
                soft: sensor.noise * (1.0 / 72.0),
            },
            curve: sensor.curve(),
            noise: Noise::new(sensor.salt),
            gain,
            fall,
            steps: vec![0; width * 3],
            tones: vec![0.0; width * 3],
            bytes: std::array::from_fn(|_| vec![0; width]),
        }
    }

    fn row(&mut self, y: usize, light: &[f32], out: &mut [u8]) {
        let middle = self.height as f32 / 2.0;
        let dy = (y as f32 - middle) / middle;
        simd::steps(&mut self.steps, light, [&self.gain, &self.fall], dy * dy, (CURVE - 1) as f32);
        let curve = &self.curve[..CURVE];
        for (step, tone) in self.steps.iter().zip(&mut self.tones) {
            // The mask says to the compiler what the steps are anyway: within the curve.
            *tone = curve[*step as usize & (CURVE - 1)];
        }
        let width = self.tones.len() / 3;
        let (r, rest) = self.tones.split_at(width);
        let (g, b) = rest.split_at(width);
        let grains = self.noise.row(y, width * 2);
        let bytes = self.bytes.each_mut().map(Vec::as_mut_slice);
        simd::mix(bytes, [r, g, b], [&grains[..width], &grains[width..]], self.how);
        let [r, g, b] = &self.bytes;
        for (out, ((&r, &g), &b)) in out.chunks_exact_mut(3).zip(r.iter().zip(g).zip(b)) {
            (out[0], out[1], out[2]) = (r, g, b);
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
    fn of(frame: &Framebuffer) -> Self {
        let (width, height) = (frame.width.div_ceil(SHRINK), frame.height.div_ceil(SHRINK));
        let mut light = vec![0.0_f32; width * height * 3];
        let mut sums = vec![0.0_f32; width * SHRINK];
        for (number, cells) in light.chunks_exact_mut(width * 3).enumerate() {
            for (c, cells) in cells.chunks_exact_mut(width).enumerate() {
                sums.fill(0.0);
                for y in number * SHRINK..((number + 1) * SHRINK).min(frame.height) {
                    simd::spill(&mut sums, &frame.row(y)[c * frame.width..(c + 1) * frame.width]);
                }
                for (cell, sums) in cells.iter_mut().zip(sums.chunks_exact(SHRINK)) {
                    *cell = sums.iter().sum::<f32>() * (1.0 / (SHRINK * SHRINK) as f32);
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
        let stride = self.width * 3;
        let mut old = vec![0.0_f32; stride.max(self.width + 2)];
        for row in self.light.chunks_exact_mut(self.width) {
            let last = row.len() + 1;
            (old[0], old[last]) = (row[0], row[last - 2]);
            old[1..last].copy_from_slice(row);
            for ((v, left), (middle, right)) in row.iter_mut().zip(&old).zip(old[1..].iter().zip(&old[2..])) {
                *v = 0.25 * (left + right) + 0.5 * middle;
            }
        }
        let mut above = self.light[..stride].to_vec();
        for y in 0..self.height {
            let (done, rest) = self.light.split_at_mut((y + 1) * stride);
            let row = &mut done[y * stride..];
            old[..stride].copy_from_slice(row);
            let below = if rest.is_empty() { &old[..stride] } else { &rest[..stride] };
            for ((v, above), (middle, below)) in row.iter_mut().zip(&above).zip(old.iter().zip(below)) {
                *v = 0.25 * (above + below) + 0.5 * middle;
            }
            above.copy_from_slice(&old[..stride]);
        }
    }

    /// Whether there is any spread light at a row of the photo.
    fn shines(&self, y: usize) -> bool {
        let near = (y / SHRINK).saturating_sub(1)..(y / SHRINK + 2).min(self.height);
        self.light[near.start * self.width * 3..near.end * self.width * 3].iter().any(|&v| v > 1e-3)
    }
}

/// Spread light of one row of the photo.
struct Shine {
    /// Between two rows of the glow.
    line: Vec<f32>,
    /// A channel of it, with its first and last cell twice.
    cells: Vec<f32>,
    /// From half a cell before the first pixel.
    wide: Vec<f32>,
}

impl Shine {
    fn of(glow: &Glow) -> Self {
        let room = |count: usize| vec![0.0; count];
        Self { line: room(glow.width * 3), cells: room(glow.width + 2), wide: room((glow.width + 1) * SHRINK) }
    }

    /// Adds so much of it to the light of row `y`.
    fn add(&mut self, light: &mut [f32], (glow, y, strength): (&Glow, usize, f32)) {
        let stride = glow.width * 3;
        let at = ((y as f32 + 0.5) / SHRINK as f32 - 0.5).clamp(0.0, (glow.height - 1) as f32);
        let first = at as usize;
        let fraction = at - first as f32;
        let row = |y: usize| &glow.light[y * stride..(y + 1) * stride];
        let rows = [row(first), row((first + 1).min(glow.height - 1))];
        simd::weigh(&mut self.line, &rows, &[1.0 - fraction, fraction]);
        let width = light.len() / 3;
        for (line, light) in self.line.chunks_exact(glow.width).zip(light.chunks_exact_mut(width)) {
            let last = line.len() + 1;
            (self.cells[0], self.cells[last]) = (line[0], line[last - 2]);
            self.cells[1..last].copy_from_slice(line);
            simd::widen(&mut self.wide, &self.cells);
            simd::add(light, &self.wide[SHRINK / 2..], strength);
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
