//! Beer: full wraps for cans, and paper labels with a neck label for bottles.

use super::{BLACK, CREAM, Design, GOLD, Panel, WHITE, brand_lettering, cased, dark, fronts, ink_on, light, sides};
use crate::canvas::{Canvas, ellipse, rounded};
use crate::color::{Rgb, luma, mix};
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, Spot, write, write_outlined};

/// How the brewery's things look; the same for all its kinds.
struct House {
    layout: usize,
    lettering: Lettering,
    text: String,
    field: Rgb,
    band: Rgb,
    salt: u64,
}

impl House {
    fn of(design: &Design) -> Self {
        let mut rng = Rng::new(design.seed);
        let layout = rng.below(4);
        let mut lettering = brand_lettering(&mut rng);
        if rng.chance(0.5) {
            lettering.face = *rng.pick(&[Face::Serif, Face::Italic]);
        }
        let text = cased(&design.brand, &mut rng);
        let field = *rng.pick(&[CREAM, WHITE, design.base, dark(design.base, 0.4)]);
        Self { layout, lettering, text, field, band: design.flavour.color, salt: rng.next_u32().into() }
    }

    fn brand(&self, canvas: &mut Canvas, spot: Spot, color: Rgb, edge: Rgb) {
        let px = (spot.height * 0.07).max(0.8);
        let outlines = [Outline { color: edge, width: px, shift: (px * 0.5, px * 0.7) }];
        write_outlined(canvas, &self.text, self.lettering, spot, (color, &outlines));
    }

    /// The emblem: brand on a band across a seal, kind below.
    fn emblem(&self, canvas: &mut Canvas, design: &Design, panel: Panel) {
        let r = (panel.width * 0.5).min(panel.height() * 0.42);
        let center = (panel.cx, panel.y(0.46));
        match self.layout {
            0 => {
                canvas.ellipse(center, (r * 1.02, r * 1.18), GOLD);
                canvas.ellipse(center, (r * 0.96, r * 1.11), self.field);
                canvas.ring(center, (r * 0.88, r * 1.02), (r * 0.03).max(0.8), GOLD);
                for lean in [-0.3, 0.3] {
                    icons::grain(canvas, (panel.cx + lean * r * 1.6, center.1 + r * 0.35), r * 0.7, lean, GOLD);
                }
                icons::crown(canvas, (panel.cx, center.1 - r * 0.62), r * 0.34, GOLD);
            }
            1 => {
                icons::shield(canvas, (panel.cx, panel.y(0.44)), r * 2.2, self.field, GOLD);
                icons::star(canvas, (panel.cx, center.1 - r * 0.62), r * 0.2, GOLD);
                icons::mountains(
                    canvas,
                    [panel.cx - r * 0.6, center.1 + r * 0.1, panel.cx + r * 0.6, center.1 + r * 0.7],
                    design.base,
                    &mut Rng::new(self.salt),
                );
            }
            2 => {
                canvas.rect(
                    [panel.cx - r, center.1 - r * 1.05, panel.cx + r, center.1 + r * 1.05],
                    r * 0.12,
                    self.field,
                );
                canvas.frame(
                    [panel.cx - r * 0.94, center.1 - r * 0.99, panel.cx + r * 0.94, center.1 + r * 0.99],
                    r * 0.1,
                    (r * 0.03).max(0.8),
                    GOLD,
                );
                icons::citrus(canvas, (panel.cx, center.1 - r * 0.55), r * 0.26, mix(self.band, GOLD, 0.3));
            }
            _ => {
                icons::seal(canvas, center, r, 28.0, GOLD);
                canvas.ellipse(center, (r * 0.88, r * 0.88), self.field);
                canvas.ring(center, (r * 0.8, r * 0.8), (r * 0.025).max(0.7), dark(self.band, 0.2));
                icons::grain(canvas, (panel.cx, center.1 - r * 0.42), r * 0.5, 0.0, mix(GOLD, self.band, 0.3));
            }
        }
        let band_h = r * 0.50;
        let y = center.1 + r * 0.02;
        canvas.rect([panel.cx - r * 1.1, y - band_h / 2.0, panel.cx + r * 1.1, y + band_h / 2.0], r * 0.06, self.band);
        for edge in [-1.0, 1.0] {
            let at = y + edge * band_h * 0.42;
            canvas.rect([panel.cx - r * 1.1, at - 0.5, panel.cx + r * 1.1, at + 0.5], 0.0, mix(GOLD, WHITE, 0.3));
        }
        let ink = if luma(self.band) > 0.62 { dark(design.base, 0.3) } else { WHITE };
        self.brand(
            canvas,
            Spot { center: (panel.cx, y), width: r * 2.0, height: band_h * 0.52 },
            ink,
            dark(self.band, 0.45),
        );
        let ink = ink_on(self.field);
        let kind = Spot { center: (panel.cx, y + r * 0.47), width: r * 1.3, height: r * 0.16 };
        write(canvas, design.flavour.word, Lettering { tracking: 0.15, ..Lettering::new(Face::Narrow) }, kind, ink);
        let slogan = Spot { center: (panel.cx, y + r * 0.72), width: r * 0.9, height: r * 0.09 };
        write(canvas, design.slogan, Lettering::new(Face::Italic), slogan, ink);
    }
}

/// The wrap of a can.
#[must_use]
pub fn can(design: &Design, width: usize, height: usize) -> Canvas {
    let house = House::of(design);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    let ground = match house.layout {
        0 => design.flavour.color,
        1 => dark(design.base, 0.1),
        2 => light(design.flavour.color, 0.75),
        _ => [0.80, 0.81, 0.83],
    };
    canvas.clear(ground);
    if house.layout == 0 || house.layout == 3 {
        icons::lattice(&mut canvas, [0.0, 0.0, w, h], w * 0.045, light(ground, 0.4), 0.4);
    }
    let trim = if house.layout == 3 { design.flavour.color } else { GOLD };
    for (y, thick) in [(0.035, 0.03), (0.075, 0.012), (0.925, 0.012), (0.965, 0.03)] {
        canvas.rect([0.0, h * (y - thick / 2.0), w, h * (y + thick / 2.0)], 0.0, trim);
    }
    for panel in fronts(&canvas) {
        house.emblem(&mut canvas, design, panel);
        write(&mut canvas, &design.volume, Lettering::new(Face::Sans), panel.spot(0.885, 0.5, 0.024), ink_on(ground));
    }
    sides(&mut canvas, ink_on(ground), &mut Rng::new(design.seed ^ 3));
    canvas
}

/// Paper on a bottle: a front label that reaches round the sides, a back label; the rest is glass.
#[must_use]
pub fn label(design: &Design, width: usize, height: usize) -> Canvas {
    let house = House::of(design);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    let (cx, half) = (w / 2.0, w * 0.22);
    let paper = if house.layout == 2 { light(design.flavour.color, 0.8) } else { design.base };
    let oval = house.layout == 0;
    let bounds = [cx - half, 2.0, cx + half, h - 2.0];
    if oval {
        canvas.fill(bounds, paper, ellipse((cx, h / 2.0), (half, h / 2.0 - 2.0)));
        canvas.ring((cx, h / 2.0), (half - 2.0, h / 2.0 - 4.0), 1.6, GOLD);
    } else {
        canvas.fill(bounds, paper, rounded(bounds, h * 0.04));
        canvas.frame([bounds[0] + 2.0, bounds[1] + 2.0, bounds[2] - 2.0, bounds[3] - 2.0], h * 0.03, 1.4, GOLD);
    }
    house.emblem(&mut canvas, design, Panel { cx, width: w * 0.29, top: h * 0.02, bottom: h * 0.97 });
    let back = [w * 0.86, h * 0.12, w * 1.14, h * 0.88];
    canvas.rect(back, 2.0, if oval { paper } else { CREAM });
    icons::small_print(
        &mut canvas,
        [w * 0.88, h * 0.2, w * 1.12, h * 0.5],
        3.0,
        if oval { ink_on(paper) } else { BLACK },
        &mut Rng::new(design.seed ^ 5),
    );
    icons::barcode(&mut canvas, [w * 0.93, h * 0.55, w * 1.07, h * 0.82], &mut Rng::new(design.seed ^ 6));
    canvas
}

/// The label round the neck.
#[must_use]
pub fn neck(design: &Design, width: usize, height: usize) -> Canvas {
    let house = House::of(design);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    canvas.rect([-1.0, 2.0, w + 1.0, h - 2.0], 0.0, design.flavour.color);
    canvas.rect([-1.0, 2.0, w + 1.0, 4.5], 0.0, GOLD);
    canvas.rect([-1.0, h - 4.5, w + 1.0, h - 2.0], 0.0, GOLD);
    for panel in fronts(&canvas) {
        let spot = Spot { center: (panel.cx, h * 0.5), width: panel.width * 1.1, height: (h * 0.3).min(w * 0.06) };
        house.brand(&mut canvas, spot, ink_on(design.flavour.color), dark(design.flavour.color, 0.3));
    }
    canvas
}
