//! The outline of a container of revolution: its radius at every height.

use super::section::Section;
use super::simd::{Scratch, between, nearest};

/// Radii from the base up, evenly spaced, with the normals that follow from them. Lengths are millimetres.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Height of the whole, millimetres.
    pub height: f32,
    /// Largest radius.
    pub widest: f32,
    /// Steps a millimetre.
    per_mm: f32,
    rings: Box<[Ring; STEPS + 1]>,
}

/// One step of a profile.
#[derive(Debug, Clone, Copy)]
pub struct Ring {
    /// Millimetres.
    pub radius: f32,
    /// By how much it is larger a step higher; 0 at the top.
    growth: f32,
    /// Vertical part of the normal.
    pub up: f32,
    /// Length of its horizontal part.
    pub out: f32,
}

/// Steps of a profile.
pub const STEPS: usize = 320;

impl Profile {
    /// The outline through points `(height, radius)` from the base up: smooth between them and never beyond them
    /// (monotone cubic, Fritsch and Carlson 1980). Two points close together make a corner.
    ///
    /// # Panics
    /// With fewer than two points.
    #[must_use]
    pub fn through(points: &[(f32, f32)]) -> Self {
        assert!(points.len() >= 2, "a profile has a bottom and a top");
        let slopes: Vec<f32> = points.windows(2).map(|p| (p[1].1 - p[0].1) / (p[1].0 - p[0].0).max(1e-3)).collect();
        let tangents: Vec<f32> = (0..points.len())
            .map(|i| match (i.checked_sub(1).map(|b| slopes[b]), slopes.get(i).copied()) {
                (Some(a), Some(b)) if a * b > 0.0 => 2.0 * a * b / (a + b),
                (Some(_), Some(_)) => 0.0,
                (one, other) => one.or(other).unwrap_or(0.0),
            })
            .collect();
        let (first, last) = (points[0].0, points[points.len() - 1].0);
        let mut segment = 0;
        let radius: Vec<f32> = (0..=STEPS)
            .map(|step| {
                let y = first + (last - first) * step as f32 / STEPS as f32;
                while segment + 2 < points.len() && y > points[segment + 1].0 {
                    segment += 1;
                }
                let ((y0, r0), (y1, r1)) = (points[segment], points[segment + 1]);
                let width = (y1 - y0).max(1e-3);
                let t = ((y - y0) / width).clamp(0.0, 1.0);
                let (t2, t3) = (t * t, t * t * t);
                r0 * (2.0 * t3 - 3.0 * t2 + 1.0)
                    + tangents[segment] * width * (t3 - 2.0 * t2 + t)
                    + r1 * (3.0 * t2 - 2.0 * t3)
                    + tangents[segment + 1] * width * (t3 - t2)
            })
            .collect();
        Self::of(last - first, |step| radius[step])
    }

    /// From the radius at each step.
    fn of(height: f32, radius: impl Fn(usize) -> f32) -> Self {
        let step = height / STEPS as f32;
        let radius: [f32; STEPS + 1] = std::array::from_fn(radius);
        let rings = std::array::from_fn(|i| {
            let (below, above) = (i.saturating_sub(1), (i + 1).min(STEPS));
            let slope = (radius[above] - radius[below]) / (step * (above - below) as f32);
            let length = slope.hypot(1.0);
            Ring { radius: radius[i], growth: radius[above] - radius[i], up: -slope / length, out: 1.0 / length }
        });
        let widest = radius.into_iter().fold(0.0, f32::max);
        Self { height, widest, per_mm: 1.0 / step, rings: Box::new(rings) }
    }

    /// With rings pressed into it between two heights.
    #[must_use]
    pub fn ribbed(self, (low, high): (f32, f32), pitch: f32, depth: f32) -> Self {
        let step = self.height / STEPS as f32;
        Self::of(self.height, |i| {
            let y = i as f32 * step;
            let inside = ((y - low) / pitch).min((high - y) / pitch).clamp(0.0, 1.0);
            self.rings[i].radius - depth * inside * (0.5 - 0.5 * ((y - low) / pitch * std::f32::consts::TAU).cos())
        })
    }

    /// Index of a height, clamped.
    #[inline(always)]
    #[must_use]
    pub fn index(&self, y: f32) -> usize {
        nearest((y * self.per_mm).max(0.0).min(STEPS as f32)).min(STEPS)
    }

    /// The ring at an index of `0..=STEPS`.
    #[inline(always)]
    #[must_use]
    pub fn ring(&self, index: usize) -> Ring {
        self.rings[index.min(STEPS)]
    }

    /// [`Profile::radius_at`] each of some heights, but not less than `min_radius`.
    #[inline(always)]
    pub(super) fn radii(&self, heights: &[f32], min_radius: f32, scratch: &mut Scratch, out: &mut [f32]) {
        let count = out.len();
        let (heights, steps, fractions) =
            (&heights[..count], &mut scratch.places[0][..count], &mut scratch.lanes[0][..count]);
        for i in 0..count {
            let (step, fraction) = between(heights[i] * self.per_mm, STEPS as f32);
            (steps[i], fractions[i]) = (step as u32, fraction);
        }
        for i in 0..count {
            let ring = &self.rings[(steps[i] as usize).min(STEPS)];
            out[i] = (ring.radius + ring.growth * fractions[i]).max(min_radius);
        }
    }

    /// Radius at a height, between the steps.
    #[inline(always)]
    #[must_use]
    pub fn radius_at(&self, y: f32) -> f32 {
        let (step, fraction) = between(y * self.per_mm, STEPS as f32);
        let ring = self.rings[step.min(STEPS)];
        ring.radius + ring.growth * fraction
    }
}

/// How wide a container looks at each height of the plane through its axis, from a viewer who looks down (or up) at it:
/// the union of the ellipses as which its rings are seen.
#[derive(Debug, Clone)]
pub struct Silhouette {
    /// Lowest height at which anything is seen.
    pub bottom: f32,
    /// Highest point in view, millimetres.
    pub top: f32,
    step: f32,
    /// Steps a millimetre.
    per_mm: f32,
    /// Steps there are.
    count: usize,
    half: [f32; FINEST + 1],
    /// 1 / length of the outline's gradient: turns a sideways distance into a distance from the outline.
    steepness: [f32; FINEST + 1],
}

/// Maximum number of steps of an outline.
const FINEST: usize = 256;

impl Silhouette {
    /// Of a profile seen by a viewer `eye` millimetres above its base and `distance` away from its axis; `fine` is how many
    /// steps of the outline are wanted, as many as it has pixels: 64 to 256 are kept.
    #[must_use]
    pub fn seen(profile: &Profile, section: &Section, (eye, distance): (f32, f32), fine: usize) -> Self {
        let count = fine.clamp(64, FINEST);
        let slope = |h: f32| (eye - h) / distance;
        let reach = |y: f32, r: f32| r * section.flatness() * slope(y).abs();
        let bottom = -reach(0.0, profile.ring(0).radius);
        let top = profile.height + reach(profile.height, profile.ring(STEPS).radius);
        let step = (top - bottom) / count as f32;
        let per_ring = profile.height / STEPS as f32;
        let mut half = [0.0; FINEST + 1];
        for (j, half) in half[..=count].iter_mut().enumerate() {
            let h = bottom + j as f32 * step;
            let tan = slope(h);
            let window = ((profile.widest * section.flatness() * tan.abs()) / per_ring).ceil() as i64 + 1;
            let middle = (h / per_ring).round() as i64;
            let stride = (window / 8).max(1) as usize;
            let per_depth = 1.0 / (tan.abs().max(1e-4) * section.flatness());
            let mut widest = if (0.0..=profile.height).contains(&h) { profile.radius_at(h) } else { 0.0 };
            let (first, last) = ((middle - window).clamp(0, STEPS as i64), (middle + window).clamp(0, STEPS as i64));
            // Both ends are corners (base and mouth): never stride over them.
            let (mut k, last) = (first as usize, last as usize);
            loop {
                let r = profile.ring(k).radius;
                // A ring is nowhere wider than its radius.
                if r > widest {
                    let t = (k as f32 * per_ring - h).abs() * per_depth;
                    if t < r {
                        widest = widest.max(r * section.across(t / r));
                    }
                }
                if k >= last {
                    break;
                }
                k = (k + stride).min(last);
            }
            *half = widest;
        }
        let mut steepness = [0.0; FINEST + 1];
        for (j, steepness) in steepness[..=count].iter_mut().enumerate() {
            let (a, b) = (j.saturating_sub(1), (j + 1).min(count));
            let slope = (half[b] - half[a]) / (step * (b - a) as f32);
            *steepness = 1.0 / (slope * slope + 1.0).sqrt();
        }
        Self { bottom, top, step, per_mm: 1.0 / step, count, half, steepness }
    }

    /// Half the width at a height (0 outside).
    #[inline]
    #[must_use]
    pub fn half(&self, h: f32) -> f32 {
        let at = (h - self.bottom) * self.per_mm;
        let last = self.count as f32;
        if !(at >= 0.0 && at < last) {
            return 0.0;
        }
        let (step, fraction) = between(at, last - 0.001);
        self.half[step] + (self.half[step + 1] - self.half[step]) * fraction
    }

    /// Distance inside the outline in millimetres at each of some places; negative outside.
    #[inline(always)]
    pub(super) fn inside_all(&self, (s, h): (&[f32], &[f32]), scratch: &mut Scratch, out: &mut [f32]) {
        let count = out.len();
        let (s, h, steps) = (&s[..count], &h[..count], &mut scratch.places[0][..count]);
        let [fractions, halves, steepness, ..] = scratch.lanes.each_mut().map(|lane| &mut lane[..count]);
        for i in 0..count {
            let (step, fraction) = between((h[i] - self.bottom) * self.per_mm, self.count as i32 as f32 - 0.001);
            (steps[i], fractions[i]) = (step as u32, fraction);
        }
        for i in 0..count {
            let step = (steps[i] as usize).min(FINEST - 1);
            halves[i] = self.half[step] + (self.half[step + 1] - self.half[step]) * fractions[i];
            steepness[i] = self.steepness[step];
        }
        for i in 0..count {
            let aside = (halves[i] - s[i].abs()) * steepness[i];
            out[i] = aside.min(h[i] - self.bottom).min(self.top - h[i]);
        }
    }

    /// Area in square millimetres.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.half[..=self.count].iter().sum::<f32>() * 2.0 * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_goes_through_its_points_and_not_beyond() {
        let points = [(0.0, 30.0), (10.0, 45.0), (150.0, 45.0), (220.0, 13.0), (250.0, 13.0)];
        let profile = Profile::through(&points);
        for (y, r) in points {
            assert!((profile.radius_at(y) - r).abs() < 0.6, "{y}: {}", profile.radius_at(y));
        }
        assert!((0..=STEPS).all(|i| (12.99..=45.01).contains(&profile.ring(i).radius)));
    }

    #[test]
    fn a_cylinder_seen_from_above_shows_its_ellipses() {
        let profile = Profile::through(&[(0.0, 40.0), (100.0, 40.0)]);
        let section = Section::round();
        // Far away and 45 degrees up: the rings become circles of 40 mm around their heights.
        let seen = Silhouette::seen(&profile, &section, (1e6, 1e6), 256);
        assert!((seen.bottom + 40.0).abs() < 0.5 && (seen.top - 140.0).abs() < 0.5, "{} {}", seen.bottom, seen.top);
        assert!((seen.half(50.0) - 40.0).abs() < 0.1);
        assert!((seen.half(120.0) - (40.0_f32 * 40.0 - 20.0 * 20.0).sqrt()).abs() < 0.7, "{}", seen.half(120.0));
        let area = 80.0 * 100.0 + std::f32::consts::PI * 1600.0;
        assert!((seen.area() / area - 1.0).abs() < 0.02);
    }
}
