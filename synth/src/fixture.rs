//! The furniture: boards, rails with price tags, back wall, uprights, trays, promotion cards.

use std::f32::consts::TAU;

use super::camera::{Camera, Vec3};
use super::catalogue::Catalogue;
use super::color::{Rgb, hex, linear, mix, scale, smoothstep, times};
use super::framebuffer::Framebuffer;
use super::layout::{Layout, Row};
use super::light::{Gloss, Light};
use super::quad::{self, Quad, Stroke};
use super::rng::Rng;
use super::shade_map::ShadeMap;
use super::simd::{nearest, wave};
use super::sku::Sort;
use super::texture::Texture;

/// How the furniture of a shop looks.
#[derive(Debug, Clone)]
pub struct Fixture {
    board: Rgb,
    rail: Rgb,
    channel: Rgb,
    wall: Rgb,
    pattern: Pattern,
    /// Which of a product's tags.
    tag_style: usize,
    /// Size of a tag.
    tag_size: (f32, f32),
    perforated: bool,
    tilt: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Plain,
    Holes,
    Slats,
    Wood,
}

impl Fixture {
    /// Some shop's furniture.
    #[must_use]
    pub fn sample(rng: &mut Rng) -> Self {
        let wooden = rng.chance(0.18);
        let (board, wall) = if wooden {
            let wood = *rng.pick(&[hex(0xa9794a), hex(0x6f4a2c), hex(0xc9a577)]);
            (wood, mix(wood, [0.1, 0.07, 0.05], rng.range(0.2, 0.6)))
        } else {
            let board = *rng.pick(&[hex(0xe8e8e4), hex(0xdcdcd6), hex(0xf1efe8), hex(0xbdbfc0), hex(0x4a4c50)]);
            (board, *rng.pick(&[hex(0xd9d9d4), hex(0xb9bab8), hex(0xe6e2d6), hex(0x6a6c70), hex(0x2f3135)]))
        };
        let rail = if rng.chance(0.6) {
            mix(board, [0.95; 3], 0.35)
        } else {
            *rng.pick(&[hex(0xf2f2f0), hex(0xc8171e), hex(0x2d2f33), hex(0x1c5aa8), hex(0x2f8a3d), hex(0xd8dadc)])
        };
        let channel = if rng.chance(0.7) {
            mix(rail, [1.0; 3], 0.25)
        } else {
            *rng.pick(&[hex(0xf4e13a), hex(0xffffff), hex(0xd6262c)])
        };
        let pattern = if wooden {
            Pattern::Wood
        } else {
            *rng.pick(&[Pattern::Plain, Pattern::Holes, Pattern::Holes, Pattern::Slats])
        };
        Self {
            board,
            rail,
            channel,
            wall,
            pattern,
            tag_style: rng.below(4),
            tag_size: (rng.range(52.0, 76.0), rng.range(28.0, 38.0)),
            perforated: !wooden && rng.chance(0.35),
            tilt: rng.range(0.0, 8.0),
        }
    }

    /// Rails, tags and cards: everything before the items.
    pub fn front(
        &self,
        frame: &mut Framebuffer,
        camera: &Camera,
        light: &Light,
        (layout, catalogue, rng): (&Layout, &Catalogue, &mut Rng),
    ) {
        let crowded = rng.range(0.5, 1.0);
        for row in &layout.rows {
            let mut own = Rng::new(rng.next_u32().into());
            for block in &row.blocks {
                let spare = block.span.1 - block.span.0 - self.tag_size.0;
                let x = block.span.0 + spare * if own.chance(0.6) { 0.5 } else { own.unit() };
                if own.chance(0.03) && !catalogue.promotions.is_empty() {
                    let card = own.pick(&catalogue.promotions);
                    let (w, h) = (own.range(90.0, 130.0), own.range(64.0, 95.0));
                    let y = row.floor - layout.board.1 * 0.9 - if own.chance(0.5) { h * 0.35 } else { 0.0 };
                    self.card(frame, camera, light, (card, [x, y, 5.0 + self.tilt], (w, h), own.normal(0.03)));
                } else if let Some(tags) = tags(catalogue, block.sku).filter(|_| own.chance(crowded)) {
                    let style = if own.chance(0.12) { 2 } else { self.tag_style };
                    let (w, h) = self.tag_size;
                    let at = [
                        x + own.normal(3.0),
                        row.floor - layout.board.1 * 0.52 - h / 2.0 + own.normal(0.8),
                        2.5 + self.tilt,
                    ];
                    self.card(frame, camera, light, (&tags[style], at, (w, h), own.normal(0.012)));
                }
            }
            self.rail(frame, camera, light, (layout, row));
        }
    }

    fn card(
        &self,
        frame: &mut Framebuffer,
        camera: &Camera,
        light: &Light,
        (texture, at, (w, h), turn): (&Texture, Vec3, (f32, f32), f32),
    ) {
        let (sin, cos) = turn.sin_cos();
        let quad = Quad { origin: at, side_a: [w * cos, w * sin, 0.0], side_b: [-h * sin, h * cos, -3.0] };
        let level = texture.level(texture.size().1 as f32 / h * (camera.eye[2] - at[2]).max(100.0) / camera.focal);
        quad::draw(frame, camera, &quad, Stroke::default(), |a, b| {
            let [r, g, bl, _] = texture.sample(level, a, 1.0 - b);
            // A plastic cover shines a little.
            let shine = 0.03 * light.mirror(Gloss::Satin, (a - 0.5) * 0.2, 0.15 + b * 0.1);
            let matt = light.matt(0.0, 0.05, 1.0) * 0.98;
            times([r * matt + shine, g * matt + shine, bl * matt + shine], light.tint)
        });
    }

    fn rail(&self, frame: &mut Framebuffer, camera: &Camera, light: &Light, (layout, row): (&Layout, &Row)) {
        let (length, height) = (layout.half_length * 2.0, layout.board.1);
        let quad = Quad {
            origin: [-layout.half_length, row.floor - height, self.tilt],
            side_a: [length, 0.0, 0.0],
            side_b: [0.0, height + 2.0, -self.tilt],
        };
        let bands = Bands::new(|b| {
            let (rail, channel) = (linear(self.rail), linear(self.channel));
            // Lip above, groove for the tags, edge below.
            let (ink, ny) = match b {
                b if b > 0.93 => (rail, 0.75),
                b if b > 0.86 => (scale(rail, 0.72), -0.2),
                b if b > 0.20 => (channel, 0.02 + 0.10 * (b - 0.5)),
                b if b > 0.15 => (scale(rail, 0.6), -0.4),
                b if b > 0.04 => (rail, 0.25),
                _ => (scale(rail, 0.45), -0.6),
            };
            scale(ink, light.matt(0.0, ny, 0.95))
        });
        let blur = camera.eye[2].max(200.0) / camera.focal / height;
        // How it shines and bends, along its length.
        let waves = table(frame, |a| {
            let x = a * length - layout.half_length;
            (0.03 * light.mirror(Gloss::Satin, 0.25 * (x * 0.002).sin(), 0.12), 0.96 + 0.04 * (x * 0.011).sin())
        });
        quad::draw(frame, camera, &quad, Stroke::default(), |a, b| {
            let x = a * length - layout.half_length;
            let (shine, dent) = waves[(a * STEPS as f32) as usize];
            let joint = modulo(x - layout.bays.1, layout.bays.0);
            let seam = if joint.min(layout.bays.0 - joint) < 1.6 { 0.25 } else { 1.0 };
            let color = bands.mean(b, blur);
            std::array::from_fn(|i| (color[i] * seam * dent + shine) * light.tint[i])
        });
    }

    /// The board under a row, seen from above.
    pub fn floor(
        &self,
        frame: &mut Framebuffer,
        camera: &Camera,
        light: &Light,
        (layout, row, shade): (&Layout, &Row, &ShadeMap),
    ) {
        let length = layout.half_length * 2.0;
        let quad = Quad {
            origin: [-layout.half_length, row.floor, 0.0],
            side_a: [length, 0.0, 0.0],
            side_b: [0.0, 0.0, -layout.depth],
        };
        let board = linear(self.board);
        let gap = row.ceiling - row.floor;
        let reach = table(frame, |b| light.reach(gap, b * layout.depth));
        let (shine, matt) = (0.05 * light.mirror(Gloss::Matt, 0.0, 0.55), 0.85 * light.matt(0.0, 0.95, 0.2));
        quad::draw(frame, camera, &quad, Stroke { grow: 0.5, item: None }, |a, b| {
            let (x, z) = (a * length - layout.half_length, b * layout.depth);
            let shaded = shade.at(x, z);
            let level = reach[(b * STEPS as f32) as usize] * shaded;
            let hole = if self.perforated && hole_at(x, z) < 4.0 { 0.5 } else { 1.0 };
            let grain = self.grain(x, z);
            let (shine, matt) = (shine * shaded, matt * level * hole * grain);
            times(std::array::from_fn(|i| board[i] * matt + shine), light.tint)
        });
    }

    /// The lower side of the board above a row.
    pub fn ceiling(&self, frame: &mut Framebuffer, camera: &Camera, light: &Light, (layout, row): (&Layout, &Row)) {
        let length = layout.half_length * 2.0;
        let quad = Quad {
            origin: [-layout.half_length, row.ceiling, 0.0],
            side_a: [length, 0.0, 0.0],
            side_b: [0.0, 0.0, -layout.depth],
        };
        let board = linear(self.board);
        // Lit only by what the floor and the goods throw back.
        let levels = table(frame, |b| {
            let z = b * layout.depth;
            (0.34 * light.ambient + 0.10) / (1.0 + (z / 260.0).powi(2))
                + light.strips * (-((z - 40.0) / 30.0).powi(2)).exp()
        });
        quad::draw(frame, camera, &quad, Stroke { grow: 0.5, item: None }, |a, b| {
            let x = a * length - layout.half_length;
            let level = levels[(b * STEPS as f32) as usize];
            let rib = if (modulo(x, 310.0) - 155.0).abs() < 4.0 { 0.7 } else { 1.0 };
            times(scale(board, level * rib), light.tint)
        });
    }

    /// The wall behind a row.
    pub fn wall(&self, frame: &mut Framebuffer, camera: &Camera, light: &Light, (layout, row): (&Layout, &Row)) {
        let length = layout.half_length * 2.0;
        let (low, high) = (row.floor - layout.board.0, row.ceiling + layout.board.0);
        let quad = Quad {
            origin: [-layout.half_length, low, -layout.depth],
            side_a: [length, 0.0, 0.0],
            side_b: [0.0, high - low, 0.0],
        };
        let wall = linear(self.wall);
        let matt = light.matt(0.0, 0.0, 1.0);
        let levels = table(frame, |b| {
            let y = low + b * (high - low);
            let foot = 0.55 + 0.45 * smoothstep(0.0, 60.0, y - row.floor);
            (0.05 + light.reach(row.ceiling - y, layout.depth) * foot) * matt
        });
        quad::draw(frame, camera, &quad, Stroke { grow: 0.5, item: None }, |a, b| {
            let (x, y) = (a * length - layout.half_length, low + b * (high - low));
            let level = levels[(b * STEPS as f32) as usize];
            let joint = modulo(x - layout.bays.1, layout.bays.0);
            let upright = joint.min(layout.bays.0 - joint);
            let mark = match self.pattern {
                Pattern::Holes if hole_at(x, y) < 3.4 => 0.35,
                Pattern::Slats if modulo(y, 100.0) < 7.0 => 0.35,
                Pattern::Wood => self.grain(y, x),
                _ => 1.0,
            };
            let ink = if upright < 16.0 {
                scale(wall, if modulo(y, 32.0) < 14.0 && upright < 4.0 { 0.2 } else { 1.15 })
            } else {
                scale(wall, mark)
            };
            times(scale(ink, level), light.tint)
        });
    }

    fn grain(&self, x: f32, z: f32) -> f32 {
        if self.pattern == Pattern::Wood {
            let sin = |v: f32| wave(v * (1.0 / TAU));
            let bend = z + 6.0 * sin(x * 0.004);
            0.86 + 0.09 * sin(bend * 0.55 + 2.0 * sin(x * 0.013)) + 0.05 * sin(bend * 1.7)
        } else {
            1.0
        }
    }

    /// The front of a tray with goods in it.
    pub fn tray(&self, frame: &mut Framebuffer, camera: &Camera, light: &Light, (row, catalogue): (&Row, &Catalogue)) {
        for (number, block) in row.blocks.iter().enumerate().filter(|(_, block)| block.tray > 0.0) {
            let Some(front) = row.items.iter().filter(|i| i.block == number).map(|i| i.z).max_by(f32::total_cmp) else {
                continue;
            };
            let product = &catalogue.skus[block.sku];
            let Some(art) = &product.tray else { continue };
            let depth = product.size()[2];
            let (x1, x2) = (block.span.0 - 1.0, block.span.1 + 1.0);
            let quad = Quad {
                origin: [x1, row.floor, front + depth / 2.0 + 2.0],
                side_a: [x2 - x1, 0.0, 0.0],
                side_b: [0.0, block.tray, 0.0],
            };
            let (wide, high) = art.size();
            // As many repetitions as keep the letters in shape.
            let repeats = ((x2 - x1) / block.tray * high as f32 / wide as f32).round().max(1.0);
            let level = art.level(high as f32 / block.tray * camera.eye[2].max(200.0) / camera.focal);
            let reach = light.reach(row.ceiling - row.floor, 5.0);
            quad::draw(frame, camera, &quad, Stroke::default(), |a, b| {
                let fold = (a * (x2 - x1)).min((1.0 - a) * (x2 - x1)) < 3.0;
                let [r, g, bl, _] = art.sample(level, (a * repeats).fract(), 1.0 - b);
                let sag = 0.06 * wave((a * 9.0 + x1) * (1.0 / TAU));
                let matt = light.matt(sag, 0.0, 1.0) * reach * if fold { 0.75 } else { 1.0 } * (0.82 + 0.18 * b);
                times(scale([r, g, bl], matt), light.tint)
            });
        }
    }
}

/// The price tags of a product; those of a synthetic one for what is pasted, of which nobody knows the price.
fn tags(catalogue: &Catalogue, sku: usize) -> Option<&[Texture]> {
    let own = &catalogue.skus[sku].tags;
    let lent = || {
        let rendered = catalogue.skus.partition_point(|sku| sku.sort != Sort::Pasted);
        (rendered > 0).then(|| &catalogue.skus[sku.wrapping_mul(7919) % rendered].tags)
    };
    let tags = if own.is_empty() { lent()? } else { own };
    (!tags.is_empty()).then_some(tags)
}

/// Bands along something long, averaged over what a pixel sees of them so that thin ones do not flicker.
struct Bands {
    /// Sums of the colours from 0 up to each step.
    sums: Vec<Rgb>,
}

const BANDS: usize = 200;

impl Bands {
    fn new(color: impl Fn(f32) -> Rgb) -> Self {
        let mut sums = vec![[0.0; 3]];
        for k in 0..BANDS {
            let c = color((k as f32 + 0.5) / BANDS as f32);
            sums.push(std::array::from_fn(|i| sums[k][i] + c[i]));
        }
        Self { sums }
    }

    fn mean(&self, at: f32, width: f32) -> Rgb {
        let step = |v: f32| nearest(v.clamp(0.0, 1.0) * BANDS as f32).min(BANDS);
        let low = step(at - width / 2.0).min(BANDS - 1);
        let high = step(at + width / 2.0).max(low + 1);
        let part = 1.0 / (high - low) as f32;
        std::array::from_fn(|i| (self.sums[high][i] - self.sums[low][i]) * part)
    }
}

const STEPS: usize = 1024;

/// What changes only in one direction of a quad, at [`STEPS`] places from 0 to 1 and at 1; of a sketch nobody asks.
fn table<T>(frame: &Framebuffer, value: impl Fn(f32) -> T) -> Vec<T> {
    let steps = if frame.sketch { 0..0 } else { 0..STEPS + 1 };
    steps.map(|k| value(k as f32 / STEPS as f32)).collect()
}

/// What is left of `v` after whole periods; `f32::rem_euclid` is a library call.
#[inline]
fn modulo(v: f32, period: f32) -> f32 {
    v - ((v * (1.0 / period) + 65_536.0) as i32 - 65_536) as f32 * period
}

/// Distance to the nearest hole of a perforated sheet.
fn hole_at(x: f32, y: f32) -> f32 {
    let (dx, dy) = (modulo(x, 25.0) - 12.5, modulo(y, 25.0) - 12.5);
    (dx * dx + dy * dy).sqrt()
}
