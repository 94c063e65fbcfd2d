//! The pixels of a row that show a container, in columns of numbers: loops over them become vector instructions.

use std::ops::Range;

use super::super::color::smoothstep;
use super::super::container::Container;
use super::super::section::Section;
use super::super::simd::{ABREAST, LENGTH, Lane, ROOM, Scratch, multiversion};
use super::edge::Edge;
use super::paint::{Paint, material};
use super::sight::Sight;

/// Pixels of a strip that follow one another.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) from: usize,
    /// The first one that is not meant.
    pub(super) to: usize,
    /// The first one that may not be written to with what nobody asked for.
    pub(super) end: usize,
}

impl Run {
    #[inline(always)]
    fn new(from: usize, to: usize) -> Self {
        Self { from, to, end: (from + (to - from).next_multiple_of(ABREAST)).min(ROOM) }
    }
}

/// Where the surface is that the pixels show, and how it lies.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    pub(super) count: usize,
    /// Columns of the image, and the fraction of the pixel that is covered.
    pub(super) x: [usize; LENGTH],
    pub(super) cover: Lane,
    /// Place on the plane through the axis that faces the eye, in millimetres: right of the axis, over the base.
    pub(super) s: Lane,
    pub(super) h: Lane,
    /// How much higher the line of sight meets the surface than the plane: first a guess, then as found.
    pub(super) lift: Lane,
    /// How steeply the eye looks down.
    slope: Lane,
    /// Height at which the surface is met.
    pub(super) y: Lane,
    /// Fraction of the half width there, without sign.
    pub(super) u: Lane,
    /// The normal: right, up, towards the eye.
    pub(super) nx: Lane,
    pub(super) ny: Lane,
    pub(super) nz: Lane,
    /// [`Strip::ny`] as the mirror sees it: looking down by an angle is like tilting the surface by half of it.
    pub(super) tilt: Lane,
    /// Turn of the artwork that is seen.
    pub(super) turn: Lane,
    /// Light that gets here.
    pub(super) level: Lane,
    /// Way of the line of sight through the body, as a fraction of the longest.
    pub(super) chord: Lane,
    zone: [u8; ROOM],
    scratch: Scratch,
}

impl Strip {
    pub(super) fn new() -> Self {
        let lane = [0.0; ROOM];
        Self {
            count: 0,
            x: [0; LENGTH],
            cover: lane,
            s: lane,
            h: lane,
            lift: lane,
            slope: lane,
            y: lane,
            u: lane,
            nx: lane,
            ny: lane,
            nz: lane,
            tilt: lane,
            turn: lane,
            level: lane,
            chord: lane,
            zone: [0; ROOM],
            scratch: Scratch::new(),
        }
    }

    /// Adds the pixels `part` of an edge, which begins at column `x`; `lift` is the guess of each.
    #[inline]
    pub(super) fn append(&mut self, edge: &Edge, (x, part): (usize, Range<usize>), lift: &[f32]) {
        let at = self.count..self.count + part.len();
        for (column, slot) in (x + part.start..).zip(&mut self.x[at.clone()]) {
            *slot = column;
        }
        self.lift[at.clone()].copy_from_slice(lift);
        self.cover[at.clone()].copy_from_slice(&edge.cover[part.clone()]);
        self.s[at.clone()].copy_from_slice(&edge.s[part.clone()]);
        self.h[at.clone()].copy_from_slice(&edge.h[part]);
        self.count = at.end;
    }

    /// The first pixels from number `from` on that stand side by side: their numbers.
    #[inline]
    pub(super) fn stretch(&self, from: usize) -> Range<usize> {
        let columns = &self.x[from..self.count];
        from..from + columns.iter().zip(columns[0]..).take_while(|(x, next)| *x == next).count()
    }

    /// Adds a pixel: column, cover, place on the plane, and a guess of how much higher the surface is met.
    #[inline]
    pub(super) fn push(&mut self, x: usize, cover: f32, (s, h, lift): (f32, f32, f32)) {
        let at = self.count;
        (self.x[at], self.cover[at]) = (x, cover);
        (self.s[at], self.h[at], self.lift[at]) = (s, h, lift);
        self.count += 1;
    }
}

multiversion! {
    /// Colour and what is let through at every pixel of the strip.
    pub(super) fn shade(sight: &Sight<'_>, strip: &mut Strip, paint: &mut Paint) = shade_body
}

#[inline(always)]
fn shade_body(sight: &Sight<'_>, strip: &mut Strip, paint: &mut Paint) {
    meet(sight, strip);
    lie(sight, strip);
    let mut from = 0;
    while from < strip.count {
        let zone = strip.zone[from];
        let to = from + strip.zone[from..strip.count].iter().take_while(|other| **other == zone).count();
        material(sight, strip, Run::new(from, to), zone, paint);
        from = to;
    }
}

/// Maximum number of rounds of the search for the surface.
const ROUNDS: usize = 3;

/// Millimetres of difference between two rounds within which the surface need not be found better.
const NEAR: f32 = 0.1;

/// Millimetres of difference that call for a steadier search.
const UNSTEADY: f32 = 0.8;

/// Finds where the lines of sight meet the surface, which lies before the plane.
#[inline(always)]
fn meet(sight: &Sight<'_>, strip: &mut Strip) {
    let (asked, count) = (strip.count, Run::new(0, strip.count).end);
    if asked == 0 {
        return;
    }
    // What is worked on unasked is like the last pixel, and takes no more rounds.
    for lane in [&mut strip.s, &mut strip.h, &mut strip.lift] {
        let last = lane[asked - 1];
        lane[asked..count].fill(last);
    }
    let container = sight.container;
    let (s, h, lift) = (&strip.s[..count], &strip.h[..count], &mut strip.lift[..count]);
    let (slope, y, u) = (&mut strip.slope[..count], &mut strip.y[..count], &mut strip.u[..count]);
    for i in 0..count {
        slope[i] = (sight.eye.0 - h[i]) * sight.per_distance;
        y[i] = h[i] + lift[i];
    }
    let scratch = &mut strip.scratch;
    // What [`rise`] tells, of all at once.
    let mut radius = [0.0; ROOM];
    let radius = &mut radius[..count];
    for _ in 0..ROUNDS {
        container.profile.radii(y, 0.5, scratch, radius);
        let (rows, depths) = (&mut scratch.places[0][..count], &mut scratch.lanes[0][..count]);
        for i in 0..count {
            u[i] = (s[i].abs() / radius[i]).min(1.0);
            rows[i] = Section::place(u[i]);
        }
        for i in 0..count {
            depths[i] = container.section.row_at(rows[i]).depth;
        }
        let mut far = 0;
        for i in 0..count {
            let before = y[i];
            y[i] = h[i] + slope[i] * radius[i] * depths[i];
            // Until the last round, how far it still moves.
            lift[i] = y[i] - before;
            far |= u32::from(lift[i].abs() > NEAR);
        }
        // Seen from the row above the guess was good: once is enough.
        if far == 0 {
            break;
        }
    }
    for i in 0..count {
        if !(lift[i].abs() <= UNSTEADY) {
            (u[i], y[i]) = search(container, (s[i], h[i], slope[i]));
        }
        lift[i] = y[i] - h[i];
        y[i] = y[i].max(0.0).min(container.profile.height);
    }
}

/// Fraction of the half width that the line of sight would meet at height `y`, and the height at which it then meets it.
#[inline(always)]
fn rise(container: &Container, (s, h, slope): (f32, f32, f32), y: f32) -> (f32, f32) {
    let radius = container.profile.radius_at(y).max(0.5);
    let u = (s.abs() / radius).min(1.0);
    (u, h + slope * radius * container.section.row(u).depth)
}

/// The same by halving, where the surface is nearly flat, such as at the foot of a wine glass.
fn search(container: &Container, line: (f32, f32, f32)) -> (f32, f32) {
    let (_, h, slope) = line;
    let far = slope * container.profile.widest * container.section.flatness();
    let (mut low, mut high) = (h.min(h + far), h.max(h + far));
    let mut found = (0.0, h);
    for _ in 0..7 {
        let y = f32::midpoint(low, high);
        let (u, met) = rise(container, line, y);
        found = (u, y);
        if met > y {
            low = y;
        } else {
            high = y;
        }
    }
    found
}

/// How the surface lies where it was met, and how much light gets there.
#[inline(always)]
fn lie(sight: &Sight<'_>, strip: &mut Strip) {
    let count = Run::new(0, strip.count).end;
    let (profile, section) = (&sight.container.profile, &sight.container.section);
    let (s, y, u, slope) = (&strip.s[..count], &strip.y[..count], &strip.u[..count], &strip.slope[..count]);
    let (nx, ny, nz) = (&mut strip.nx[..count], &mut strip.ny[..count], &mut strip.nz[..count]);
    let (tilt, turn) = (&mut strip.tilt[..count], &mut strip.turn[..count]);
    let (level, chord) = (&mut strip.level[..count], &mut strip.chord[..count]);
    let zone = &mut strip.zone[..count];
    let longest = 1.0 / (section.flatness() * profile.widest);
    let [rings, rows, steps, ..] = strip.scratch.places.each_mut().map(|places| &mut places[..count]);
    let [fractions, out, radius, ..] = strip.scratch.lanes.each_mut().map(|lane| &mut lane[..count]);
    for i in 0..count {
        (rings[i], rows[i]) = (profile.index(y[i]) as u32, Section::place(u[i]));
        (steps[i], fractions[i]) = sight.step(y[i]);
    }
    for i in 0..count {
        let index = rings[i] as usize;
        let (ring, row) = (profile.ring(index), section.row_at(rows[i]));
        (out[i], ny[i], radius[i]) = (ring.out, ring.up, ring.radius);
        (nx[i], nz[i], turn[i], chord[i]) = (row.nx, row.nz, row.turn, row.depth);
        zone[i] = sight.container.zone(index);
        level[i] = sight.between(steps[i], fractions[i]);
    }
    for i in 0..count {
        let (side, taken) = if s[i] < 0.0 { (-1.0, sight.taken[0]) } else { (1.0, sight.taken[1]) };
        nx[i] = nx[i] * side * out[i];
        nz[i] *= out[i];
        tilt[i] = ny[i] - slope[i] * 0.45;
        turn[i] = turn[i] * side + sight.turn;
        chord[i] = chord[i] * radius[i] * longest;
        // Neighbours take light from the sides.
        level[i] *= 1.0 - taken * smoothstep(0.45, 1.02, u[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;
    use crate::catalogue::Catalogue;
    use crate::config::SynthConfig;
    use crate::light::Light;
    use crate::rasterizer::Stand;
    use crate::rng::Rng;
    use crate::sku::Appearance;

    /// An image must not depend on the instructions a processor has.
    #[test]
    fn both_versions_shade_the_same() {
        let catalogue = Catalogue::build(&SynthConfig { families: 13, variants: (1, 1), ..SynthConfig::default() });
        let light = Light::sample(&mut Rng::new(3));
        let camera = Camera::looking([90.0, 460.0, 900.0], [0.0, 110.0, 0.0], 0.02, (700.0, (200.0, 200.0)));
        let stand =
            Stand { base: [0.0; 3], turn: 0.1, lean: 0.0, headroom: 400.0, depth: 40.0, gaps: (5.0, 50.0), tone: 1.0 };
        let mut kinds = [0; 2];
        for sku in &catalogue.skus {
            let Appearance::Turned(container) = &sku.appearance else { continue };
            let sight = Sight::new(&camera, &light, container, &stand).unwrap();
            let profile = &container.profile;
            for (row, count) in (0..40).zip([1, 7, 8, 9, 31, 64].into_iter().cycle()) {
                let mut strip = Strip::new();
                let h = profile.height * row as f32 / 40.0;
                for i in 0..count {
                    let s = (i as f32 / 31.5 - 1.0) * profile.radius_at(h);
                    strip.push(i, 1.0, (s, h + 0.01 * s, 0.0));
                }
                let (mut plain, mut paint) = (strip.clone(), Paint::new());
                let mut reference = paint.clone();
                shade(&sight, &mut strip, &mut paint);
                shade_body(&sight, &mut plain, &mut reference);
                let bits = |lane: &Lane| lane[..count].iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&strip.lift), bits(&plain.lift), "{} {h}", sku.code);
                for channel in 0..3 {
                    assert_eq!(bits(&paint.color[channel]), bits(&reference.color[channel]), "{} {h}", sku.code);
                    assert_eq!(bits(&paint.through[channel]), bits(&reference.through[channel]), "{} {h}", sku.code);
                    assert!(paint.color[channel][..count].iter().all(|v| (0.0..60.0).contains(v)), "{} {h}", sku.code);
                }
                let clear = paint.through[1][..count].iter().any(|v| *v > 0.0);
                kinds[usize::from(clear)] += 1;
            }
        }
        assert!(kinds[0] > 100 && kinds[1] > 40, "{kinds:?}");
    }

    #[test]
    fn the_surface_is_met_where_the_line_of_sight_says() {
        let catalogue = Catalogue::build(&SynthConfig { families: 13, variants: (1, 1), ..SynthConfig::default() });
        let light = Light::sample(&mut Rng::new(3));
        let camera = Camera::looking([90.0, 460.0, 900.0], [0.0, 110.0, 0.0], 0.0, (700.0, (200.0, 200.0)));
        let stand =
            Stand { base: [0.0; 3], turn: 0.0, lean: 0.0, headroom: 400.0, depth: 40.0, gaps: (5.0, 5.0), tone: 1.0 };
        let (mut all, mut off) = (0, 0);
        for sku in &catalogue.skus {
            let Appearance::Turned(container) = &sku.appearance else { continue };
            let sight = Sight::new(&camera, &light, container, &stand).unwrap();
            let mut strip = Strip::new();
            for i in 0..LENGTH {
                let h = container.profile.height * (0.1 + 0.6 * i as f32 / LENGTH as f32);
                strip.push(i, 1.0, (0.3 * container.profile.radius_at(h), h, 0.0));
            }
            meet(&sight, &mut strip);
            for i in 0..LENGTH {
                let (y, (s, h)) = (strip.h[i] + strip.lift[i], (strip.s[i], strip.h[i]));
                let (_, met) = rise(container, (s, h, strip.slope[i]), y);
                all += 1;
                off += usize::from((met - y).abs() > 1.0);
            }
        }
        // At corners of the outline there is no such place: the line of sight goes past.
        assert!(all > 500 && off * 50 < all, "{off} of {all}");
    }
}
