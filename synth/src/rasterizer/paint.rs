//! The light that comes from surfaces: print, plastic, metal, glass with something in it.

use super::super::color::{Rgb, smoothstep};
use super::super::container::{Body, Clear, Surface, Zone};
use super::super::light::Gloss;
use super::super::simd::{Lane, ROOM, Scratch, wave};
use super::sight::Sight;
use super::strip::{Run, Strip};

/// What the pixels of a strip look like, and space to work it out.
#[derive(Debug, Clone)]
pub(super) struct Paint {
    /// Linear light, three channels.
    pub(super) color: [Lane; 3],
    /// Fraction of the light behind that is let through.
    pub(super) through: [Lane; 3],
    /// Linear colour of the surface, and how much of the place it covers.
    ink: [Lane; 4],
    /// Light of a print, while what is under it is worked out.
    over: [Lane; 3],
    /// What the surface mirrors, seen sharply and less so.
    coat: Lane,
    sheen: Lane,
    /// Place in the artwork.
    place: [Lane; 2],
    scratch: Scratch,
}

impl Paint {
    pub(super) fn new() -> Self {
        let (lane, rgb) = ([0.0; ROOM], [[0.0; ROOM]; 3]);
        Self {
            color: rgb,
            through: rgb,
            ink: [lane; 4],
            over: rgb,
            coat: lane,
            sheen: lane,
            place: [lane; 2],
            scratch: Scratch::new(),
        }
    }

    /// The same ink everywhere.
    #[inline(always)]
    fn dip(&mut self, run: Run, ink: Rgb) {
        for (lane, ink) in self.ink.iter_mut().zip(ink) {
            lane[run.from..run.end].fill(ink);
        }
    }

    #[inline(always)]
    fn opaque(&mut self, run: Run) {
        for lane in &mut self.through {
            lane[run.from..run.end].fill(0.0);
        }
    }
}

/// How an opaque surface takes light.
#[derive(Clone, Copy)]
struct Finish {
    /// 0 paper or plastic, 1 metal.
    metal: f32,
    gloss: Gloss,
    /// Strength of the shine.
    shine: f32,
}

/// Paints a run of pixels that show one zone, or the body where no zone is.
#[inline(always)]
pub(super) fn material(sight: &Sight<'_>, strip: &mut Strip, run: Run, number: u8, paint: &mut Paint) {
    let number = usize::from(number);
    let Some(zone) = sight.container.zones.get(number) else { return body(sight, strip, run, paint) };
    match &zone.surface {
        Surface::Print { metal, gloss, shine, .. } => {
            let finish = Finish { metal: *metal, gloss: *gloss, shine: *shine };
            print(sight, strip, run, (number, zone, finish), paint);
        }
        Surface::Plain { color, metal, ridges, shine } => {
            paint.dip(run, *color);
            if *ridges > 0.0 {
                ribs(strip, run, *ridges);
            }
            lit(sight, strip, run, Finish { metal: *metal, gloss: Gloss::Satin, shine: *shine }, paint);
            paint.opaque(run);
        }
    }
}

/// Upright ridges: they turn the surface to and fro, and their grooves are darker.
#[inline(always)]
fn ribs(strip: &mut Strip, Run { from, to, .. }: Run, ridges: f32) {
    let (nx, nz, turn) = (&mut strip.nx[from..to], &strip.nz[from..to], &strip.turn[from..to]);
    let level = &mut strip.level[from..to];
    for i in 0..to - from {
        let wave = wave(turn[i] * ridges);
        nx[i] = (nx[i] + 0.35 * wave * nz[i]).clamp(-1.0, 1.0);
        level[i] *= 1.0 - 0.22 * (0.5 - 0.5 * wave);
    }
}

/// Artwork round the body; where it is transparent the body shows.
#[inline(always)]
fn print(
    sight: &Sight<'_>,
    strip: &mut Strip,
    run: Run,
    (number, zone, finish): (usize, &Zone, Finish),
    paint: &mut Paint,
) {
    let Surface::Print { art, .. } = &zone.surface else { return };
    let (from, to) = (run.from, run.end);
    let count = to - from;
    let (y, turn) = (&strip.y[from..to], &strip.turn[from..to]);
    let [across, down] = &mut paint.place;
    let (across, down) = (&mut across[from..to], &mut down[from..to]);
    let per_mm = 1.0 / (zone.high - zone.low);
    for i in 0..count {
        across[i] = turn[i];
        down[i] = (zone.high - y[i]) * per_mm;
    }
    let [r, g, b, a] = &mut paint.ink;
    let (r, g, b, a) = (&mut r[from..to], &mut g[from..to], &mut b[from..to], &mut a[from..to]);
    art.sample_all(sight.details[number.min(7)], (across, down), &mut paint.scratch, [r, g, b, a]);
    for i in 0..count {
        // The edge of a label falls between pixels.
        let edge = (y[i] - zone.low).min(zone.high - y[i]) * sight.scale + 0.3;
        let alpha = a[i] * edge.clamp(0.0, 1.0);
        let pure = if a[i] > 0.004 { 1.0 / a[i] } else { 0.0 };
        (r[i], g[i], b[i]) = (r[i] * pure, g[i] * pure, b[i] * pure);
        a[i] = if alpha > 0.99 {
            1.0
        } else if alpha < 0.004 {
            0.0
        } else {
            alpha
        };
    }
    let covers = a[..run.to - from].iter().all(|a| *a >= 1.0);
    lit(sight, strip, run, finish, paint);
    if covers {
        return paint.opaque(run);
    }
    paint.over = paint.color;
    let alpha: Lane = paint.ink[3];
    body(sight, strip, run, paint);
    let alpha = &alpha[from..to];
    for ((over, color), through) in paint.over.iter().zip(&mut paint.color).zip(&mut paint.through) {
        let (over, color, through) = (&over[from..to], &mut color[from..to], &mut through[from..to]);
        for i in 0..count {
            color[i] = over[i] * alpha[i] + color[i] * (1.0 - alpha[i]);
            through[i] *= 1.0 - alpha[i];
        }
    }
}

/// Light from an opaque surface of the paint's ink.
#[inline(always)]
fn lit(sight: &Sight<'_>, strip: &Strip, Run { from, end: to, .. }: Run, finish: Finish, paint: &mut Paint) {
    let light = sight.light;
    let (nx, ny, nz) = (&strip.nx[from..to], &strip.ny[from..to], &strip.nz[from..to]);
    let (tilt, level) = (&strip.tilt[from..to], &strip.level[from..to]);
    let (coat, sheen) = (&mut paint.coat[from..to], &mut paint.sheen[from..to]);
    light.mirror_all(finish.gloss, (nx, tilt), &mut paint.scratch, coat);
    if finish.metal > 0.0 && finish.gloss == Gloss::Satin {
        sheen.copy_from_slice(coat);
    } else if finish.metal > 0.0 {
        light.mirror_all(Gloss::Satin, (nx, tilt), &mut paint.scratch, sheen);
    } else {
        sheen.fill(0.0);
    }
    for i in 0..to - from {
        let matt = light.matt(nx[i], ny[i], nz[i]) * level[i];
        // Mirrors stay bright in the shade: what they show is the aisle.
        let exposed = 0.35 + 0.65 * level[i].min(1.2);
        coat[i] = coat[i] * finish.shine * (0.045 + 0.5 * grazing(nz[i])) * exposed;
        sheen[i] = matt * (1.0 - 0.72 * finish.metal) + finish.metal * 0.95 * sheen[i] * exposed;
    }
    for ((color, ink), tint) in paint.color.iter_mut().zip(&paint.ink).zip(light.tint) {
        let (color, ink) = (&mut color[from..to], &ink[from..to]);
        for i in 0..to - from {
            color[i] = (ink[i] * sheen[i] + coat[i]) * tint;
        }
    }
}

/// Fresnel's rise of reflection towards grazing sight (Schlick), to the fourth power.
#[inline(always)]
fn grazing(nz: f32) -> f32 {
    let away = (1.0 - nz).max(0.0);
    let square = away * away;
    square * square
}

#[inline(always)]
fn body(sight: &Sight<'_>, strip: &mut Strip, run: Run, paint: &mut Paint) {
    match &sight.container.body {
        Body::Solid { color, metal, shine } => {
            paint.dip(run, *color);
            lit(sight, strip, run, Finish { metal: *metal, gloss: Gloss::Satin, shine: *shine }, paint);
            paint.opaque(run);
        }
        Body::Clear(clear) => glass(sight, strip, run, clear, paint),
    }
}

/// Glass or clear plastic, and what is in it.
#[inline(always)]
fn glass(sight: &Sight<'_>, strip: &mut Strip, run: Run, clear: &Clear, paint: &mut Paint) {
    if let Some((lobes, height)) = sight.container.petals {
        // Lobes of a PET base: ridges that run up and fade.
        let (from, to) = (run.from, run.to);
        let (nx, y, turn) = (&mut strip.nx[from..to], &strip.y[from..to], &strip.turn[from..to]);
        for i in 0..to - from {
            let fade = (1.0 - y[i] / height).max(0.0);
            nx[i] = (nx[i] + 0.75 * fade * wave(turn[i] * lobes)).clamp(-0.99, 0.99);
        }
    }
    let (light, from, to) = (sight.light, run.from, run.end);
    let count = to - from;
    let (nx, ny, nz) = (&strip.nx[from..to], &strip.ny[from..to], &strip.nz[from..to]);
    let (tilt, level) = (&strip.tilt[from..to], &strip.level[from..to]);
    let (u, y, chord) = (&strip.u[from..to], &strip.y[from..to], &strip.chord[from..to]);
    let coat = &mut paint.coat[from..to];
    light.mirror_all(Gloss::Mirror, (nx, tilt), &mut paint.scratch, coat);
    let [r, g, b] = &mut paint.color;
    let (r, g, b) = (&mut r[from..to], &mut g[from..to], &mut b[from..to]);
    let [tr, tg, tb] = &mut paint.through;
    let (tr, tg, tb) = (&mut tr[from..to], &mut tg[from..to], &mut tb[from..to]);
    let places = &mut paint.scratch.places[0][..count];
    for i in 0..count {
        places[i] = Clear::place(chord[i], y[i] < clear.fill);
    }
    for i in 0..count {
        [tr[i], tg[i], tb[i], r[i], g[i], b[i]] = *clear.chord(places[i]);
    }
    // A brim-full glass has no line.
    let line = if clear.fill < sight.container.profile.height * 0.98 { 1.6 } else { 0.0 };
    let tint = light.tint;
    for i in 0..count {
        let wet = y[i] < clear.fill;
        let straight = if wet { clear.straight.0 } else { clear.straight.1 };
        let lens = if wet { lens_full(u[i]) } else { lens_empty(u[i]) };
        // Light inside a drink spreads: its middle and its foot are evenly lit.
        let matt = (light.matt(nx[i], ny[i], nz[i]) + 0.78) * 0.5 * level[i];
        let back = lens * (0.42 * level[i] + 0.5 * sight.behind) * (1.0 - straight);
        let exposed = 0.4 + 0.6 * level[i].min(1.2);
        let shine = coat[i] * (0.05 + 0.55 * grazing(nz[i])) * exposed * 0.99;
        // The surface of the drink: a bright meniscus.
        let meniscus = (y[i] - clear.fill).abs() < line;
        let (keep, bright) = if meniscus { (0.9, 0.10 * level[i]) } else { (1.0, 0.0) };
        r[i] = (r[i] * matt + tr[i] * back + shine) * tint[0] * keep + bright;
        g[i] = (g[i] * matt + tg[i] * back + shine) * tint[1] * keep + bright;
        b[i] = (b[i] * matt + tb[i] * back + shine) * tint[2] * keep + bright;
        let pass = straight * if wet { 1.0 } else { (0.6 + 0.4 * lens).min(1.0) };
        (tr[i], tg[i], tb[i]) = (tr[i] * pass, tg[i] * pass, tb[i] * pass);
    }
}

/// How bright the world looks through a full bottle: a lens that turns left and right, dark where its sides bend the light
/// away, with a bright line just inside the edge.
#[inline(always)]
fn lens_full(u: f32) -> f32 {
    let line = 1.0 - ((u - 0.88) * 20.0).abs().min(1.0);
    (0.95 - 0.55 * smoothstep(0.35, 0.78, u) + 0.55 * line * line - 0.30 * smoothstep(0.92, 1.0, u)).max(0.05)
}

/// The same through an empty one: only the wall at the edge bends light.
#[inline(always)]
fn lens_empty(u: f32) -> f32 {
    let line = 1.0 - ((u - 0.90) * 25.0).abs().min(1.0);
    (1.0 - 0.45 * smoothstep(0.70, 0.90, u) + 0.75 * line - 0.35 * smoothstep(0.95, 1.0, u)).max(0.1)
}
