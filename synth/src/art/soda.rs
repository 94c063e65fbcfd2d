//! Soft drinks: the wraps of cans and the labels of PET bottles.

use super::{BLACK, Design, Panel, WHITE, brand_lettering, cased, dark, fronts, ink_on, light, sides};
use crate::canvas::Canvas;
use crate::color::{Rgb, luma, mix};
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, Spot, write, write_outlined};
use crate::words::Fruit;

/// A wrap of `width` x `height` pixels.
#[must_use]
pub fn wrap(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let color = design.flavour.color;
    let layout = rng.below(7);
    let style =
        Style { lettering: brand_lettering(&mut rng), text: cased(&design.brand, &mut rng), salt: rng.next_u32() };
    canvas.clear(color);
    match layout {
        0 => wave(&mut canvas, design, &style),
        1 => upright(&mut canvas, design, &style),
        2 => badge(&mut canvas, design, &style),
        3 => split(&mut canvas, design, &style),
        4 => bands(&mut canvas, design, &style),
        5 => fruity(&mut canvas, design, &style),
        _ => energy(&mut canvas, design, &style),
    }
    let side = canvas.at(width / 4, height / 2);
    sides(&mut canvas, ink_on([side[0], side[1], side[2]]), &mut Rng::new(design.seed ^ 77));
    canvas
}

struct Style {
    lettering: Lettering,
    text: String,
    salt: u32,
}

impl Style {
    fn brand(&self, canvas: &mut Canvas, spot: Spot, color: Rgb, around: Rgb) {
        let px = (spot.height * 0.09).max(1.0);
        let outlines = [
            Outline { color: dark(around, 0.5), width: px * 1.2, shift: (px * 0.8, px * 1.1) },
            Outline { color: around, width: px, shift: (0.0, 0.0) },
        ];
        write_outlined(canvas, &self.text, self.lettering, spot, (color, &outlines));
    }

    fn rng(&self) -> Rng {
        Rng::new(u64::from(self.salt))
    }
}

fn footer(canvas: &mut Canvas, design: &Design, panel: Panel, ink: Rgb) {
    write(canvas, &design.volume, Lettering::new(Face::Sans), panel.spot(0.955, 0.5, 0.026), ink);
}

fn wave(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (h, color) = (canvas.height as f32, design.flavour.color);
    let base = color;
    let rim = if luma(color) > 0.7 { design.base } else { WHITE };
    canvas.paint(canvas.bounds(), |_, y| Some((dark(base, 0.25), (y / h - 0.3).max(0.0) * 0.6)));
    icons::swoosh(canvas, (h * 0.70, h * 0.17), (h * 0.045, 0.4), rim);
    icons::swoosh(canvas, (h * 0.74, h * 0.075), (h * 0.045, 0.5), design.accent);
    for panel in fronts(canvas) {
        let ink = if luma(color) > 0.7 { design.base } else { WHITE };
        style.brand(
            canvas,
            panel.spot(0.40, 1.08, 0.17),
            ink,
            if luma(color) > 0.7 { WHITE } else { dark(color, 0.35) },
        );
        write(
            canvas,
            design.flavour.word,
            Lettering { tracking: 0.12, ..Lettering::new(Face::Sans) },
            panel.spot(0.72, 0.86, 0.052),
            dark(design.accent, 0.55),
        );
        write(canvas, design.slogan, Lettering::new(Face::Italic), panel.spot(0.20, 0.7, 0.03), ink);
        icons::fruit(
            canvas,
            design.flavour.fruit,
            (panel.cx + panel.width * 0.26, panel.y(0.84)),
            panel.size() * 0.24,
            light(color, 0.1),
        );
        footer(canvas, design, panel, ink);
    }
}

fn upright(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (w, h, color) = (canvas.width as f32, canvas.height as f32, design.flavour.color);
    let ink = ink_on(color);
    let stripe = if luma(color) > 0.6 { design.base } else { light(color, 0.85) };
    for panel in fronts(canvas) {
        canvas.rect([panel.cx + panel.width * 0.40, 0.0, panel.cx + panel.width * 0.47, h], 0.0, stripe);
        canvas.rect([panel.cx + panel.width * 0.49, 0.0, panel.cx + panel.width * 0.51, h], 0.0, design.accent);
        let lettering = Lettering { turn: -std::f32::consts::FRAC_PI_2, arch: 0.0, ..style.lettering };
        let spot =
            Spot { center: (panel.cx - panel.width * 0.04, h * 0.5), width: h * 0.82, height: (w * 0.15).min(h * 0.3) };
        let px = (spot.height * 0.05).max(0.8);
        write_outlined(
            canvas,
            &style.text,
            lettering,
            spot,
            (ink, &[Outline { color: dark(color, 0.45), width: px, shift: (px, px) }]),
        );
        let small = Spot { center: (panel.cx + panel.width * 0.30, h * 0.66), width: h * 0.5, height: w * 0.028 };
        write(
            canvas,
            design.flavour.word,
            Lettering { turn: -std::f32::consts::FRAC_PI_2, tracking: 0.2, ..Lettering::new(Face::Sans) },
            small,
            ink,
        );
        icons::fruit(
            canvas,
            design.flavour.fruit,
            (panel.cx + panel.width * 0.24, panel.y(0.16)),
            panel.size() * 0.26,
            light(color, 0.2),
        );
        footer(canvas, design, panel, ink);
    }
}

fn badge(canvas: &mut Canvas, design: &Design, style: &Style) {
    let color = design.flavour.color;
    let h = canvas.height as f32;
    for panel in fronts(canvas) {
        let center = (panel.cx, panel.y(0.42));
        icons::rays(
            canvas,
            [panel.cx - panel.width * 0.8, 0.0, panel.cx + panel.width * 0.8, h],
            center,
            22.0,
            (light(color, 0.5), 0.35),
        );
    }
    for panel in fronts(canvas) {
        let center = (panel.cx, panel.y(0.42));
        let r = (panel.width * 0.5).min(panel.height() * 0.36);
        if design.flavour.fruit != Fruit::None {
            icons::fruit(
                canvas,
                design.flavour.fruit,
                (panel.cx - r * 0.75, panel.y(0.72)),
                r * 0.95,
                light(color, 0.08),
            );
            icons::fruit(
                canvas,
                design.flavour.fruit,
                (panel.cx + r * 0.7, panel.y(0.76)),
                r * 0.8,
                light(color, 0.08),
            );
        }
        canvas.ellipse(center, (r * 1.08, r * 0.90), WHITE);
        canvas.ellipse(center, (r, r * 0.82), design.base);
        canvas.ring(center, (r * 0.93, r * 0.75), (r * 0.03).max(0.8), design.accent);
        style.brand(canvas, Spot { center, width: r * 1.75, height: r * 0.40 }, WHITE, dark(design.base, 0.4));
        icons::star(canvas, (panel.cx, center.1 - r * 0.55), r * 0.13, design.accent);
        let ink = ink_on(color);
        icons::ribbon(canvas, (panel.cx, panel.y(0.78)), (panel.width * 0.72, panel.height() * 0.085), design.accent);
        write(
            canvas,
            design.flavour.word,
            Lettering { tracking: 0.08, ..Lettering::new(Face::Narrow) },
            panel.spot(0.78, 0.66, 0.05),
            ink_on(design.accent),
        );
        footer(canvas, design, panel, ink);
    }
}

fn split(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (w, h, color) = (canvas.width as f32, canvas.height as f32, design.flavour.color);
    let other = if luma(color) > 0.45 { dark(design.base, 0.2) } else { light(color, 0.9) };
    canvas.paint(canvas.bounds(), |x, y| {
        let edge = h * (0.46 + 0.20 * (x / w * std::f32::consts::TAU * 2.0).sin());
        Some((other, (y - edge + 0.5).clamp(0.0, 1.0)))
    });
    canvas.paint(canvas.bounds(), |x, y| {
        let edge = h * (0.46 + 0.20 * (x / w * std::f32::consts::TAU * 2.0).sin());
        Some((design.accent, (h * 0.02 - (y - edge).abs() + 0.5).clamp(0.0, 1.0)))
    });
    for panel in fronts(canvas) {
        style.brand(canvas, panel.spot(0.31, 1.02, 0.18), ink_on(color), color);
        write(
            canvas,
            design.flavour.word,
            Lettering { slant: 0.2, ..Lettering::new(Face::Sans) },
            panel.spot(0.71, 0.9, 0.07),
            ink_on(other),
        );
        write(canvas, design.slogan, Lettering::new(Face::Plain), panel.spot(0.80, 0.7, 0.03), ink_on(other));
        icons::fruit(canvas, design.flavour.fruit, (panel.cx, panel.y(0.57)), panel.size() * 0.3, light(color, 0.1));
        footer(canvas, design, panel, ink_on(other));
    }
}

fn bands(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (w, h, color) = (canvas.width as f32, canvas.height as f32, design.flavour.color);
    let paper = light(mix(color, [1.0, 0.9, 0.7], 0.5), 0.65);
    canvas.clear(paper);
    for (y, thick, c) in
        [(0.06, 0.10, color), (0.125, 0.014, design.base), (0.86, 0.20, color), (0.745, 0.014, design.base)]
    {
        canvas.rect([0.0, h * (y - thick / 2.0), w, h * (y + thick / 2.0)], 0.0, c);
    }
    for panel in fronts(canvas) {
        style.brand(canvas, panel.spot(0.40, 1.0, 0.19), color, WHITE);
        write(
            canvas,
            design.flavour.word,
            Lettering { tracking: 0.15, ..Lettering::new(Face::Sans) },
            panel.spot(0.85, 0.85, 0.06),
            ink_on(color),
        );
        write(
            canvas,
            design.slogan,
            Lettering { tracking: 0.1, ..Lettering::new(Face::Book) },
            panel.spot(0.61, 0.8, 0.04),
            dark(color, 0.4),
        );
        icons::fruit(canvas, design.flavour.fruit, (panel.cx, panel.y(0.205)), panel.size() * 0.26, color);
        write(canvas, &design.volume, Lettering::new(Face::Sans), panel.spot(0.93, 0.5, 0.028), ink_on(color));
    }
}

fn fruity(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (h, color) = (canvas.height as f32, design.flavour.color);
    let mut rng = style.rng();
    let paper = light(color, 0.86);
    canvas.paint(canvas.bounds(), |_, y| Some((mix(paper, color, (y / h - 0.45).max(0.0) * 1.6), 1.0)));
    icons::bubbles(canvas, [0.0, h * 0.5, canvas.width as f32, h], light(color, 0.5), &mut rng);
    for panel in fronts(canvas) {
        let size = panel.size() * 0.62;
        let kind = if design.flavour.fruit == Fruit::None { Fruit::Drop } else { design.flavour.fruit };
        icons::fruit(canvas, kind, (panel.cx - panel.width * 0.22, panel.y(0.72)), size, color);
        icons::fruit(canvas, kind, (panel.cx + panel.width * 0.28, panel.y(0.66)), size * 0.8, color);
        icons::leaf(canvas, (panel.cx + panel.width * 0.02, panel.y(0.54)), size * 0.5, -0.5, [0.2, 0.55, 0.15]);
        style.brand(
            canvas,
            panel.spot(0.25, 1.04, 0.19),
            if luma(color) > 0.7 { dark(design.base, 0.1) } else { color },
            WHITE,
        );
        write(
            canvas,
            design.flavour.word,
            Lettering { tracking: 0.06, ..Lettering::new(Face::Sans) },
            panel.spot(0.43, 0.85, 0.055),
            dark(color, 0.45),
        );
        footer(canvas, design, panel, ink_on(color));
    }
}

fn energy(canvas: &mut Canvas, design: &Design, style: &Style) {
    let (w, h, color) = (canvas.width as f32, canvas.height as f32, design.flavour.color);
    let ground = if luma(color) < 0.2 { [0.75, 0.77, 0.80] } else { BLACK };
    canvas.clear(ground);
    icons::lattice(canvas, canvas.bounds(), w * 0.03, light(ground, 0.3), 0.35);
    for panel in fronts(canvas) {
        let at = |x: f32, y: f32| (panel.cx + x * panel.width, panel.y(y));
        let bolt = [
            at(0.12, 0.04),
            at(-0.34, 0.50),
            at(-0.04, 0.50),
            at(-0.16, 0.86),
            at(0.36, 0.38),
            at(0.06, 0.38),
            at(0.30, 0.04),
        ];
        canvas.polygon(&bolt, color);
        canvas.rect([panel.cx - panel.width * 0.62, h * 0.415, panel.cx + panel.width * 0.62, h * 0.585], 0.0, ground);
        style.brand(canvas, panel.spot(0.5, 1.12, 0.15), if luma(ground) < 0.3 { WHITE } else { BLACK }, color);
        write(
            canvas,
            design.flavour.word,
            Lettering { tracking: 0.3, ..Lettering::new(Face::Narrow) },
            panel.spot(0.885, 0.7, 0.04),
            ink_on(ground),
        );
        write(
            canvas,
            "ENERGY",
            Lettering { tracking: 0.5, ..Lettering::new(Face::Sans) },
            panel.spot(0.63, 0.62, 0.032),
            ink_on(ground),
        );
        footer(canvas, design, panel, ink_on(ground));
    }
}
