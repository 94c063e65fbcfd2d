//! Draws flat things: faces of cartons, boards, rails, tags.

use super::camera::{Camera, Vec3, along};
use super::color::Rgb;
use super::film::{Film, Footprint};

/// A parallelogram in space: `origin + a * side_a + b * side_b`, `a` and `b` in `0..=1`.
#[derive(Debug, Clone, Copy)]
pub struct Quad {
    /// The corner at (0, 0).
    pub origin: Vec3,
    /// To the corner at (1, 0).
    pub side_a: Vec3,
    /// To the corner at (0, 1).
    pub side_b: Vec3,
}

/// How a quad is drawn.
#[derive(Debug, Default)]
pub struct Stroke<'a> {
    /// Grown by this many pixels on every side, to close the seam to a neighbour drawn before.
    pub grow: f32,
    /// Whose quad it is.
    pub item: Option<(u16, &'a mut Footprint)>,
}

impl Quad {
    /// The quad whose long way is split in `a`: the part from `from` to `to`.
    #[must_use]
    pub fn slice(&self, from: f32, to: f32) -> Self {
        Self { origin: along(self.origin, self.side_a, from), side_a: self.side_a.map(|v| v * (to - from)), ..*self }
    }
}

/// Draws an opaque quad; `shade` gives the colour at `(a, b)`. Nothing is drawn when part of it lies behind the
/// camera.
pub fn draw(film: &mut Film, camera: &Camera, quad: &Quad, stroke: Stroke<'_>, mut shade: impl FnMut(f32, f32) -> Rgb) {
    let Stroke { grow, mut item } = stroke;
    let Some(area) = scan(film, camera, (quad, grow), |film, (x, y), cover, (a, b)| {
        // Nobody sees the colours of a sketch.
        let paint = (if film.sketch { [0.0; 3] } else { shade(a, b) }, [0.0; 3]);
        match &mut item {
            Some((id, print)) => film.show((x, y), cover, paint, (*id, print)),
            None => film.put(x, y, cover, paint),
        }
    }) else {
        return;
    };
    if let Some((_, print)) = &mut item {
        print.area += area;
    }
}

/// Draws a quad with holes: `shade` gives the share of the pixel that is covered, and the colour.
pub fn draw_cut(
    film: &mut Film,
    camera: &Camera,
    quad: &Quad,
    item: (u16, &mut Footprint),
    mut shade: impl FnMut(f32, f32) -> (f32, Rgb),
) {
    let (id, print) = item;
    let mut drawn = 0.0;
    let mut inside = 0.0;
    let area = scan(film, camera, (quad, 0.0), |film, (x, y), cover, (a, b)| {
        let (alpha, color) = shade(a, b);
        let alpha = alpha * cover;
        inside += cover;
        drawn += alpha;
        if alpha > 0.004 {
            film.note(x, y, alpha, (id, print));
            film.put(x, y, alpha, (color, [0.0; 3]));
        }
    });
    if let Some(area) = area {
        // Of the part outside the picture the holes are not known: taken as those inside.
        print.area += if inside > 0.5 { area * drawn / inside } else { area };
    }
}

/// Visits every open pixel of the picture that a quad covers: place, cover, `(a, b)`. Returns the quad's area in pixels, cut-off
/// parts included, or `None` when part of it lies behind the camera.
fn scan(
    film: &mut Film,
    camera: &Camera,
    (quad, grow): (&Quad, f32),
    mut visit: impl FnMut(&mut Film, (usize, usize), f32, (f32, f32)),
) -> Option<f32> {
    let plane = camera.plane(quad.origin, quad.side_a, quad.side_b)?;
    let corner = |a: f32, b: f32| camera.project(along(along(quad.origin, quad.side_a, a), quad.side_b, b));
    let corners: Vec<(f32, f32)> = [corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)]
        .into_iter()
        .flatten()
        .map(|c| (c.0, c.1))
        .collect();
    if corners.len() < 4 {
        return None;
    }
    let turning: f32 =
        (0..4).map(|i| corners[i].0 * corners[(i + 1) % 4].1 - corners[(i + 1) % 4].0 * corners[i].1).sum();
    let sign = turning.signum();
    let area = turning.abs() / 2.0;
    // Edges as signed distances in pixels, positive inside.
    let edges: Vec<[f32; 3]> = (0..4)
        .filter_map(|i| {
            let ((x0, y0), (x1, y1)) = (corners[i], corners[(i + 1) % 4]);
            let (nx, ny) = (-(y1 - y0) * sign, (x1 - x0) * sign);
            let length = nx.hypot(ny);
            (length > 1e-3).then(|| [nx / length, ny / length, -(nx * x0 + ny * y0) / length + grow])
        })
        .collect();
    let low = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::MAX, f32::min);
    let high = |f: fn(&(f32, f32)) -> f32| corners.iter().map(f).fold(f32::MIN, f32::max);
    let (width, height) = (film.width as f32, film.height as f32);
    let (y1, y2) = (low(|c| c.1) - grow - 1.0, high(|c| c.1) + grow + 1.0);
    let (x1, x2) = (low(|c| c.0) - grow - 1.0, high(|c| c.0) + grow + 1.0);
    if !(y2 > 0.0 && y1 < height && x2 > 0.0 && x1 < width) {
        return Some(area);
    }
    for y in y1.max(0.0) as usize..(y2.ceil() as usize).min(film.height) {
        let py = y as f32 + 0.5;
        // The stretch of the row in which every edge says inside, half a pixel generous.
        let (mut from, mut to) = (x1.max(0.0), x2.min(width));
        // The stretch in which every edge says wholly inside, half a pixel stingy.
        let (mut sure_from, mut sure_to) = (from, to);
        for [a, b, c] in &edges {
            let rest = b * py + c + 0.5;
            if a.abs() < 1e-6 {
                if rest < 0.0 {
                    to = from;
                }
                if rest < 1.01 {
                    sure_to = sure_from;
                }
            } else if *a > 0.0 {
                from = from.max(-rest / a - 1.0);
                sure_from = sure_from.max((1.0 - rest) / a + 0.5);
            } else {
                to = to.min(-rest / a + 1.0);
                sure_to = sure_to.min((1.0 - rest) / a - 0.5);
            }
        }
        if to <= from {
            continue;
        }
        let (mut next, to) = (from as usize, (to.ceil() as usize).min(film.width));
        loop {
            let (start, end) = film.open_run(y, next, to);
            if start >= to {
                break;
            }
            next = end;
            for x in start..end {
                let px = x as f32 + 0.5;
                let cover = if px > sure_from && px < sure_to {
                    1.0
                } else {
                    let inside = edges.iter().map(|[a, b, c]| a * px + b * py + c).fold(f32::MAX, f32::min);
                    (inside + 0.5).min(1.0)
                };
                if cover <= 0.0 {
                    continue;
                }
                let (a, b) = plane.at(px, py);
                visit(film, (x, y), cover, (a.clamp(0.0, 1.0), b.clamp(0.0, 1.0)));
            }
        }
    }
    Some(area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quad_covers_what_its_corners_span() {
        let mut film = Film::new(200, 200);
        let camera = Camera::looking([0.0, 0.0, 1000.0], [0.0; 3], 0.0, (500.0, (100.0, 100.0)));
        let quad = Quad { origin: [-60.0, -40.0, 0.0], side_a: [120.0, 0.0, 0.0], side_b: [0.0, 80.0, 0.0] };
        let mut print = Footprint::default();
        draw(&mut film, &camera, &quad, Stroke { grow: 0.0, item: Some((1, &mut print)) }, |_, _| [1.0; 3]);
        assert!((print.area - 60.0 * 40.0).abs() < 1.0 && (print.seen - print.area).abs() < 5.0, "{print:?}");
        assert_eq!(print.extent, [70, 80, 129, 119]);
    }
}
