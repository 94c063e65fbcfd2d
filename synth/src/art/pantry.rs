//! Jars, pouches and opaque bottles.

use super::{CREAM, Design, Panel, WHITE, brand_lettering, cased, dark, fronts, ink_on, light, sides};
use crate::canvas::Canvas;
use crate::color::mix;
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, write, write_outlined};

/// The label round a jar.
#[must_use]
pub fn jar(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let h = height as f32;
    let layout = rng.below(3);
    let (text, lettering) = (cased(&design.brand, &mut rng), brand_lettering(&mut rng));
    let color = design.flavour.color;
    let paper = match layout {
        0 => CREAM,
        1 => light(color, 0.8),
        _ => dark(design.base, 0.2),
    };
    canvas.clear(paper);
    if layout == 0 {
        // Gingham, as homemade jam has it.
        let check = h * 0.09;
        canvas.paint(canvas.bounds(), |x, y| {
            let line = |v: f32| f32::from((v / check).rem_euclid(2.0) < 1.0);
            let outside = (y / h - 0.5).abs() > 0.36;
            Some((color, if outside { 0.35 * (line(x) + line(y)) } else { 0.0 }))
        });
    }
    for panel in fronts(&canvas) {
        front(&mut canvas, design, panel, (&text, lettering, paper));
    }
    sides(&mut canvas, ink_on(paper), &mut Rng::new(design.seed ^ 2));
    canvas
}

/// The front of a pouch or a jug.
#[must_use]
pub fn pouch(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let h = height as f32;
    let (text, lettering) = (cased(&design.brand, &mut rng), brand_lettering(&mut rng));
    let color = design.flavour.color;
    canvas.paint(canvas.bounds(), |_, y| Some((mix(light(color, 0.2), dark(color, 0.3), y / h), 1.0)));
    for panel in fronts(&canvas) {
        canvas.rect(panel.area([-0.7, 0.42, 0.7, 0.60]), 0.0, WHITE);
        front(&mut canvas, design, Panel { top: h * 0.1, bottom: h * 0.95, ..panel }, (&text, lettering, WHITE));
    }
    canvas
}

fn front(canvas: &mut Canvas, design: &Design, panel: Panel, (text, lettering, paper): (&str, Lettering, [f32; 3])) {
    let color = design.flavour.color;
    let outline = Outline { color: paper, width: 1.2, shift: (0.0, 0.0) };
    let ink = if ink_on(paper) == WHITE { light(design.accent, 0.4) } else { dark(design.base, 0.2) };
    write_outlined(canvas, text, lettering, panel.spot(0.27, 0.98, 0.17), (ink, &[outline]));
    icons::fruit(canvas, design.flavour.fruit, (panel.cx, panel.y(0.67)), panel.size() * 0.42, color);
    let band = panel.area([-0.5, 0.42, 0.5, 0.53]);
    canvas.rect(band, 1.0, color);
    write(
        canvas,
        design.flavour.word,
        Lettering { tracking: 0.06, ..Lettering::new(Face::Narrow) },
        panel.spot(0.475, 0.9, 0.065),
        ink_on(color),
    );
    write(canvas, &design.volume, Lettering::new(Face::Plain), panel.spot(0.91, 0.4, 0.04), ink_on(paper));
}
