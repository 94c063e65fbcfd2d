//! Multipacks: the card around six or eight of a kind.

use super::{Design, Panel, WHITE, brand_lettering, cased, dark, ink_on, light};
use crate::canvas::Canvas;
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, Spot, write, write_outlined};

/// The long side of a pack of `count`.
#[must_use]
pub fn side(design: &Design, width: usize, height: usize, count: u32) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::new(width, height);
    let (w, h) = (width as f32, height as f32);
    let color = design.flavour.color;
    // The same draws as a can of this family makes, so that pack and can belong together.
    let _ = rng.below(7);
    let lettering = Lettering { arch: 0.0, ..brand_lettering(&mut rng) };
    let text = cased(&design.brand, &mut rng);
    canvas.paint(canvas.bounds(), |x, y| Some((dark(color, 0.18 * (y / h) + 0.08 * (x / w - 0.5).abs()), 1.0)));
    icons::swoosh(&mut canvas, (h * 0.86, h * 0.16), (h * 0.05, 0.7), light(color, 0.85));
    let ink = ink_on(color);
    let outline = Outline { color: dark(color, 0.45), width: h * 0.012, shift: (h * 0.012, h * 0.016) };
    let spot = Spot { center: (w * 0.42, h * 0.42), width: w * 0.68, height: h * 0.32 };
    write_outlined(&mut canvas, &text, Lettering { turn: lettering.turn * 0.5, ..lettering }, spot, (ink, &[outline]));
    let kind = Spot { center: (w * 0.42, h * 0.69), width: w * 0.5, height: h * 0.09 };
    write(&mut canvas, design.flavour.word, Lettering { tracking: 0.15, ..Lettering::new(Face::Sans) }, kind, ink);
    canvas.ellipse((w * 0.885, h * 0.3), (h * 0.2, h * 0.2), design.accent);
    canvas.ring((w * 0.885, h * 0.3), (h * 0.185, h * 0.185), (h * 0.012).max(0.8), WHITE);
    let badge = Spot { center: (w * 0.885, h * 0.29), width: h * 0.34, height: h * 0.13 };
    write(&mut canvas, &format!("{count}x"), Lettering::new(Face::Sans), badge, ink_on(design.accent));
    let volume = Spot { center: (w * 0.2, h * 0.93), width: w * 0.3, height: h * 0.055 };
    write(&mut canvas, &format!("{count} x {}", design.volume), Lettering::new(Face::Sans), volume, dark(color, 0.5));
    icons::fruit(&mut canvas, design.flavour.fruit, (w * 0.80, h * 0.72), h * 0.3, light(color, 0.1));
    canvas
}

/// The short end of a pack, and its top.
#[must_use]
pub fn end(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::new(width, height);
    let color = design.flavour.color;
    let _ = rng.below(7);
    let lettering = Lettering { arch: 0.0, ..brand_lettering(&mut rng) };
    let text = cased(&design.brand, &mut rng);
    canvas.clear(dark(color, 0.08));
    let panel = Panel { cx: width as f32 / 2.0, width: width as f32, top: 0.0, bottom: height as f32 };
    write(&mut canvas, &text, lettering, panel.spot(0.45, 0.8, 0.24), ink_on(color));
    canvas.rect(panel.area([-0.5, 0.82, 0.5, 0.9]), 0.0, light(color, 0.8));
    canvas
}

/// A length of the front of a tray: card with the brand on a band.
#[must_use]
pub fn tray(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::new(width, height);
    let (w, h) = (width as f32, height as f32);
    let _ = rng.below(7);
    let lettering = Lettering { arch: 0.0, turn: 0.0, ..brand_lettering(&mut rng) };
    let text = cased(&design.brand, &mut rng);
    let color = design.flavour.color;
    canvas.clear(if rng.chance(0.5) { [0.72, 0.56, 0.38] } else { dark(color, 0.12) });
    canvas.rect([0.0, h * 0.12, w, h * 0.88], 0.0, color);
    let spot = Spot { center: (w * 0.5, h * 0.46), width: w * 0.8, height: h * 0.40 };
    let outline = Outline { color: dark(color, 0.45), width: h * 0.03, shift: (h * 0.02, h * 0.03) };
    write_outlined(&mut canvas, &text, lettering, spot, (ink_on(color), &[outline]));
    let kind = Spot { center: (w * 0.5, h * 0.77), width: w * 0.5, height: h * 0.09 };
    write(
        &mut canvas,
        design.flavour.word,
        Lettering { tracking: 0.2, ..Lettering::new(Face::Sans) },
        kind,
        ink_on(color),
    );
    canvas
}
