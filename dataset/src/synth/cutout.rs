//! Draws instances cut out of real pictures: flat, upright, facing the camera, in the light of their place.

use super::camera::{Camera, along};
use super::color::Rgb;
use super::film::{Film, Footprint};
use super::lathe::Stand;
use super::light::Light;
use super::quad::{self, Quad};
use super::texture::Texture;

/// Draws a cut-out of this size in millimetres and tells what is seen of it.
pub fn draw(
    film: &mut Film,
    camera: &Camera,
    light: &Light,
    (texture, (w, h)): (&Texture, (f32, f32)),
    (stand, id): (Stand, u16),
) -> Footprint {
    let mut print = Footprint::default();
    let base = stand.base;
    let toward = [camera.eye[0] - base[0], camera.eye[2] - base[2]];
    let ground = toward[0].hypot(toward[1]).max(1.0);
    let sideways = [toward[1] / ground, 0.0, -toward[0] / ground];
    let (sin, cos) = stand.lean.sin_cos();
    let right = along(sideways.map(|v| v * cos), [0.0, 1.0, 0.0], -sin).map(|v| v * w);
    let up = along([0.0, cos, 0.0], sideways, sin).map(|v| v * h);
    let quad = Quad { origin: along(base, right, -0.5), side_a: right, side_b: up };
    let level = texture.level(texture.size().1 as f32 / h * ground / camera.focal);
    quad::draw_cut(film, camera, &quad, (id, &mut print), |a, b| {
        let [r, g, bl, alpha] = texture.sample(level, a, 1.0 - b);
        let matt = light.reach(stand.headroom - b * h, stand.depth - w * 0.4) * stand.tone;
        let color: Rgb = std::array::from_fn(|i| [r, g, bl][i] / alpha.max(1e-3) * matt * light.tint[i] * 1.05);
        (alpha, color)
    });
    print
}
