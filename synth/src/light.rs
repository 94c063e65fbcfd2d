//! The light of a shop: tubes at the ceiling of the aisle, the shelf opposite, the floor; and how much of it gets where.

use super::color::{Rgb, smoothstep};
use super::rng::Rng;
use super::simd::{Scratch, between};

/// How rough a surface is, by the reflection it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gloss {
    /// Glass, bare metal.
    Mirror,
    /// Plastic, printed metal.
    Satin,
    /// Paper, board.
    Matt,
}

const SIDE: usize = 96;

/// Reflected light, row by row of the normal's `y`.
type Mirror = [f32; SIDE * SIDE];

/// The light of one photo. Radiance is linear; a white sheet at the front of a shelf is about 0.8.
#[derive(Debug, Clone)]
pub struct Light {
    /// Reflected light by the normal's `(x, y)`, for the three roughnesses.
    mirrors: [Box<Mirror>; 3],
    /// Colour of the lamps.
    pub tint: Rgb,
    /// Fraction of light that reaches shaded corners.
    pub ambient: f32,
    direct: f32,
    /// Elevations between which the lamps hang, as seen from the shelf: tangents of the angles.
    lamps: (f32, f32),
    /// Lamps more to the left (-) or right (+).
    skew: f32,
    /// Light strips under the boards, as drinks shelves have them.
    pub strips: f32,
}

/// A lamp or window as a patch on the sphere of directions: azimuth, elevation, half width, half height, radiance, softness.
struct Patch {
    az: f32,
    el: f32,
    wide: f32,
    high: f32,
    radiance: f32,
    soft: f32,
}

impl Light {
    /// Some shop's light.
    #[must_use]
    pub fn sample(rng: &mut Rng) -> Self {
        let mut patches = Vec::new();
        let tubes = rng.int(2, 4);
        let offset = rng.range(-0.5, 0.5);
        for k in 0..tubes {
            // Rows of tubes that run away from the viewer: upright strips in the reflection, and their shine on the floor.
            let az = offset + (k as f32 - (tubes - 1) as f32 / 2.0) * rng.range(0.8, 1.3);
            let wide = rng.range(0.03, 0.10);
            let radiance = rng.range(7.0, 16.0);
            patches.push(Patch { az, el: 1.0, wide, high: rng.range(0.4, 0.7), radiance, soft: 0.06 });
            patches.push(Patch { az, el: -0.45, wide: wide * 2.5, high: 0.45, radiance: radiance * 0.16, soft: 0.22 });
        }
        for _ in 0..rng.int(1, 3) {
            let radiance = rng.range(1.5, 7.0);
            let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
            patches.push(Patch {
                az: side * rng.range(0.7, 2.2),
                el: rng.range(-0.1, 0.35),
                wide: rng.range(0.06, 0.25),
                high: rng.range(0.3, 0.8),
                radiance,
                soft: rng.range(0.04, 0.2),
            });
        }
        let phases = [rng.range(0.0, 6.0), rng.range(0.0, 6.0), rng.range(0.0, 6.0)];
        let mirrors = [0.0, 0.16, 0.7].map(|blur| reflection(&patches, phases, blur));
        let warm = rng.normal(0.05).clamp(-0.1, 0.12);
        Self {
            mirrors,
            tint: [1.0 + warm, 1.0 + 0.01 * rng.normal(1.0), 1.0 - warm],
            ambient: rng.range(0.16, 0.34),
            direct: rng.range(0.72, 0.95),
            lamps: (rng.range(0.35, 0.8), rng.range(1.8, 3.6)),
            skew: rng.normal(0.12),
            strips: if rng.chance(0.2) { rng.range(0.2, 0.6) } else { 0.0 },
        }
    }

    /// What a surface with this normal reflects to the viewer.
    #[inline]
    #[must_use]
    pub fn mirror(&self, gloss: Gloss, nx: f32, ny: f32) -> f32 {
        look(&self.mirrors[gloss as usize], nx, ny)
    }

    /// [`Light::mirror`] for as many normals as `out` is long.
    #[inline(always)]
    pub(super) fn mirror_all(&self, gloss: Gloss, (nx, ny): (&[f32], &[f32]), scratch: &mut Scratch, out: &mut [f32]) {
        let mirror = &*self.mirrors[gloss as usize];
        let (count, at) = (out.len(), &mut scratch.places[0][..out.len()]);
        let (nx, ny) = (&nx[..count], &ny[..count]);
        let [across, down, a, b, c, d] = scratch.lanes.each_mut().map(|lane| &mut lane[..count]);
        for i in 0..count {
            let ((x, ax), (y, ay)) = (place(nx[i]), place(ny[i]));
            at[i] = (y as u32 * SIDE as u32 + x as u32).min((SIDE * SIDE - SIDE - 2) as u32);
            (across[i], down[i]) = (ax, ay);
        }
        for i in 0..count {
            let at = (at[i] as usize).min(SIDE * SIDE - SIDE - 2);
            (a[i], b[i], c[i], d[i]) = (mirror[at], mirror[at + 1], mirror[at + SIDE], mirror[at + SIDE + 1]);
        }
        for i in 0..count {
            out[i] = mean([a[i], b[i], c[i], d[i]], (across[i], down[i]));
        }
    }

    /// Light on a matt surface with this normal, before what stands in its way.
    #[inline(always)]
    #[must_use]
    pub fn matt(&self, nx: f32, ny: f32, nz: f32) -> f32 {
        let lit = 0.52 * nz.max(0.0) + 0.62 * ny.max(0.0) + self.skew * nx;
        0.30 + 0.05 * ny + lit.max(0.0)
    }

    /// Fraction of the lamps' light that reaches a point `depth` behind the shelf's front edge and `gap` below the board above
    /// it, with the ambient light.
    #[inline]
    #[must_use]
    pub fn reach(&self, gap: f32, depth: f32) -> f32 {
        // The board above hides every lamp higher than gap / depth.
        let open = gap.max(0.0) / depth.max(1.0);
        let fraction = smoothstep(self.lamps.0 * 0.6, self.lamps.1, open);
        let cave = 1.0 / (1.0 + (depth.max(0.0) / 340.0).powi(2));
        let strip = self.strips / (1.0 + gap.max(0.0) / 120.0);
        self.ambient * cave + self.direct * fraction * (0.45 + 0.55 * cave) + strip
    }
}

/// Cell of a part of the normal, and the fraction of the way to the next one.
#[inline(always)]
fn place(v: f32) -> (usize, f32) {
    between((v + 1.0) * (SIDE as f32 / 2.0) - 0.5, (SIDE - 2) as f32)
}

/// Between four cells: upper left, upper right, lower left, lower right.
#[inline(always)]
fn mean([a, b, c, d]: [f32; 4], (ax, ay): (f32, f32)) -> f32 {
    let (low, high) = (a + (b - a) * ax, c + (d - c) * ax);
    low + (high - low) * ay
}

#[inline(always)]
fn look(mirror: &Mirror, nx: f32, ny: f32) -> f32 {
    let ((x, ax), (y, ay)) = (place(nx), place(ny));
    let at = (y * SIDE + x).min(SIDE * SIDE - SIDE - 2);
    mean([mirror[at], mirror[at + 1], mirror[at + SIDE], mirror[at + SIDE + 1]], (ax, ay))
}

/// What normals reflect, row by row of the normal's `y`. Everything in it is a product of something sideways and something
/// upright, so the costly parts are worked out once a column and once a row.
fn reflection(patches: &[Patch], phases: [f32; 3], blur: f32) -> Box<Mirror> {
    // A normal turned by a reflects what lies at 2a.
    let angle = |cell: usize| 2.0 * ((cell as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0).clamp(-0.999, 0.999).asin();
    let soft = 0.18 + blur;
    let mut mirror = Box::new([0.0; SIDE * SIDE]);
    let shelf: Vec<(f32, f32)> = (0..SIDE)
        .map(|x| (0.10 * (angle(x) * 5.0 + phases[0]).sin(), 0.34 + 0.05 * (angle(x) * 17.0 + phases[2]).sin()))
        .collect();
    for y in 0..SIDE {
        let el = angle(y);
        let wave = (el * 14.0 + phases[1]).cos();
        let floor = 0.30 + 0.10 * smoothstep(-0.3, -1.2, el);
        let (low, high) = (smoothstep(-0.28 + soft, -0.28 - soft, el), smoothstep(0.42 - soft, 0.42 + soft, el));
        for (cell, (swing, base)) in mirror[y * SIDE..(y + 1) * SIDE].iter_mut().zip(&shelf) {
            let opposite = base + swing * wave;
            *cell = opposite + (floor - opposite) * low + (0.75 - opposite) * high;
        }
    }
    for p in patches {
        let soft = p.soft + blur;
        let edge = |distance: f32| smoothstep(1.0, -1.0, distance / soft);
        // A blurred patch is wider and dimmer: its light is spread, not added.
        let radiance = p.radiance * (p.wide / (p.wide + blur)) * (p.high / (p.high + blur));
        let across: Vec<f32> = (0..SIDE).map(|x| radiance * edge((angle(x) - p.az).abs() - p.wide)).collect();
        for y in 0..SIDE {
            let up = edge((angle(y) - p.el).abs() - p.high);
            if up > 0.0 {
                for (cell, across) in mirror[y * SIDE..(y + 1) * SIDE].iter_mut().zip(&across) {
                    *cell += across * up;
                }
            }
        }
    }
    mirror
}
