//! Draws instances cut out of real images: upright, facing the camera, turned a little like the round things they are, in
//! the light of their place.

use std::f32::consts::{FRAC_PI_2, TAU};

use super::camera::{Camera, along};
use super::color::{Rgb, smoothstep};
use super::framebuffer::{Footprint, Framebuffer};
use super::light::Light;
use super::quad::{self, Quad};
use super::rasterizer::Stand;
use super::texture::Texture;

/// A cut-out of a real image.
#[derive(Debug, Clone)]
pub struct Cutout {
    /// Linear RGBA, transparent outside the outline.
    pub texture: Texture,
    /// Width and height in millimetres.
    pub size: (f32, f32),
    /// Half the outline's width in each row from above, as a fraction of half the texture's width.
    pub half: Vec<f32>,
}

impl Cutout {
    /// Width, height and depth in millimetres.
    #[must_use]
    pub fn extent(&self) -> [f32; 3] {
        [self.size.0, self.size.1, self.size.0.min(95.0)]
    }
}

/// Maximum turn of a cut-out about its axis, in radians: what was not photographed cannot be shown.
const TURN: f32 = 0.3;

/// Draws a cut-out and tells what is seen of it.
pub fn draw(
    frame: &mut Framebuffer,
    camera: &Camera,
    light: &Light,
    cutout: &Cutout,
    (stand, id): (Stand, u16),
) -> Footprint {
    let mut print = Footprint::default();
    let [w, h, depth] = cutout.extent();
    let toward = [camera.eye[0] - stand.base[0], camera.eye[2] - stand.base[2]];
    let ground = toward[0].hypot(toward[1]).max(1.0);
    let sideways = [toward[1] / ground, 0.0, -toward[0] / ground];
    // What is seen is the front of it: that touches the board before its axis does.
    let base = along(stand.base, [toward[0] / ground, 0.0, toward[1] / ground], depth * 0.36);
    let (sin, cos) = stand.lean.sin_cos();
    let right = along(sideways.map(|v| v * cos), [0.0, 1.0, 0.0], -sin).map(|v| v * w);
    let up = along([0.0, cos, 0.0], sideways, sin).map(|v| v * h);
    let quad = Quad { origin: along(base, right, -0.5), side_a: right, side_b: up };
    let texture = &cutout.texture;
    let level = texture.level(texture.size().1 as f32 / h * ground / camera.focal);
    let turn = (stand.turn * TAU).clamp(-TURN, TURN);
    let rows = cutout.half.len();
    // It was photographed in even light; here its neighbours and the board take some of that away.
    let crowding = |u: f32| {
        let gap = if u < 0.0 { stand.gaps.0 } else { stand.gaps.1 };
        1.0 - 0.5 / (1.0 + gap.max(0.0) / 22.0) * smoothstep(0.5, 1.02, u.abs())
    };
    quad::draw_cut(frame, camera, &quad, (id, &mut print), |a, b| {
        let v = 1.0 - b;
        let half = cutout.half[((v * rows as f32) as usize).min(rows - 1)].max(0.02);
        let across = (2.0 * a - 1.0) / half;
        // Round the axis: what is seen at one side comes to the other.
        let turned = if turn != 0.0 && across.abs() < 1.0 {
            (across.asin() + turn).clamp(-FRAC_PI_2, FRAC_PI_2).sin()
        } else {
            across
        };
        let own = texture.sample(level, a, v);
        let alpha = own[3];
        // The image is soft at its edge: what comes from there is taken from just within.
        let [r, g, bl, ink] = texture.sample(level, f32::midpoint(1.0, turned.clamp(-0.97, 0.97) * half), v);
        let [r, g, bl] = if ink > 0.05 { [r, g, bl].map(|c| c / ink) } else { [own[0], own[1], own[2]] };
        let foot = 0.62 + 0.38 * smoothstep(0.0, 9.0, b * h);
        let matt =
            light.reach(stand.headroom - b * h, stand.depth - depth * 0.5) * stand.tone * foot * crowding(across);
        let color: Rgb = std::array::from_fn(|i| [r, g, bl][i] * matt * light.tint[i] * 1.05);
        (alpha, color)
    });
    print
}
