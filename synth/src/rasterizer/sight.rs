//! What stays the same while one container is drawn.

use std::f32::consts::TAU;

use super::super::camera::Camera;
use super::super::container::{Container, Surface};
use super::super::light::Light;
use super::super::simd::between;
use super::Stand;

/// Everything that stays the same while one container is drawn.
pub(super) struct Sight<'a> {
    pub(super) container: &'a Container,
    pub(super) light: &'a Light,
    /// Height of the eye over the base, and its distance from the axis.
    pub(super) eye: (f32, f32),
    /// One by that distance.
    pub(super) per_distance: f32,
    /// Turn of the artwork as seen from the eye.
    pub(super) turn: f32,
    /// Texture level per zone.
    pub(super) details: [usize; 8],
    /// Light by height, [`LEVELS`] steps.
    levels: [f32; LEVELS + 1],
    /// Steps of `levels` a millimetre.
    levels_per_mm: f32,
    /// How much light the neighbours left and right take.
    pub(super) taken: [f32; 2],
    /// Light behind, for what is seen through glass.
    pub(super) behind: f32,
    /// Pixels a millimetre.
    pub(super) scale: f32,
}

/// Steps of height between which light is linear.
const LEVELS: usize = 32;

impl<'a> Sight<'a> {
    /// `None` from so near that nothing could be drawn.
    pub(super) fn new(camera: &Camera, light: &'a Light, container: &'a Container, stand: &Stand) -> Option<Self> {
        let toward = [camera.eye[0] - stand.base[0], camera.eye[2] - stand.base[2]];
        let distance = toward[0].hypot(toward[1]);
        if !(distance > 50.0) {
            return None;
        }
        let azimuth = toward[0].atan2(toward[1]) / TAU;
        let profile = &container.profile;
        let mut details = [0; 8];
        for (detail, zone) in details.iter_mut().zip(&container.zones) {
            if let Surface::Print { art, .. } = &zone.surface {
                let per_mm = art.size().1 as f32 / (zone.high - zone.low);
                *detail = art.level(per_mm * distance / camera.focal);
            }
        }
        let levels = std::array::from_fn(|k| {
            let h = profile.height * k as f32 / LEVELS as f32;
            let front = stand.depth - profile.radius_at(h) * container.section.flatness();
            light.reach(stand.headroom - h, front) * stand.tone
        });
        let behind = light.reach(stand.headroom - profile.height * 0.5, stand.depth + profile.widest * 3.0);
        Some(Self {
            container,
            light,
            eye: (camera.eye[1] - stand.base[1], distance),
            per_distance: 1.0 / distance,
            // Round bodies do not turn with the eye; square ones stand square to the aisle and show a little of their side.
            turn: 0.5 + stand.turn + azimuth,
            details,
            levels,
            levels_per_mm: LEVELS as f32 / profile.height,
            taken: [stand.gaps.0, stand.gaps.1].map(|gap| 0.62 / (1.0 + gap.max(0.0) / 22.0)),
            behind,
            scale: camera.focal / distance,
        })
    }

    /// Light at a height.
    #[inline(always)]
    pub(super) fn level(&self, y: f32) -> f32 {
        let (step, fraction) = self.step(y);
        self.between(step, fraction)
    }

    /// The step of the light's table below a height, and the fraction of the way to the next one.
    #[inline(always)]
    pub(super) fn step(&self, y: f32) -> (u32, f32) {
        let (step, fraction) = between(y * self.levels_per_mm, LEVELS as f32 - 0.001);
        (step as u32, fraction)
    }

    /// Light between a step and the next.
    #[inline(always)]
    pub(super) fn between(&self, step: u32, fraction: f32) -> f32 {
        let step = (step as usize).min(LEVELS - 1);
        self.levels[step] + (self.levels[step + 1] - self.levels[step]) * fraction
    }
}
