//! The pinhole camera that looks at the shelf.

/// A point or direction in millimetres: right, up, out of the shelf towards the aisle.
pub type Vec3 = [f32; 3];

/// Scalar product.
#[inline]
#[must_use]
pub fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `a - b`.
#[inline]
#[must_use]
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a + b * k`.
#[inline]
#[must_use]
pub fn along(a: Vec3, b: Vec3, k: f32) -> Vec3 {
    [a[0] + b[0] * k, a[1] + b[1] * k, a[2] + b[2] * k]
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt().max(1e-9);
    a.map(|v| v / length)
}

/// Where the camera is and where it looks.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    /// Where it stands, millimetres.
    pub eye: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    /// Focal length in pixels.
    pub focal: f32,
    /// Principal point in pixels.
    pub center: (f32, f32),
}

impl Camera {
    /// At `eye`, looking at `target`, turned about the line of sight by `roll` radians.
    #[must_use]
    pub fn looking(eye: Vec3, target: Vec3, roll: f32, (focal, center): (f32, (f32, f32))) -> Self {
        let forward = unit(sub(target, eye));
        let level = unit(cross(forward, [0.0, 1.0, 0.0]));
        let upright = cross(level, forward);
        let (sin, cos) = roll.sin_cos();
        let right = along(level.map(|v| v * cos), upright, sin);
        let up = along(upright.map(|v| v * cos), level, -sin);
        Self { eye, right, up, forward, focal, center }
    }

    /// The same view in an image `times` smaller.
    #[must_use]
    pub fn smaller(self, times: f32) -> Self {
        Self { focal: self.focal / times, center: (self.center.0 / times, self.center.1 / times), ..self }
    }

    fn turned(&self, v: Vec3) -> Vec3 {
        [dot(v, self.right), dot(v, self.up), dot(v, self.forward)]
    }

    /// Pixel and distance along the line of sight; `None` behind the camera.
    #[inline]
    #[must_use]
    pub fn project(&self, point: Vec3) -> Option<(f32, f32, f32)> {
        let [x, y, z] = self.turned(sub(point, self.eye));
        (z > 1.0).then(|| (self.center.0 + self.focal * x / z, self.center.1 - self.focal * y / z, z))
    }

    /// The plane `origin + a * along_a + b * along_b` as a homography from pixels to `(a, b)`.
    #[must_use]
    pub fn plane(&self, origin: Vec3, along_a: Vec3, along_b: Vec3) -> Option<Plane> {
        let image = |v: Vec3| {
            let [x, y, z] = self.turned(v);
            [self.focal * x + self.center.0 * z, -self.focal * y + self.center.1 * z, z]
        };
        let (a, b, o) = (image(along_a), image(along_b), image(sub(origin, self.eye)));
        // Rows of the inverse of the matrix with columns a, b, o, up to a common factor.
        let rows = [cross(b, o), cross(o, a), cross(a, b)];
        let det = dot(a, rows[0]);
        (det.abs() > 1e-3).then(|| Plane { rows: rows.map(|r| r.map(|v| v / det)) })
    }
}

/// A plane in space as seen in the image.
#[derive(Debug, Clone, Copy)]
pub struct Plane {
    rows: [Vec3; 3],
}

impl Plane {
    /// The plane's coordinates at a pixel position.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, w] = self.rows.map(|r| r[0] * x + r[1] * y + r[2]);
        (a / w, b / w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_the_inverse_of_projection() {
        let camera = Camera::looking([120.0, 1500.0, 1800.0], [0.0, 1100.0, 0.0], 0.03, (900.0, (640.0, 480.0)));
        let (origin, a, b) = ([-200.0, 900.0, -50.0], [0.9, 0.0, 0.1], [0.02, 1.0, 0.0]);
        let plane = camera.plane(origin, a, b).unwrap();
        for (u, v) in [(0.0, 0.0), (300.0, 10.0), (-40.0, 250.0)] {
            let (x, y, _) = camera.project(along(along(origin, a, u), b, v)).unwrap();
            let (pu, pv) = plane.at(x, y);
            assert!((pu - u).abs() < 0.1 && (pv - v).abs() < 0.1, "{pu} {pv}");
        }
        assert!(camera.project([0.0, 1500.0, 5000.0]).is_none());
    }

    #[test]
    fn up_is_up_and_right_is_right() {
        let camera = Camera::looking([0.0, 0.0, 1000.0], [0.0; 3], 0.0, (500.0, (100.0, 100.0)));
        let (x, y, z) = camera.project([10.0, 20.0, 0.0]).unwrap();
        assert!(x > 100.0 && y < 100.0 && (z - 1000.0).abs() < 1e-3);
    }
}
