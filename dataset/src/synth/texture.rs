//! Artwork as a renderer wants it: bytes, in sizes halved again and again.

use super::canvas::Canvas;
use super::simd::{between, floor, nearest};

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
    texels: Vec<[u8; 4]>,
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
                [channel(r), channel(g), channel(b), byte(a)]
            })
            .collect();
        Self::of(Level { width: canvas.width, height: canvas.height, texels }, wrap)
    }

    /// From texels as described on the type.
    #[must_use]
    pub fn from_texels(width: usize, height: usize, texels: Vec<[u8; 4]>) -> Self {
        Self::of(Level { width, height, texels }, false)
    }

    fn of(first: Level, wrap: bool) -> Self {
        let mut levels = vec![first];
        while let Some(last) = levels.last().filter(|l| l.width >= 8 && l.height >= 8) {
            levels.push(last.halved());
        }
        Self { levels, wrap }
    }

    /// Width and height of the largest level.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.levels[0].width, self.levels[0].height)
    }

    /// The level for a picture in which `texels` of level 0 fall on a pixel. A little too sharp rather than too soft.
    #[inline]
    #[must_use]
    pub fn level(&self, texels: f32) -> usize {
        ((texels * 0.85).max(1.0).log2().round() as usize).min(self.levels.len() - 1)
    }

    /// Linear premultiplied RGBA at shares of width and height (`v` down), between the texels.
    #[inline]
    #[must_use]
    pub fn sample(&self, level: usize, u: f32, v: f32) -> [f32; 4] {
        decode(self.levels[level].mix(self.wrap, u, v))
    }

    /// [`Texture::sample`] at as many places as `mixed` (scratch space) and each of `out` are long.
    #[inline(always)]
    pub(super) fn sample_all(
        &self,
        level: usize,
        (u, v): (&[f32], &[f32]),
        mixed: &mut [u64],
        [red, green, blue, alpha]: [&mut [f32]; 4],
    ) {
        let level = &self.levels[level];
        for ((mixed, u), v) in mixed.iter_mut().zip(u).zip(v) {
            *mixed = level.mix(self.wrap, *u, *v);
        }
        for (mixed, (r, (g, (b, a)))) in
            mixed.iter().zip(red.iter_mut().zip(green.iter_mut().zip(blue.iter_mut().zip(alpha.iter_mut()))))
        {
            [*r, *g, *b, *a] = decode(*mixed);
        }
    }

    /// Mean linear colour of the opaque part.
    #[must_use]
    pub fn mean(&self) -> [f32; 3] {
        let last = &self.levels[self.levels.len() - 1];
        let mut sum = [0.0; 4];
        for texel in &last.texels {
            let t = texel.map(|v| f32::from(v) / 255.0);
            if t[3] > 0.0 {
                (0..3).for_each(|i| sum[i] += t[i] * t[i] / t[3]);
                sum[3] += t[3];
            }
        }
        [0, 1, 2].map(|i| if sum[3] > 0.0 { sum[i] / sum[3] } else { 0.5 })
    }
}

/// Premultiplied gamma 2 in lanes of 16 bits (r, b, g, a) as linear premultiplied light: colour = (c / a)^2 * a.
#[inline(always)]
fn decode(mixed: u64) -> [f32; 4] {
    let lane = |at: u32| (mixed >> (16 * at) & 0xffff) as u32 as i32 as f32 * (1.0 / 65_280.0);
    let (r, b, g, a) = (lane(0), lane(1), lane(2), lane(3));
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

impl Level {
    /// Between four texels: all four channels at once, 16 bits each, weights in 256ths.
    #[inline(always)]
    fn mix(&self, wrap: bool, u: f32, v: f32) -> u64 {
        let (w, h) = (self.width, self.height);
        let u = if wrap { u - floor(u) } else { u };
        // One more than the texel to the left and above, so that nothing is negative.
        let (x, ax) = between(u * w as f32 + 0.5, w as f32);
        let (y, ay) = between(v * h as f32 + 0.5, h as f32);
        let (x0, x1) = match (wrap, x) {
            (true, 0) => (w - 1, 0),
            (true, x) if x >= w => (w - 1, 0),
            (_, x) => (x.max(1) - 1, x.min(w - 1)),
        };
        let (y0, y1) = ((y.max(1) - 1) * w, y.min(h - 1) * w);
        let texel = |at: usize| {
            let bits = u32::from_le_bytes(self.texels[at]);
            u64::from(bits & 0x00ff_00ff) | u64::from(bits >> 8 & 0x00ff_00ff) << 32
        };
        let (ax, ay) = (nearest(ax * 256.0) as u64, nearest(ay * 256.0) as u64);
        let row = |y: usize| (texel(y + x0) * (256 - ax) + texel(y + x1) * ax) >> 8 & 0x00ff_00ff_00ff_00ff;
        row(y0) * (256 - ay) + row(y1) * ay
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut texels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let at = |dx: usize, dy: usize| self.texels[(2 * y + dy) * self.width + 2 * x + dx].map(u32::from);
                let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
                texels.push(std::array::from_fn(|i| ((a[i] + b[i] + c[i] + d[i] + 2) / 4) as u8));
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
