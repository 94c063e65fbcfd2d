//! The outline of a container of revolution: its radius at every height.

use super::section::Section;

/// Radii from the base up, evenly spaced, with the normals that follow from them. Lengths are millimetres.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Height.
    pub height: f32,
    /// Largest radius.
    pub widest: f32,
    /// Steps a millimetre.
    per_mm: f32,
    radius: Vec<f32>,
    /// `(up, out)`: the normal's vertical part and the length of its horizontal part.
    normal: Vec<(f32, f32)>,
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
        let radius = (0..=STEPS)
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
        Self::of(last - first, radius)
    }

    fn of(height: f32, radius: Vec<f32>) -> Self {
        let step = height / STEPS as f32;
        let normal = (0..=STEPS)
            .map(|i| {
                let (below, above) = (i.saturating_sub(1), (i + 1).min(STEPS));
                let slope = (radius[above] - radius[below]) / (step * (above - below) as f32);
                let length = slope.hypot(1.0);
                (-slope / length, 1.0 / length)
            })
            .collect();
        let widest = radius.iter().copied().fold(0.0, f32::max);
        Self { height, widest, per_mm: 1.0 / step, radius, normal }
    }

    /// With rings pressed into it between two heights.
    #[must_use]
    pub fn ribbed(self, (low, high): (f32, f32), pitch: f32, depth: f32) -> Self {
        let step = self.height / STEPS as f32;
        let radius = self.radius.iter().enumerate().map(|(i, &r)| {
            let y = i as f32 * step;
            let inside = ((y - low) / pitch).min((high - y) / pitch).clamp(0.0, 1.0);
            r - depth * inside * (0.5 - 0.5 * ((y - low) / pitch * std::f32::consts::TAU).cos())
        });
        let radius = radius.collect();
        Self::of(self.height, radius)
    }

    /// Index of a height, clamped.
    #[inline]
    #[must_use]
    pub fn index(&self, y: f32) -> usize {
        // `as` saturates: below the base is the base.
        ((y * self.per_mm + 0.5) as usize).min(STEPS)
    }

    /// Radius at an index.
    #[inline]
    #[must_use]
    pub fn radius(&self, index: usize) -> f32 {
        self.radius[index]
    }

    /// Normal at an index.
    #[inline]
    #[must_use]
    pub fn normal(&self, index: usize) -> (f32, f32) {
        self.normal[index]
    }

    /// Radius at a height, between the steps.
    #[inline]
    #[must_use]
    pub fn radius_at(&self, y: f32) -> f32 {
        let at = (y * self.per_mm).clamp(0.0, STEPS as f32 - 0.001);
        let index = at as usize;
        self.radius[index] + (self.radius[index + 1] - self.radius[index]) * (at - index as f32)
    }
}

/// How wide a container looks at each height of the plane through its axis, from a viewer who looks down (or up) at it:
/// the union of the ellipses as which its rings are seen.
#[derive(Debug, Clone)]
pub struct Silhouette {
    /// Lowest height at which anything is seen.
    pub bottom: f32,
    /// Highest.
    pub top: f32,
    step: f32,
    /// Steps a millimetre.
    per_mm: f32,
    half: Vec<f32>,
    /// 1 / length of the outline's gradient: turns a sideways distance into a distance from the outline.
    steepness: Vec<f32>,
}

impl Silhouette {
    /// Of a profile seen by a viewer `eye` millimetres above its base and `distance` away from its axis; `fine` is how many
    /// steps of the outline are wanted, as many as it has pixels: 64 to 256 are kept.
    #[must_use]
    pub fn seen(profile: &Profile, section: &Section, (eye, distance): (f32, f32), fine: usize) -> Self {
        let count = fine.clamp(64, 256);
        let slope = |h: f32| (eye - h) / distance;
        let reach = |y: f32, r: f32| r * section.flatness() * slope(y).abs();
        let bottom = -reach(0.0, profile.radius(0));
        let top = profile.height + reach(profile.height, profile.radius(STEPS));
        let step = (top - bottom) / count as f32;
        let per_ring = profile.height / STEPS as f32;
        let mut half: Vec<f32> = vec![0.0; count + 1];
        for (j, half) in half.iter_mut().enumerate() {
            let h = bottom + j as f32 * step;
            let tan = slope(h);
            let window = ((profile.widest * section.flatness() * tan.abs()) / per_ring).ceil() as i64 + 1;
            let middle = (h / per_ring).round() as i64;
            let stride = (window / 8).max(1) as usize;
            let per_depth = 1.0 / (tan.abs().max(1e-4) * section.flatness());
            let mut widest = if (0.0..=profile.height).contains(&h) { profile.radius_at(h) } else { 0.0 };
            let (first, last) = ((middle - window).clamp(0, STEPS as i64), (middle + window).clamp(0, STEPS as i64));
            // Both ends are corners (base and mouth): never stride over them.
            for k in (first..=last).step_by(stride).chain([last]) {
                let r = profile.radius(k as usize);
                let t = (k as f32 * per_ring - h).abs() * per_depth;
                if t < r {
                    widest = widest.max(r * section.across(t / r));
                }
            }
            *half = widest;
        }
        let steepness = (0..=count)
            .map(|j| {
                let (a, b) = (j.saturating_sub(1), (j + 1).min(count));
                let slope = (half[b] - half[a]) / (step * (b - a) as f32);
                1.0 / (slope * slope + 1.0).sqrt()
            })
            .collect();
        Self { bottom, top, step, per_mm: 1.0 / step, half, steepness }
    }

    /// Half the width at a height (0 outside).
    #[inline]
    #[must_use]
    pub fn half(&self, h: f32) -> f32 {
        let at = (h - self.bottom) * self.per_mm;
        if !(at >= 0.0 && at < (self.half.len() - 1) as f32) {
            return 0.0;
        }
        let j = at as usize;
        self.half[j] + (self.half[j + 1] - self.half[j]) * (at - j as f32)
    }

    /// Distance inside the outline in millimetres; negative outside.
    #[inline]
    #[must_use]
    pub fn inside(&self, s: f32, h: f32) -> f32 {
        let at = ((h - self.bottom) * self.per_mm).clamp(0.0, (self.half.len() - 1) as f32 - 0.001);
        let j = at as usize;
        let half = self.half[j] + (self.half[j + 1] - self.half[j]) * (at - j as f32);
        ((half - s.abs()) * self.steepness[j]).min(h - self.bottom).min(self.top - h)
    }

    /// Area in square millimetres.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.half.iter().sum::<f32>() * 2.0 * self.step
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
        assert!((0..=STEPS).all(|i| (12.99..=45.01).contains(&profile.radius(i))));
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
