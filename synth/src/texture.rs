//! Artwork as a renderer wants it: bytes, in sizes halved again and again.

use super::canvas::Canvas;
use super::simd::{Scratch, between, floor, nearest};

/// Premultiplied RGBA in a gamma of 2, so that squaring gives linear light; level 0 is the largest.
#[derive(Debug, Clone)]
pub struct Texture {
    levels: Vec<Level>,
    wrap: bool,
}

#[derive(Debug, Clone)]
struct Level {
    width: usize,
    height: usize,
    /// Red in the lowest byte, then green, blue, alpha.
    texels: Vec<u32>,
}

impl Texture {
    /// From a canvas. With `wrap`, the right edge meets the left one.
    #[must_use]
    pub fn new(canvas: &Canvas, wrap: bool) -> Self {
        let texels = (0..canvas.height * canvas.width)
            .map(|i| {
                let [r, g, b, a] = canvas.at(i % canvas.width, i / canvas.width);
                let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
                // sRGB to gamma 2: v^2.2 = (v^1.1)^2.
                // Printed colours are duller than those of a screen.
                let grey = 0.3 * r + 0.59 * g + 0.11 * b;
                let channel = |v: f32| {
                    let ink = grey + (v - grey) * 0.86;
                    if a > 0.0 { byte((ink * 0.93 / a).clamp(0.0, 1.0).powf(1.1) * a) } else { 0 }
                };
                u32::from_le_bytes([channel(r), channel(g), channel(b), byte(a)])
            })
            .collect();
        Self::of(Level { width: canvas.width, height: canvas.height, texels }, wrap)
    }

    /// From texels as described on the type.
    #[must_use]
    pub fn from_texels(width: usize, height: usize, texels: Vec<[u8; 4]>) -> Self {
        let texels = texels.into_iter().map(u32::from_le_bytes).collect();
        Self::of(Level { width, height, texels }, false)
    }

    fn of(first: Level, wrap: bool) -> Self {
        let mut levels = vec![first];
        while let Some(last) = levels.last().filter(|l| l.width >= 8 && l.height >= 8) {
            levels.push(last.downsampled());
        }
        Self { levels, wrap }
    }

    /// Width and height of the largest level.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.levels[0].width, self.levels[0].height)
    }

    /// The level for an image in which `texels` of level 0 fall on a pixel. A little too sharp rather than too soft.
    #[inline]
    #[must_use]
    pub fn level(&self, texels: f32) -> usize {
        ((texels * 0.85).max(1.0).log2().round() as usize).min(self.levels.len() - 1)
    }

    /// Linear premultiplied RGBA at fractions of width and height (`v` down), between the texels.
    #[inline]
    #[must_use]
    pub fn sample(&self, level: usize, u: f32, v: f32) -> [f32; 4] {
        let level = &self.levels[level];
        decode(level.look(&level.grid(self.wrap), u, v))
    }

    /// [`Texture::sample`] at as many places as each of `out` is long.
    #[inline(always)]
    pub(super) fn sample_all(
        &self,
        level: usize,
        (u, v): (&[f32], &[f32]),
        scratch: &mut Scratch,
        [red, green, blue, alpha]: [&mut [f32]; 4],
    ) {
        let level = &self.levels[level];
        let grid = level.grid(self.wrap);
        let count = red.len();
        let (u, v, green, blue, alpha) =
            (&u[..count], &v[..count], &mut green[..count], &mut blue[..count], &mut alpha[..count]);
        let [a, b, c, d, ax, ay] = scratch.places.each_mut().map(|lane| &mut lane[..count]);
        for i in 0..count {
            [a[i], b[i], c[i], d[i], ax[i], ay[i]] = grid.place(u[i], v[i]);
        }
        for i in 0..count {
            (a[i], b[i]) = (level.texels[a[i] as usize], level.texels[b[i] as usize]);
            (c[i], d[i]) = (level.texels[c[i] as usize], level.texels[d[i] as usize]);
        }
        for i in 0..count {
            [red[i], green[i], blue[i], alpha[i]] = decode(mix([a[i], b[i], c[i], d[i]], (ax[i], ay[i])));
        }
    }

    /// Mean linear colour of the opaque part.
    #[must_use]
    pub fn mean(&self) -> [f32; 3] {
        let last = &self.levels[self.levels.len() - 1];
        let mut sum = [0.0; 4];
        for texel in &last.texels {
            let t = texel.to_le_bytes().map(|v| f32::from(v) / 255.0);
            if t[3] > 0.0 {
                (0..3).for_each(|i| sum[i] += t[i] * t[i] / t[3]);
                sum[3] += t[3];
            }
        }
        [0, 1, 2].map(|i| if sum[3] > 0.0 { sum[i] / sum[3] } else { 0.5 })
    }
}

/// Between four texels: two and two channels at once, 16 bits each, weights in 256ths.
#[inline(always)]
fn mix(texels: [u32; 4], (ax, ay): (u32, u32)) -> [u32; 2] {
    [0, 8].map(|shift| {
        let [a, b, c, d] = texels.map(|texel| texel >> shift & 0x00ff_00ff);
        let row = |a: u32, b: u32| (a * (256 - ax) + b * ax) >> 8 & 0x00ff_00ff;
        row(a, b) * (256 - ay) + row(c, d) * ay
    })
}

/// Premultiplied gamma 2 in 16 bits each (red and blue, green and alpha) as linear premultiplied light:
/// colour = (c / a)^2 * a.
#[inline(always)]
fn decode([even, odd]: [u32; 2]) -> [f32; 4] {
    let number = |bits: u32| bits as i32 as f32 * (1.0 / 65_280.0);
    let (r, b, g, a) = (number(even & 0xffff), number(even >> 16), number(odd & 0xffff), number(odd >> 16));
    let full = a > 0.9999;
    let over = if full {
        1.0
    } else if a > 1e-3 {
        1.0 / a
    } else {
        0.0
    };
    [r * r * over, g * g * over, b * b * over, if full { 1.0 } else { a }]
}

/// How places fall on the texels of a level.
struct Grid {
    wrap: bool,
    width: u32,
    height: u32,
    /// The column left of the first one, and the one right of the last.
    beside: (u32, u32),
}

impl Grid {
    /// The four texels around a place, row by row, and the fractions of the way between them, in 256ths.
    #[inline(always)]
    fn place(&self, u: f32, v: f32) -> [u32; 6] {
        let (w, h) = (self.width, self.height);
        let u = if self.wrap { u - floor(u) } else { u };
        // One more than the texel to the left and above, so that nothing is negative.
        let (x, ax) = between(u * w as i32 as f32 + 0.5, w as i32 as f32);
        let (y, ay) = between(v * h as i32 as f32 + 0.5, h as i32 as f32);
        let (x, y) = (x as u32, y as u32);
        let x0 = if x == 0 { self.beside.0 } else { x - 1 };
        let x1 = if x >= w { self.beside.1 } else { x };
        let (y0, y1) = ((y.max(1) - 1) * w, y.min(h - 1) * w);
        [y0 + x0, y0 + x1, y1 + x0, y1 + x1, nearest(ax * 256.0) as u32, nearest(ay * 256.0) as u32]
    }
}

impl Level {
    #[inline(always)]
    fn grid(&self, wrap: bool) -> Grid {
        let (width, height) = (self.width as u32, self.height as u32);
        Grid { wrap, width, height, beside: if wrap { (width - 1, 0) } else { (0, width - 1) } }
    }

    #[inline(always)]
    fn look(&self, grid: &Grid, u: f32, v: f32) -> [u32; 2] {
        let [a, b, c, d, ax, ay] = grid.place(u, v);
        mix([a, b, c, d].map(|at| self.texels[at as usize]), (ax, ay))
    }

    fn downsampled(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut texels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let at = |dx: usize, dy: usize| {
                    self.texels[(2 * y + dy) * self.width + 2 * x + dx].to_le_bytes().map(u32::from)
                };
                let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
                let mean = std::array::from_fn(|i| ((a[i] + b[i] + c[i] + d[i] + 2) / 4) as u8);
                texels.push(u32::from_le_bytes(mean));
            }
        }
        Self { width, height, texels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_round_meets_itself() {
        let mut canvas = Canvas::new(40, 16);
        canvas.clear([0.2, 0.2, 0.2]);
        canvas.rect([0.0, 0.0, 20.0, 16.0], 0.0, [0.9, 0.9, 0.9]);
        let texture = Texture::new(&canvas, true);
        let at = |u: f32| texture.sample(0, u, 0.5)[0];
        for u in [-1.3, -0.75, -0.004, -1e-6, 0.0, 0.2, 0.999_999, 1.0, 1.25, 2.6] {
            assert!((at(u) - at(u.rem_euclid(1.0))).abs() < 0.02, "{u}");
        }
        // Half way over the seam.
        assert!((at(0.0) - f32::midpoint(at(0.25), at(0.75))).abs() < 0.15);
        assert!((-4000..4000).all(|k| (0.0..=1.0).contains(&at(k as f32 * 0.0011))));
    }

    #[test]
    fn colours_come_back_as_linear_light() {
        let mut canvas = Canvas::new(32, 16);
        canvas.clear([0.5, 1.0, 0.0]);
        let texture = Texture::new(&canvas, true);
        for level in 0..2 {
            let [r, g, b, a] = texture.sample(level, 0.3, 0.7);
            assert!((r - 0.19).abs() < 0.03 && (g - 0.8).abs() < 0.05 && b < 0.01 && a > 0.99);
        }
    }
}
