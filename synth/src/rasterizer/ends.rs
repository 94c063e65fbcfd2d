//! Tops and handles, pixel by pixel: few pixels show them.

use super::super::color::{Rgb, scale, smoothstep, times};
use super::super::container::{Handle, Top};
use super::super::light::Gloss;
use super::super::profile::STEPS;
use super::sight::Sight;

/// What is seen of the top from above.
pub(super) struct Mouth {
    /// Radius.
    radius: f32,
    /// Nothing below this height of the plane shows the top.
    pub(super) lowest: f32,
}

impl Mouth {
    pub(super) fn of(sight: &Sight<'_>, bottom: f32) -> Self {
        let container = sight.container;
        let radius = container.profile.ring(STEPS).radius;
        let steepest = (sight.eye.0 - bottom) * sight.per_distance;
        let seen =
            if sight.eye.0 > container.profile.height { radius * container.section.flatness() * steepest } else { 0.0 };
        let lowest = container.profile.height - seen;
        Self { radius, lowest: if seen > 0.0 { lowest } else { f32::MAX } }
    }

    /// Colour and what is let through where a point of the plane shows the top.
    pub(super) fn shade(&self, sight: &Sight<'_>, s: f32, h: f32) -> Option<(Rgb, Rgb)> {
        let container = sight.container;
        let slope = (sight.eye.0 - h) * sight.per_distance;
        let (top, flat) = (container.profile.height, container.section.flatness());
        if !(slope > 0.0 && h > top - self.radius * flat * slope) {
            return None;
        }
        let t = (top - h) / (slope * flat);
        (s * s + t * t <= self.radius * self.radius).then(|| self.paint(sight, s, t))
    }

    fn paint(&self, sight: &Sight<'_>, s: f32, t: f32) -> (Rgb, Rgb) {
        let (light, mouth) = (sight.light, self.radius);
        let level = sight.level(sight.container.profile.height) * 0.9;
        let length = |a: f32, b: f32| (a * a + b * b).sqrt();
        let rho = length(s, t) / mouth;
        match sight.container.top {
            Top::Lid => {
                // Rim, groove, panel, tab.
                let blur = (1.6 / (mouth * sight.scale)).clamp(0.01, 0.2);
                let within = |edge: f32, v: f32| smoothstep(edge + blur, edge - blur, v);
                let panel = within(0.80, rho);
                let groove = within(0.92, rho) - panel;
                let tab = length(s / mouth / 0.22, (t / mouth - 0.18) / 0.42);
                let hole = length(s / mouth / 0.36, (t / mouth - 0.42) / 0.32);
                let lines = 1.0
                    - 0.35 * (within(1.08, tab) - within(0.9, tab))
                    - 0.2 * (within(1.05, hole) - within(0.94, hole));
                let nx = s / mouth * (0.7 - 1.2 * groove - 0.6 * panel) + 0.2 * within(0.85, tab);
                let shade = (1.05 - 0.62 * groove + 0.2 * groove * t / mouth - 0.12 * panel)
                    * if panel > 0.5 { lines } else { 1.0 };
                let sky = 0.25 + 0.5 * light.mirror(Gloss::Satin, nx, 0.55);
                let grey = 0.62 * sky.min(1.5) * shade * (0.25 + 0.75 * level);
                (times([grey, grey, grey * 1.02], light.tint), [0.0; 3])
            }
            Top::Flat(color) => {
                let edge = if rho > 0.86 { 1.12 } else { 0.95 };
                (times(scale(color, edge * level * light.matt(0.0, 0.9, 0.3)), light.tint), [0.0; 3])
            }
            Top::Open => {
                let rim = smoothstep(0.9, 0.97, rho);
                let bright = rim * 0.5 * (0.3 + 0.7 * level) + 0.03 * level;
                (times([bright; 3], light.tint), [0.86 - 0.45 * rim; 3])
            }
        }
    }
}

/// How much of a pixel a handle covers, its colour, and what it lets through; `scale` is pixels a millimetre.
pub(super) fn handle(sight: &Sight<'_>, handle: Handle, (s, h): (f32, f32), scale: f32) -> (f32, (Rgb, Rgb)) {
    let profile = &sight.container.profile;
    let middle = f32::midpoint(handle.low, handle.high);
    let r = profile.radius_at(h);
    let (dx, dy) = ((s - r) / handle.reach, (h - middle) / ((handle.high - handle.low) / 2.0));
    if dx < -0.2 {
        return (0.0, ([0.0; 3], [1.0; 3]));
    }
    // A superellipse ring, roughly measured in millimetres.
    let k = (dx.max(0.0).powi(3) + dy.abs().powi(3)).cbrt();
    let from_middle = (k - 0.8) * handle.reach;
    let cover = ((handle.thick / 2.0 - from_middle.abs()) * scale + 0.5).clamp(0.0, 1.0);
    let across = (from_middle / (handle.thick / 2.0)).clamp(-1.0, 1.0);
    let level = sight.level(h);
    let shine = sight.light.mirror(Gloss::Mirror, across * 0.8, dy * 0.3) * 0.08 + 0.25 * across.abs().powi(6);
    (cover, (times([shine * (0.4 + 0.6 * level) + 0.05; 3], sight.light.tint), [0.75 - 0.4 * across.abs(); 3]))
}
