//! Draws flat things: faces of cartons, boards, rails, tags.

use super::camera::{Camera, Plane, Vec3, along};
use super::color::Rgb;
use super::framebuffer::{Coat, Footprint, Framebuffer};
use super::simd::{ABREAST, LENGTH, Lane, ROOM, multiversion};

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
pub fn draw(
    frame: &mut Framebuffer,
    camera: &Camera,
    quad: &Quad,
    stroke: Stroke<'_>,
    mut shade: impl FnMut(f32, f32) -> Rgb,
) {
    let Stroke { grow, mut item } = stroke;
    let Some(area) = scan(frame, camera, (quad, grow), |frame, place, count, part| {
        // Nobody sees the colours of a sketch.
        if !frame.sketch {
            for i in (0..count).filter(|i| part.cover[*i] > 0.0) {
                let color = shade(part.a[i], part.b[i]);
                (0..3).for_each(|c| part.color[c][i] = color[c]);
            }
        }
        frame.lay(place, count, &part.coat(), item.as_mut().map(|(id, print)| (*id, &mut **print)));
    }) else {
        return;
    };
    if let Some((_, print)) = &mut item {
        print.area += area;
    }
}

/// Draws a quad with holes: `shade` gives the fraction of the pixel that is covered, and the colour.
pub fn draw_cut(
    frame: &mut Framebuffer,
    camera: &Camera,
    quad: &Quad,
    item: (u16, &mut Footprint),
    mut shade: impl FnMut(f32, f32) -> (f32, Rgb),
) {
    let (id, print) = item;
    let mut covered = 0.0;
    let mut inside = 0.0;
    let area = scan(frame, camera, (quad, 0.0), |frame, place, count, part| {
        for i in 0..count {
            if !(part.cover[i] > 0.0) {
                continue;
            }
            let (alpha, color) = shade(part.a[i], part.b[i]);
            let alpha = alpha * part.cover[i];
            inside += part.cover[i];
            covered += alpha;
            part.cover[i] = if alpha > 0.004 { alpha } else { 0.0 };
            (0..3).for_each(|c| part.color[c][i] = color[c]);
        }
        frame.lay(place, count, &part.coat(), Some((id, &mut *print)));
    });
    if let Some(area) = area {
        // Of the part outside the image the holes are not known: taken as those inside.
        print.area += if inside > 0.5 { area * covered / inside } else { area };
    }
}

/// Pixels of a row that follow one another.
struct Part {
    /// Place on the quad, within `0..=1`.
    a: Lane,
    b: Lane,
    /// Fraction of the pixel that is covered; nothing is when it is not above 0.
    cover: Lane,
    color: [Lane; 3],
}

impl Part {
    fn coat(&self) -> Coat<'_> {
        Coat { cover: &self.cover, color: self.color.each_ref().map(Lane::as_slice), through: None }
    }
}

multiversion! {
    /// Places of `count` pixels from the middle of the first one, `(x, y)`, on.
    fn locate(part: &mut Part, plane: &Plane, x: f32, y: f32, count: usize) = locate_body
}

#[inline(always)]
fn locate_body(part: &mut Part, plane: &Plane, x: f32, y: f32, count: usize) {
    for block in 0..count.div_ceil(ABREAST) {
        let at = block * ABREAST..(block + 1) * ABREAST;
        let (lane_a, lane_b) = (&mut part.a[at.clone()], &mut part.b[at]);
        for i in 0..ABREAST {
            let (a, b) = plane.at(x + (block * ABREAST + i) as i32 as f32, y);
            (lane_a[i], lane_b[i]) = (a.clamp(0.0, 1.0), b.clamp(0.0, 1.0));
        }
    }
}

/// Visits every open pixel of the image that a quad covers, some of a row at once: place of the first, how many. Returns the
/// quad's area in pixels, cut-off parts included, or `None` when part of it lies behind the camera.
fn scan(
    frame: &mut Framebuffer,
    camera: &Camera,
    (quad, grow): (&Quad, f32),
    mut visit: impl FnMut(&mut Framebuffer, (usize, usize), usize, &mut Part),
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
    let (width, height) = (frame.width as f32, frame.height as f32);
    let (y1, y2) = (low(|c| c.1) - grow - 1.0, high(|c| c.1) + grow + 1.0);
    let (x1, x2) = (low(|c| c.0) - grow - 1.0, high(|c| c.0) + grow + 1.0);
    if !(y2 > 0.0 && y1 < height && x2 > 0.0 && x1 < width) {
        return Some(area);
    }
    let lane = [0.0; ROOM];
    let mut part = Part { a: lane, b: lane, cover: lane, color: [lane; 3] };
    for y in y1.max(0.0) as usize..(y2.ceil() as usize).min(frame.height) {
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
        let (mut next, to) = (from as usize, (to.ceil() as usize).min(frame.width));
        loop {
            let (start, end) = frame.open_run(y, next, to);
            if start >= to {
                break;
            }
            next = end;
            for x in (start..end).step_by(LENGTH) {
                let count = (end - x).min(LENGTH);
                locate(&mut part, &plane, x as f32 + 0.5, py, count);
                for (x, cover) in (x..x + count).zip(&mut part.cover) {
                    let px = x as f32 + 0.5;
                    *cover = if px > sure_from && px < sure_to {
                        1.0
                    } else {
                        let inside = edges.iter().map(|[a, b, c]| a * px + b * py + c).fold(f32::MAX, f32::min);
                        (inside + 0.5).min(1.0)
                    };
                }
                visit(frame, (x, y), count, &mut part);
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
        let mut frame = Framebuffer::new(200, 200);
        let camera = Camera::looking([0.0, 0.0, 1000.0], [0.0; 3], 0.0, (500.0, (100.0, 100.0)));
        let quad = Quad { origin: [-60.0, -40.0, 0.0], side_a: [120.0, 0.0, 0.0], side_b: [0.0, 80.0, 0.0] };
        let mut print = Footprint::default();
        draw(&mut frame, &camera, &quad, Stroke { grow: 0.0, item: Some((1, &mut print)) }, |_, _| [1.0; 3]);
        assert!((print.area - 60.0 * 40.0).abs() < 1.0 && (print.seen - print.area).abs() < 5.0, "{print:?}");
        assert_eq!(print.extent, [70, 80, 129, 119]);
    }
}
