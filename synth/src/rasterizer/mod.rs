//! Draws a container as the camera sees it, row by row: outline, top, label round the body, glass, shine.

mod edge;
mod ends;
mod paint;
mod sight;
mod strip;

use super::camera::{Camera, Vec3, along};
use super::container::{Body, Container};
use super::framebuffer::{Coat, Footprint, Framebuffer};
use super::light::Light;
use super::profile::Silhouette;
use super::simd::LENGTH;
use edge::{Edge, Line};
use ends::Mouth;
use paint::Paint;
use sight::Sight;
use strip::Strip;

/// A container at its place.
#[derive(Debug, Clone, Copy)]
pub struct Stand {
    /// Middle of its base.
    pub base: Vec3,
    /// Turned about its axis, in turns; 0 shows the front.
    pub turn: f32,
    /// Leans to the right by so many radians.
    pub lean: f32,
    /// Height of the board above over its base.
    pub headroom: f32,
    /// Depth of its axis behind the front edge of the shelf.
    pub depth: f32,
    /// Neighbours left and right: gap in millimetres.
    pub gaps: (f32, f32),
    /// Brightness of its own, around 1.
    pub tone: f32,
}

/// Draws a container and tells what is seen of it.
pub fn draw(
    frame: &mut Framebuffer,
    camera: &Camera,
    light: &Light,
    container: &Container,
    (stand, id): (Stand, u16),
) -> Footprint {
    let mut print = Footprint::default();
    let profile = &container.profile;
    let toward = [camera.eye[0] - stand.base[0], camera.eye[2] - stand.base[2]];
    let ground = toward[0].hypot(toward[1]).max(1.0);
    // The plane through the axis that faces the eye.
    let sideways = [toward[1] / ground, 0.0, -toward[0] / ground];
    let (sin, cos) = stand.lean.sin_cos();
    let s_axis = along(sideways.map(|v| v * cos), [0.0, 1.0, 0.0], -sin);
    let h_axis = along([0.0, cos, 0.0], sideways, sin);
    let Some(plane) = camera.plane(stand.base, s_axis, h_axis) else { return print };
    let reach_right = container.handle.map_or(0.0, |h| h.reach);
    let wide = profile.widest;
    // Most of what stands far behind is hidden by what stands before it: that costs no more than this look.
    let rise = wide * container.section.flatness() * ((camera.eye[1] - stand.base[1]).abs() + profile.height) / ground;
    let hull = [
        (-wide, -rise),
        (wide + reach_right, -rise),
        (wide + reach_right, profile.height + rise),
        (-wide, profile.height + rise),
    ];
    let Some(hull) = bound(camera, (stand.base, s_axis, h_axis), hull) else { return print };
    let columns = (clip(hull[0] - 1.0, frame.width), clip(hull[2] + 2.0, frame.width));
    let lines = (clip(hull[1] - 1.0, frame.height), clip(hull[3] + 2.0, frame.height));
    if columns.0 >= columns.1 || lines.0 >= lines.1 || !frame.open_within(columns, lines) {
        return print;
    }
    let Some(sight) = Sight::new(camera, light, container, &stand) else { return print };
    let silhouette = Silhouette::seen(profile, &container.section, sight.eye, (profile.height * sight.scale) as usize);
    let corners = [
        (-wide, silhouette.bottom),
        (wide + reach_right, silhouette.bottom),
        (wide + reach_right, silhouette.top),
        (-wide, silhouette.top),
    ];
    let Some(bounds) = bound(camera, (stand.base, s_axis, h_axis), corners) else { return print };
    let middle = along(stand.base, h_axis, profile.height / 2.0);
    let Some((_, _, away)) = camera.project(middle) else { return print };
    let scale = camera.focal / away;
    print.area = silhouette.area() * scale * scale;
    let (width, height) = (frame.width as f32, frame.height as f32);
    let [x1, y1, x2, y2] = [bounds[0] - 1.0, bounds[1] - 1.0, bounds[2] + 2.0, bounds[3] + 2.0];
    if x2 <= 0.0 || y2 <= 0.0 || x1 >= width || y1 >= height || !(x2 - x1 < 1e5 && y2 - y1 < 1e5) {
        return print;
    }
    let (left, right) = (x1.max(0.0) as usize, x2.min(width) as usize);
    let mouth = Mouth::of(&sight, silhouette.bottom);
    let lifts = vec![0.0; right.saturating_sub(left)];
    let scratch = frame.scratch.take().unwrap_or_default();
    let mut drawing = Drawing { sight, silhouette, mouth, scale, id, print, left, lifts, scratch };
    for y in y1.max(0.0) as usize..y2.min(height) as usize {
        let py = y as f32 + 0.5;
        // Within one container the plane is as good as affine along a row.
        let (s0, h0) = plane.at(left as f32 + 0.5, py);
        let (s1, h1) = plane.at(right as f32 + 0.5, py);
        let span = (right - left).max(1) as f32;
        let line = Line { start: (s0, h0), step: ((s1 - s0) / span, (h1 - h0) / span) };
        let half = |h: f32| drawing.silhouette.half(h);
        let reach = half(h0.min(h1)).max(half(h0.max(h1))).max(half(f32::midpoint(h0, h1))) + 2.0 / scale;
        let from = left + (((-reach - s0) / line.step.0).max(0.0) as usize).min(right - left);
        let to = left + (((reach + reach_right - s0) / line.step.0 + 1.0).max(0.0) as usize).min(right - left);
        drawing.row(frame, y, (from, to), line);
    }
    frame.scratch = Some(drawing.scratch);
    drawing.print
}

/// Scratch space for the pixels of a row: too much to clear it for each container.
#[derive(Debug)]
pub(super) struct RowScratch {
    edge: Edge,
    strip: Strip,
    paint: Paint,
}

impl Default for RowScratch {
    fn default() -> Self {
        Self { edge: Edge::new(), strip: Strip::new(), paint: Paint::new() }
    }
}

/// A container while it is drawn.
struct Drawing<'a> {
    sight: Sight<'a>,
    silhouette: Silhouette,
    mouth: Mouth,
    /// Pixels a millimetre at its middle.
    scale: f32,
    id: u16,
    print: Footprint,
    /// First column.
    left: usize,
    /// How much higher the surface was met than the plane, by column from there: in the next row it is much the same.
    lifts: Vec<f32>,
    scratch: Box<RowScratch>,
}

impl Drawing<'_> {
    /// Draws what is still open of a row.
    fn row(&mut self, frame: &mut Framebuffer, y: usize, (mut next, to): (usize, usize), line: Line) {
        loop {
            let (start, end) = frame.open_run(y, next, to);
            if start >= to {
                break;
            }
            next = end;
            for x in (start..end).step_by(LENGTH) {
                self.part(frame, (x, y), (end - x).min(LENGTH), line);
            }
        }
        self.flush(frame, y);
    }

    /// Draws some open pixels that follow one another, at most [`LENGTH`].
    fn part(&mut self, frame: &mut Framebuffer, (x, y): (usize, usize), count: usize, line: Line) {
        self.scratch.edge.measure(&self.silhouette, self.scale, line, (x - self.left, count));
        let cover = &self.scratch.edge.cover[..count];
        let covered = |cover: &f32| *cover > 0.0;
        let first = cover.iter().position(covered).unwrap_or(count);
        let end = cover.iter().rposition(covered).map_or(first, |last| last + 1);
        // Along a row heights rise or fall.
        let below = self.scratch.edge.h[0].max(self.scratch.edge.h[count - 1]) <= self.mouth.lowest;
        if !(below && self.sight.container.handle.is_none()) {
            (0..count).for_each(|i| self.pixel(frame, (x, y), i));
            return;
        }
        let mut from = first;
        while from < end {
            if self.scratch.strip.count == LENGTH {
                self.flush(frame, y);
            }
            let to = end.min(from + LENGTH - self.scratch.strip.count);
            let columns = x - self.left + from..x - self.left + to;
            let RowScratch { edge, strip, .. } = &mut *self.scratch;
            strip.append(edge, (x, from..to), &self.lifts[columns]);
            from = to;
        }
    }

    /// Draws pixel `i` of the edge, which begins at column `x`, wherever it falls: top, body or handle.
    fn pixel(&mut self, frame: &mut Framebuffer, (x, y): (usize, usize), i: usize) {
        let (x, cover) = (x + i, self.scratch.edge.cover[i]);
        let (s, h) = (self.scratch.edge.s[i], self.scratch.edge.h[i]);
        if cover > 0.0 {
            if h > self.mouth.lowest
                && let Some(seen) = self.mouth.shade(&self.sight, s, h)
            {
                frame.show((x, y), cover, seen, (self.id, &mut self.print));
                return;
            }
            if self.scratch.strip.count == LENGTH {
                self.flush(frame, y);
            }
            self.scratch.strip.push(x, cover, (s, h, self.lifts[x - self.left]));
        } else if let Some(handle) = self.sight.container.handle {
            let (cover, seen) = ends::handle(&self.sight, handle, (s, h), self.scale);
            if cover > 0.0 {
                frame.show((x, y), cover, seen, (self.id, &mut self.print));
            }
        }
    }

    /// Shades the pixels gathered and puts them into the framebuffer.
    fn flush(&mut self, frame: &mut Framebuffer, y: usize) {
        let unseen = frame.sketch && matches!(self.sight.container.body, Body::Solid { .. });
        let RowScratch { strip, paint, .. } = &mut *self.scratch;
        if !unseen {
            strip::shade(&self.sight, strip, paint);
        }
        let mut from = 0;
        while from < strip.count {
            let part = strip.stretch(from);
            let coat = Coat {
                cover: &strip.cover[from..],
                color: paint.color.each_ref().map(|lane| &lane[from..]),
                through: (!unseen).then(|| paint.through.each_ref().map(|lane| &lane[from..])),
            };
            let x = strip.x[from];
            frame.lay((x, y), part.len(), &coat, Some((self.id, &mut self.print)));
            if !unseen {
                self.lifts[x - self.left..][..part.len()].copy_from_slice(&strip.lift[part.clone()]);
            }
            from = part.end;
        }
        strip.count = 0;
    }
}

/// Bounds in the image of points of a plane; `None` when one lies behind the camera.
fn bound(camera: &Camera, (origin, s_axis, h_axis): (Vec3, Vec3, Vec3), points: [(f32, f32); 4]) -> Option<[f32; 4]> {
    let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    for (s, h) in points {
        let (x, y, _) = camera.project(along(along(origin, s_axis, s), h_axis, h))?;
        bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
    }
    Some(bounds)
}

/// A column or row as a number within the image.
fn clip(v: f32, limit: usize) -> usize {
    (v.max(0.0) as usize).min(limit)
}
