//! Draws a container pixel by pixel as the camera sees it: outline, top, label round the body, glass, shine.

use std::f32::consts::TAU;

use super::camera::{Camera, Vec3, along};
use super::color::{Rgb, scale, smoothstep, times};
use super::container::{Body, Clear, Container, Handle, Surface, Top, Zone};
use super::film::{Film, Footprint};
use super::light::{Gloss, Light};
use super::profile::{STEPS, Silhouette};

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

/// Everything that stays the same while one container is drawn.
struct Sight<'a> {
    container: &'a Container,
    light: &'a Light,
    /// Height of the eye over the base, and its distance from the axis.
    eye: (f32, f32),
    /// Turn of the artwork as seen from the eye.
    turn: f32,
    /// Texture level per zone.
    levels: [usize; 8],
    /// Light by height, [`ROWS`] steps.
    rows: [f32; ROWS + 1],
    /// Steps of `rows` a millimetre.
    rows_per_mm: f32,
    /// How much light the neighbours left and right take.
    taken: [f32; 2],
    /// Light behind, for what is seen through glass.
    behind: f32,
    /// Pixels a millimetre.
    scale: f32,
}

const ROWS: usize = 32;

/// Millimetres within which the height of a point of the surface need not be found better.
const NEAR: f32 = 0.15;

/// Draws a container and tells what is seen of it.
pub fn draw(
    film: &mut Film,
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
    let columns = (clip(hull[0] - 1.0, film.width), clip(hull[2] + 2.0, film.width));
    let lines = (clip(hull[1] - 1.0, film.height), clip(hull[3] + 2.0, film.height));
    if columns.0 >= columns.1 || lines.0 >= lines.1 || !film.open_within(columns, lines) {
        return print;
    }
    let Some(sight) = Sight::new(camera, light, container, stand) else { return print };
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
    let (width, height) = (film.width as f32, film.height as f32);
    let [x1, y1, x2, y2] = [bounds[0] - 1.0, bounds[1] - 1.0, bounds[2] + 2.0, bounds[3] + 2.0];
    if x2 <= 0.0 || y2 <= 0.0 || x1 >= width || y1 >= height || !(x2 - x1 < 1e5 && y2 - y1 < 1e5) {
        return print;
    }
    let (left, right) = (x1.max(0.0) as usize, x2.min(width) as usize);
    for y in y1.max(0.0) as usize..y2.min(height) as usize {
        let py = y as f32 + 0.5;
        // Within one container the plane is as good as affine along a row.
        let (s0, h0) = plane.at(left as f32 + 0.5, py);
        let (s1, h1) = plane.at(right as f32 + 0.5, py);
        let span = (right - left).max(1) as f32;
        let (ds, dh) = ((s1 - s0) / span, (h1 - h0) / span);
        let reach =
            silhouette.half(h0.min(h1)).max(silhouette.half(h0.max(h1))).max(silhouette.half(f32::midpoint(h0, h1)))
                + 2.0 / scale;
        let from = left + (((-reach - s0) / ds).max(0.0) as usize).min(right - left);
        let to = left + (((reach + reach_right - s0) / ds + 1.0).max(0.0) as usize).min(right - left);
        let mut lift = 0.0;
        let mut next = from;
        loop {
            let x = film.next_open(y, next, to);
            if x >= to {
                break;
            }
            next = x + 1;
            let along = (x - left) as f32;
            let (s, h) = (s0 + ds * along, h0 + dh * along);
            let cover = (silhouette.inside(s, h) * scale + 0.5).min(1.0);
            if cover > 0.0 {
                film.note(x, y, cover, (id, &mut print));
                film.put(x, y, cover, sight.shade(s, h, &mut lift));
            } else if let Some(handle) = container.handle {
                let (cover, paint) = sight.handle(handle, s, h, scale);
                if cover > 0.0 {
                    film.note(x, y, cover, (id, &mut print));
                    film.put(x, y, cover, paint);
                }
            }
        }
    }
    print
}

/// Bounds in the picture of points of a plane; `None` when one lies behind the camera.
fn bound(camera: &Camera, (origin, s_axis, h_axis): (Vec3, Vec3, Vec3), points: [(f32, f32); 4]) -> Option<[f32; 4]> {
    let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    for (s, h) in points {
        let (x, y, _) = camera.project(along(along(origin, s_axis, s), h_axis, h))?;
        bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
    }
    Some(bounds)
}

/// A column or row as a number within the picture.
fn clip(v: f32, limit: usize) -> usize {
    (v.max(0.0) as usize).min(limit)
}

impl<'a> Sight<'a> {
    fn new(camera: &Camera, light: &'a Light, container: &'a Container, stand: Stand) -> Option<Self> {
        let toward = [camera.eye[0] - stand.base[0], camera.eye[2] - stand.base[2]];
        let distance = toward[0].hypot(toward[1]);
        if !(distance > 50.0) {
            return None;
        }
        let azimuth = toward[0].atan2(toward[1]) / TAU;
        let profile = &container.profile;
        let mut levels = [0; 8];
        for (level, zone) in levels.iter_mut().zip(&container.zones) {
            if let Surface::Print { art, .. } = &zone.surface {
                let per_mm = art.size().1 as f32 / (zone.high - zone.low);
                *level = art.level(per_mm * distance / camera.focal);
            }
        }
        let rows = std::array::from_fn(|k| {
            let h = profile.height * k as f32 / ROWS as f32;
            let front = stand.depth - profile.radius_at(h) * container.section.flatness();
            light.reach(stand.headroom - h, front) * stand.tone
        });
        // Round bodies do not turn with the eye; square ones stand square to the aisle and show a little of their side.
        let turn = stand.turn + azimuth;
        let behind = light.reach(stand.headroom - profile.height * 0.5, stand.depth + profile.widest * 3.0);
        Some(Self {
            container,
            light,
            eye: (camera.eye[1] - stand.base[1], distance),
            turn,
            levels,
            rows,
            rows_per_mm: ROWS as f32 / profile.height,
            taken: [stand.gaps.0, stand.gaps.1].map(|gap| 0.62 / (1.0 + gap.max(0.0) / 22.0)),
            behind,
            scale: camera.focal / distance,
        })
    }

    /// Colour and what is let through at a point of the plane through the axis.
    ///
    /// `lift` is how much higher the line of sight meets the surface than the plane: at the pixel before, and then at this one.
    fn shade(&self, s: f32, h: f32, lift: &mut f32) -> (Rgb, Rgb) {
        let c = self.container;
        let slope = (self.eye.0 - h) / self.eye.1;
        let top = c.profile.height;
        let mouth = c.profile.radius(STEPS);
        if slope > 0.0 {
            let flat = c.section.flatness();
            if h > top - mouth * flat * slope {
                let t = (top - h) / (slope * flat);
                if s * s + t * t <= mouth * mouth {
                    return self.top(s, t, mouth);
                }
            }
        }
        // The surface lies before the plane: find the height at which the line of sight meets it.
        let rise = |y: f32| {
            let r = c.profile.radius_at(y).max(0.5);
            let u = (s.abs() / r).min(1.0);
            (u, h + slope * r * c.section.row(u).depth)
        };
        let mut last = h + *lift;
        let (mut u, mut y) = rise(last);
        if (y - last).abs() > NEAR {
            last = y;
            (u, y) = rise(y);
        }
        if (y - last).abs() > 0.8 {
            // Nearly flat parts, such as the foot of a wine glass, need a steadier search.
            let far = slope * c.profile.widest * c.section.flatness();
            let (mut low, mut high) = (h.min(h + far), h.max(h + far));
            for _ in 0..7 {
                y = f32::midpoint(low, high);
                let (at, met) = rise(y);
                u = at;
                if met > y {
                    low = y;
                } else {
                    high = y;
                }
            }
        }
        *lift = y - h;
        let y = y.clamp(0.0, top);
        let index = c.profile.index(y);
        let row = c.section.row(u);
        let (up, out) = c.profile.normal(index);
        let side = if s < 0.0 { -1.0 } else { 1.0 };
        let point =
            Point { y, index, u, nx: row.nx * side * out, ny: up, nz: row.nz * out, turn: row.turn * side, slope };
        let level = self.level(y) * self.crowding(point.u * side);
        match c.zone(index) {
            Some(zone) => self.zone(zone, &point, level),
            None => self.body(&point, level),
        }
    }

    #[inline]
    fn level(&self, y: f32) -> f32 {
        let at = (y * self.rows_per_mm).clamp(0.0, 0.9999 * ROWS as f32);
        let k = at as usize;
        self.rows[k] + (self.rows[k + 1] - self.rows[k]) * (at - k as f32)
    }

    /// Neighbours take light from the sides.
    #[inline]
    fn crowding(&self, u: f32) -> f32 {
        1.0 - self.taken[usize::from(u >= 0.0)] * smoothstep(0.45, 1.02, u.abs())
    }

    #[inline]
    fn mirror(&self, gloss: Gloss, p: &Point) -> f32 {
        // Looking down by an angle is like tilting the surface by half of it.
        self.light.mirror(gloss, p.nx, p.ny - p.slope * 0.45)
    }

    fn zone(&self, (at, zone): (usize, &Zone), p: &Point, level: f32) -> (Rgb, Rgb) {
        match &zone.surface {
            Surface::Print { art, metal, gloss, shine } => {
                let v = (zone.high - p.y) / (zone.high - zone.low);
                let [r, g, b, a] = art.sample(self.levels[at.min(7)], 0.5 + p.turn + self.turn, v);
                // The edge of a label falls between pixels.
                let edge = ((p.y - zone.low).min(zone.high - p.y) * self.scale + 0.3).clamp(0.0, 1.0);
                let [r, g, b, a] = [r, g, b, a].map(|v| v * edge);
                if a < 0.004 {
                    return self.body(p, level);
                }
                let ink = [r / a, g / a, b / a];
                let color = self.lit(ink, (*metal, *gloss, *shine), p, level);
                if a > 0.99 {
                    return (color, [0.0; 3]);
                }
                let (under, through) = self.body(p, level);
                (std::array::from_fn(|i| color[i] * a + under[i] * (1.0 - a)), through.map(|t| t * (1.0 - a)))
            }
            Surface::Plain { color, metal, ridges, shine } => {
                let mut p = *p;
                if *ridges > 0.0 {
                    let wave = ((p.turn + self.turn) * ridges * TAU).sin();
                    p.nx = (p.nx + 0.35 * wave * p.nz).clamp(-1.0, 1.0);
                    let groove = 1.0 - 0.22 * (0.5 - 0.5 * wave);
                    return (scale(self.lit(*color, (*metal, Gloss::Satin, *shine), &p, level), groove), [0.0; 3]);
                }
                (self.lit(*color, (*metal, Gloss::Satin, *shine), &p, level), [0.0; 3])
            }
        }
    }

    /// Light from an opaque surface.
    #[inline]
    fn lit(&self, ink: Rgb, (metal, gloss, shine): (f32, Gloss, f32), p: &Point, level: f32) -> Rgb {
        let matt = self.light.matt(p.nx, p.ny, p.nz) * level;
        let fresnel = shine * (0.045 + 0.5 * (1.0 - p.nz).max(0.0).powi(4));
        // Mirrors stay bright in the shade: what they show is the aisle.
        let exposed = 0.35 + 0.65 * level.min(1.2);
        let coat = self.mirror(gloss, p) * fresnel * exposed;
        let sheen = if metal > 0.0 { metal * 0.95 * self.mirror(Gloss::Satin, p) * exposed } else { 0.0 };
        let diffuse = matt * (1.0 - 0.72 * metal) + sheen;
        std::array::from_fn(|i| (ink[i] * diffuse + coat) * self.light.tint[i])
    }

    fn body(&self, p: &Point, level: f32) -> (Rgb, Rgb) {
        match &self.container.body {
            Body::Solid { color, metal, shine } => {
                (self.lit(*color, (*metal, Gloss::Satin, *shine), p, level), [0.0; 3])
            }
            Body::Clear(clear) => self.clear(clear, p, level),
        }
    }

    fn clear(&self, clear: &Clear, p: &Point, level: f32) -> (Rgb, Rgb) {
        let profile = &self.container.profile;
        let mut p = *p;
        if let Some((lobes, height)) = self.container.petals.filter(|(_, height)| p.y < *height) {
            // Lobes of a PET base: ridges that run up and fade.
            let fade = 1.0 - p.y / height;
            p.nx = (p.nx + 0.75 * fade * ((p.turn + self.turn) * lobes * TAU).sin()).clamp(-0.99, 0.99);
        }
        let wet = p.y < clear.fill;
        let depth = self.container.section.row(p.u).depth / self.container.section.flatness();
        let chord = depth * profile.radius(p.index) / profile.widest;
        let (through, scattered) = clear.chord(chord, wet);
        let straight = if wet { clear.straight.0 } else { clear.straight.1 };
        let lens = if wet { lens_full(p.u) } else { lens_empty(p.u) };
        // Light inside a drink spreads: its middle and its foot are evenly lit.
        let matt = f32::midpoint(self.light.matt(p.nx, p.ny, p.nz), 0.78) * level;
        let back = lens * (0.42 * level + 0.5 * self.behind) * (1.0 - straight);
        let fresnel = 0.05 + 0.55 * (1.0 - p.nz).max(0.0).powi(4);
        let exposed = 0.4 + 0.6 * level.min(1.2);
        let shine = self.mirror(Gloss::Mirror, &p) * fresnel * exposed * 1.1;
        let mut color: Rgb =
            std::array::from_fn(|i| (scattered[i] * matt + through[i] * back + shine * 0.9) * self.light.tint[i]);
        let line = (p.y - clear.fill).abs();
        if line < 1.6 && clear.fill < profile.height * 0.98 {
            // The surface of the drink: a bright meniscus.
            color = std::array::from_fn(|i| color[i] * 0.9 + 0.10 * level);
        }
        (color, through.map(|t| t * straight * if wet { 1.0 } else { (0.6 + 0.4 * lens).min(1.0) }))
    }

    fn top(&self, s: f32, t: f32, mouth: f32) -> (Rgb, Rgb) {
        let profile = &self.container.profile;
        let level = self.level(profile.height) * 0.9;
        let length = |a: f32, b: f32| (a * a + b * b).sqrt();
        let rho = length(s, t) / mouth;
        match self.container.top {
            Top::Lid => {
                // Rim, groove, panel, tab.
                let blur = (1.6 / (mouth * self.scale)).clamp(0.01, 0.2);
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
                let sky = 0.25 + 0.5 * self.light.mirror(Gloss::Satin, nx, 0.55);
                let grey = 0.62 * sky.min(1.5) * shade * (0.25 + 0.75 * level);
                (times([grey, grey, grey * 1.02], self.light.tint), [0.0; 3])
            }
            Top::Flat(color) => {
                let edge = if rho > 0.86 { 1.12 } else { 0.95 };
                (times(scale(color, edge * level * self.light.matt(0.0, 0.9, 0.3)), self.light.tint), [0.0; 3])
            }
            Top::Open => {
                let rim = smoothstep(0.9, 0.97, rho);
                let bright = rim * 0.5 * (0.3 + 0.7 * level) + 0.03 * level;
                (times([bright; 3], self.light.tint), [0.86 - 0.45 * rim; 3])
            }
        }
    }

    fn handle(&self, handle: Handle, s: f32, h: f32, scale: f32) -> (f32, (Rgb, Rgb)) {
        let middle = f32::midpoint(handle.low, handle.high);
        let r = self.container.profile.radius_at(h.clamp(0.0, self.container.profile.height));
        let (dx, dy) = ((s - r) / handle.reach, (h - middle) / ((handle.high - handle.low) / 2.0));
        if dx < -0.2 {
            return (0.0, ([0.0; 3], [1.0; 3]));
        }
        // A superellipse ring, roughly measured in millimetres.
        let k = (dx.max(0.0).powi(3) + dy.abs().powi(3)).cbrt();
        let from_middle = (k - 0.8) * handle.reach;
        let cover = ((handle.thick / 2.0 - from_middle.abs()) * scale + 0.5).clamp(0.0, 1.0);
        let across = (from_middle / (handle.thick / 2.0)).clamp(-1.0, 1.0);
        let level = self.level(h);
        let shine = self.light.mirror(Gloss::Mirror, across * 0.8, dy * 0.3) * 0.08 + 0.25 * across.abs().powi(6);
        (cover, (times([shine * (0.4 + 0.6 * level) + 0.05; 3], self.light.tint), [0.75 - 0.4 * across.abs(); 3]))
    }
}

/// A point of the surface.
#[derive(Debug, Clone, Copy)]
struct Point {
    y: f32,
    index: usize,
    /// Share of the half width.
    u: f32,
    nx: f32,
    ny: f32,
    nz: f32,
    turn: f32,
    slope: f32,
}

/// How bright the world looks through a full bottle: a lens that turns left and right, dark where its sides bend the light
/// away, with a bright line just inside the edge.
fn lens_full(u: f32) -> f32 {
    let line = 1.0 - ((u - 0.88) / 0.05).abs().min(1.0);
    (0.95 - 0.55 * smoothstep(0.35, 0.78, u) + 0.55 * line * line - 0.30 * smoothstep(0.92, 1.0, u)).max(0.05)
}

/// The same through an empty one: only the wall at the edge bends light.
fn lens_empty(u: f32) -> f32 {
    let line = 1.0 - ((u - 0.90) / 0.04).abs().min(1.0);
    (1.0 - 0.45 * smoothstep(0.70, 0.90, u) + 0.75 * line - 0.35 * smoothstep(0.95, 1.0, u)).max(0.1)
}
