//! Cartons and packs: boxes with printed faces, some with a gable roof.

use super::camera::{Camera, Vec3, along};
use super::color::{Rgb, scale, times};
use super::framebuffer::{Footprint, Framebuffer};
use super::light::{Gloss, Light};
use super::quad::{self, Quad, Stroke};
use super::rasterizer::Stand;
use super::simd::between;
use super::texture::Texture;

/// A box with printed faces. Millimetres.
#[derive(Debug, Clone)]
pub struct Carton {
    /// Width, height without roof, depth.
    pub size: Vec3,
    /// Height of a gable roof with its fin; 0 for a flat top.
    pub gable: f32,
    /// Linear colour of roof, cap or top.
    pub roof: Rgb,
    /// Radius of a screw cap on the roof; 0 for none.
    pub cap: f32,
    /// Front.
    pub front: Texture,
    /// Sides.
    pub side: Texture,
    /// Strength of the shine: shrink wrap has 2.
    pub shine: f32,
}

impl Carton {
    /// Height with the roof.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.size[1] + self.gable
    }
}

/// Draws a carton and tells what is seen of it.
pub fn draw(
    frame: &mut Framebuffer,
    camera: &Camera,
    light: &Light,
    carton: &Carton,
    (stand, id): (Stand, u16),
) -> Footprint {
    let mut print = Footprint::default();
    let [w, h, d] = carton.size;
    let (sin, cos) = (stand.turn * std::f32::consts::TAU).sin_cos();
    let (lean_sin, lean_cos) = stand.lean.sin_cos();
    // Right, up and out of the carton itself.
    let right = [cos * lean_cos, -lean_sin, -sin * lean_cos];
    let up = [lean_sin * cos, lean_cos, -lean_sin * sin];
    let out = [sin, 0.0, cos];
    let base = stand.base;
    let at = |a: f32, b: f32, c: f32| along(along(along(base, right, a), up, b), out, c);
    let view = |p: Vec3, n: Vec3| (0..3).map(|i| (camera.eye[i] - p[i]) * n[i]).sum::<f32>() > 0.0;
    let distance = (camera.eye[2] - base[2]).hypot(camera.eye[0] - base[0]).max(50.0);
    let level_of = |t: &Texture, mm: f32| t.level(t.size().1 as f32 / mm * distance / camera.focal);
    let (front_level, side_level) = (level_of(&carton.front, h), level_of(&carton.side, h));
    let vector = |v: Vec3, k: f32| v.map(|x| x * k);
    let fin = if carton.gable > 0.0 { carton.gable * 0.3 } else { 0.0 };
    let slope_up = carton.gable - fin;
    let lit = |y: f32, z: f32, normal: Vec3, ink: Rgb, edge: f32| {
        let level = light.reach(stand.headroom - y, stand.depth - z) * stand.tone;
        let matt = light.matt(normal[0], normal[1], normal[2]) * level;
        let coat = carton.shine * 0.035 * light.mirror(Gloss::Satin, normal[0], normal[1] - 0.1) * (0.4 + 0.6 * level);
        let color: Rgb = std::array::from_fn(|i| ink[i] * matt * edge + coat);
        times(color, light.tint)
    };
    // Board creases and corners catch a little less light.
    let crease = |a: f32, b: f32| {
        1.0 - 0.18 * ((1.0 - (a.min(1.0 - a) * 26.0).min(1.0)) + (1.0 - (b.min(1.0 - b) * 40.0).min(1.0))).min(1.0)
    };
    let bulge = |a: f32| (a - 0.5) * 0.18;
    if view(at(0.0, h / 2.0, d / 2.0), out) {
        let quad = Quad { origin: at(-w / 2.0, 0.0, d / 2.0), side_a: vector(right, w), side_b: vector(up, h) };
        // Most of what is seen: its light changes upwards alone, what it mirrors sideways alone.
        let levels = Slope::new(frame, |b| light.reach(stand.headroom - h * b, stand.depth - d / 2.0) * stand.tone);
        let shine = carton.shine * 0.035;
        let mirrored = Slope::new(frame, |a| shine * light.mirror(Gloss::Satin, out[0] + bulge(a), -0.08));
        quad::draw(frame, camera, &quad, Stroke { grow: 0.0, item: Some((id, &mut print)) }, |a, b| {
            let [r, g, bl, _] = carton.front.sample(front_level, a, 1.0 - b);
            let level = levels.at(b);
            let matt = light.matt(out[0] + bulge(a), 0.02, out[2]) * level * crease(a, b);
            let coat = mirrored.at(a) * (0.4 + 0.6 * level);
            times([r * matt + coat, g * matt + coat, bl * matt + coat], light.tint)
        });
    }
    let mut face = |quad: Quad, grow: f32, shade: &mut dyn FnMut(f32, f32) -> Rgb| {
        quad::draw(frame, camera, &quad, Stroke { grow, item: Some((id, &mut print)) }, shade);
    };
    for side in [-1.0_f32, 1.0] {
        let normal = vector(right, side);
        if view(at(side * w / 2.0, h / 2.0, 0.0), normal) {
            let quad =
                Quad { origin: at(side * w / 2.0, 0.0, d / 2.0), side_a: vector(out, -d), side_b: vector(up, h) };
            let gap = if side < 0.0 { stand.gaps.0 } else { stand.gaps.1 };
            let narrow = 1.0 - 0.6 / (1.0 + gap.max(0.0) / 25.0);
            face(quad, 0.5, &mut |a, b| {
                let [r, g, bl, _] = carton.side.sample(side_level, if side > 0.0 { a } else { 1.0 - a }, 1.0 - b);
                let color = lit(h * b, d * (0.5 - a), [normal[0] * 0.9, 0.0, 0.35], [r, g, bl], crease(a, b));
                scale(color, narrow)
            });
        }
    }
    if carton.gable > 0.0 {
        let roof = carton.roof;
        // The fin stands upright along the ridge; the roof slopes from the front edge up to it.
        let quad = Quad { origin: at(-w / 2.0, h + slope_up, 0.0), side_a: vector(right, w), side_b: vector(up, fin) };
        face(quad, 0.3, &mut |a, b| {
            let band = if (0.25..0.75).contains(&b) { 0.9 } else { 1.0 };
            lit(h + slope_up, 0.0, [out[0], 0.1, out[2]], scale(roof, band), crease(a, 0.5))
        });
        let rise: Vec3 = std::array::from_fn(|i| up[i] * slope_up - out[i] * d / 2.0);
        let quad = Quad { origin: at(-w / 2.0, h, d / 2.0), side_a: vector(right, w), side_b: rise };
        let (ny, nz) = (d / 2.0 / slope_up.hypot(d / 2.0), slope_up / slope_up.hypot(d / 2.0));
        face(quad, 0.4, &mut |a, b| {
            // Folded in at the sides: a darker triangle.
            let fold = (a.min(1.0 - a) * w) < (b * d * 0.22);
            let near_cap = carton.cap > 0.0 && {
                let (x, y) = ((a - 0.5) * w / carton.cap, (b - 0.5) * slope_up.hypot(d / 2.0) / carton.cap);
                x * x + y * y < 1.0
            };
            let ink = if near_cap { [0.72, 0.72, 0.72] } else { roof };
            lit(h + slope_up * b, d / 2.0 * (1.0 - b), [out[0], ny, nz], ink, if fold { 0.72 } else { crease(a, b) })
        });
    } else if camera.eye[1] > base[1] + h {
        let quad = Quad { origin: at(-w / 2.0, h, d / 2.0), side_a: vector(right, w), side_b: vector(out, -d) };
        let roof = carton.roof;
        let printed = carton.shine > 1.5;
        face(quad, 0.5, &mut |a, b| {
            let ink = if printed {
                let [r, g, bl, _] = carton.front.sample(front_level, a, 1.0 - b);
                [r, g, bl]
            } else {
                roof
            };
            lit(h, d * (0.5 - b), [0.0, 0.8, 0.25], ink, crease(a, b))
        });
    }
    print
}

/// What changes slowly from 0 to 1.
struct Slope([f32; SLOPE + 1]);

const SLOPE: usize = 64;

impl Slope {
    /// Of a sketch nobody asks.
    fn new(frame: &Framebuffer, value: impl Fn(f32) -> f32) -> Self {
        Self(std::array::from_fn(|k| if frame.sketch { 0.0 } else { value(k as f32 / SLOPE as f32) }))
    }

    #[inline]
    fn at(&self, v: f32) -> f32 {
        let (step, fraction) = between(v * SLOPE as f32, SLOPE as f32 - 0.001);
        let step = step.min(SLOPE - 1);
        self.0[step] + (self.0[step + 1] - self.0[step]) * fraction
    }
}
