//! Milk and juice in cartons: one canvas goes round the four faces (front, right, back, left), the roof has its own.

use super::{Design, Panel, WHITE, brand_lettering, cased, dark, ink_on, light};
use crate::canvas::Canvas;
use crate::color::{luma, mix};
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, write, write_outlined};
use crate::words::Fruit;

/// A face of a carton, `front` or a side.
#[must_use]
pub fn face(design: &Design, width: usize, height: usize, front: bool) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::new(width, height);
    let (w, h) = (width as f32, height as f32);
    let layout = rng.below(4);
    let text = cased(&design.brand, &mut rng);
    let lettering = brand_lettering(&mut rng);
    let color = design.flavour.color;
    let panel = Panel { cx: w / 2.0, width: w, top: 0.0, bottom: h };
    let paper = if layout == 2 { light(color, 0.15) } else { WHITE };
    canvas.clear(paper);
    match layout {
        0 => {
            let hill = mix([0.35, 0.65, 0.25], color, 0.25);
            canvas.paint([0.0, 0.0, w, h * 0.62], |_, y| {
                Some((mix([0.55, 0.78, 0.95], WHITE, (y / h / 0.62).min(1.0)), 1.0))
            });
            canvas.ellipse((w * 0.2, h * 0.80), (w * 0.8, h * 0.26), light(hill, 0.15));
            canvas.ellipse((w * 0.85, h * 0.86), (w * 0.8, h * 0.28), hill);
            canvas.rect([0.0, h * 0.86, w, h], 0.0, color);
        }
        1 => {
            icons::patches(&mut canvas, [0.0, h * 0.45, w, h], dark(color, 0.1), &mut Rng::new(design.seed ^ 4));
            canvas.rect([0.0, h * 0.86, w, h], 0.0, color);
        }
        2 => {
            canvas.paint([0.0, h * 0.45, w, h], |x, y| {
                let edge = h * (0.62 + 0.06 * (x / w * 5.0).sin());
                Some((WHITE, (y - edge).clamp(0.0, 1.0)))
            });
        }
        _ => {
            canvas.rect([0.0, 0.0, w, h * 0.40], 0.0, color);
            canvas.ellipse((w * 0.5, h * 0.40), (w * 0.62, h * 0.07), color);
        }
    }
    if !front {
        let ink = dark(design.base, 0.3);
        let mut salt = Rng::new(design.seed ^ 8);
        icons::small_print(
            &mut canvas,
            panel.area([-0.4, 0.12, 0.4, 0.34]),
            3.4,
            ink_on(if layout == 3 { color } else { paper }),
            &mut salt,
        );
        icons::nutrition(&mut canvas, panel.area([-0.4, 0.45, 0.4, 0.68]), ink, &mut salt);
        icons::barcode(&mut canvas, panel.area([-0.32, 0.72, 0.32, 0.84]), &mut salt);
        return canvas;
    }
    let kind = if design.flavour.fruit == Fruit::None { Fruit::Drop } else { design.flavour.fruit };
    match layout {
        1 => {}
        _ => icons::fruit(
            &mut canvas,
            kind,
            (panel.cx, panel.y(0.66)),
            w * 0.52,
            if luma(color) > 0.85 { dark(color, 0.2) } else { color },
        ),
    }
    let (ink, edge) =
        if layout == 3 || layout == 2 { (ink_on(color), dark(color, 0.35)) } else { (dark(design.base, 0.1), WHITE) };
    let outline = Outline { color: edge, width: (w * 0.015).max(1.0), shift: (0.0, 0.0) };
    write_outlined(&mut canvas, &text, lettering, panel.spot(0.19, 0.88, 0.10), (ink, &[outline]));
    write(&mut canvas, design.slogan, Lettering::new(Face::Italic), panel.spot(0.29, 0.7, 0.022), ink);
    let band = if matches!(layout, 0 | 1) { color } else { dark(color, 0.1) };
    canvas.rect(panel.area([-0.5, 0.40, 0.5, 0.50]), 0.0, band);
    write(
        &mut canvas,
        design.flavour.word,
        Lettering { tracking: 0.05, ..Lettering::new(Face::Narrow) },
        panel.spot(0.45, 0.86, 0.042),
        ink_on(band),
    );
    write(
        &mut canvas,
        &design.volume,
        Lettering::new(Face::Sans),
        panel.spot(0.93, 0.5, 0.03),
        if matches!(layout, 0 | 1) { ink_on(color) } else { ink_on(WHITE) },
    );
    canvas
}
