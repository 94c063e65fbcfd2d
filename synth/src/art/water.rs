//! Water: light labels with mountains and drops.

use super::{Design, WHITE, brand_lettering, cased, dark, fronts, light, sides};
use crate::canvas::Canvas;
use crate::color::mix;
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, write, write_outlined};

/// The label of a bottle.
#[must_use]
pub fn wrap(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    let color = design.flavour.color;
    let layout = rng.below(3);
    let text = cased(&design.brand, &mut rng);
    let lettering = brand_lettering(&mut rng);
    let ground = if layout == 1 { color } else { light(color, 0.88) };
    canvas.paint(canvas.bounds(), |_, y| Some((mix(ground, color, 0.25 * y / h), 1.0)));
    for panel in fronts(&canvas) {
        match layout {
            0 => {
                let area = panel.area([-0.62, 0.34, 0.62, 0.92]);
                icons::mountains(&mut canvas, area, mix(color, [0.2, 0.4, 0.6], 0.3), &mut Rng::new(design.seed ^ 1));
            }
            1 => icons::bubbles(
                &mut canvas,
                panel.area([-0.7, 0.4, 0.7, 1.0]),
                light(color, 0.5),
                &mut Rng::new(design.seed ^ 1),
            ),
            _ => icons::drop(&mut canvas, (panel.cx, panel.y(0.6)), panel.height() * 0.62, mix(color, WHITE, 0.35)),
        }
    }
    canvas.rect([0.0, h * 0.90, w, h], 0.0, dark(color, 0.15));
    canvas.rect([0.0, 0.0, w, h * 0.05], 0.0, dark(color, 0.15));
    for panel in fronts(&canvas) {
        let (ink, edge) = if layout == 1 { (WHITE, dark(color, 0.4)) } else { (dark(design.base, 0.2), WHITE) };
        let outline = Outline { color: edge, width: (h * 0.014).max(0.8), shift: (0.0, 0.0) };
        write_outlined(&mut canvas, &text, lettering, panel.spot(0.28, 1.05, 0.24), (ink, &[outline]));
        icons::fruit(
            &mut canvas,
            design.flavour.fruit,
            (panel.cx + panel.width * 0.36, panel.y(0.70)),
            h * 0.3,
            light(color, 0.1),
        );
        write(
            &mut canvas,
            design.flavour.word,
            Lettering { tracking: 0.2, ..Lettering::new(Face::Sans) },
            panel.spot(0.54, 0.75, 0.075),
            ink,
        );
        write(&mut canvas, &design.volume, Lettering::new(Face::Sans), panel.spot(0.95, 0.4, 0.05), WHITE);
    }
    sides(&mut canvas, dark(color, 0.4), &mut Rng::new(design.seed ^ 2));
    canvas
}
