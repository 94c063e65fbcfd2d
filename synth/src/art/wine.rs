//! Wine and spirits: paper labels, sober and less so.

use super::{BLACK, CREAM, Design, GOLD, WHITE, dark, ink_on, light};
use crate::canvas::{Canvas, rounded};
use crate::color::{Rgb, luma, mix};
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Outline, Spot, write, write_outlined};

/// A front label and a back label on glass.
#[must_use]
pub fn label(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    let layout = rng.below(5);
    let half = w * rng.range(0.15, 0.21);
    let cx = w / 2.0;
    let paper = match layout {
        0 | 1 => CREAM,
        2 => BLACK,
        3 => WHITE,
        _ => mix(CREAM, design.flavour.color, 0.25),
    };
    let bounds = [cx - half, 2.0, cx + half, h - 2.0];
    let corner = *rng.pick(&[1.0, 1.0, h * 0.06]);
    canvas.fill(bounds, paper, rounded(bounds, corner));
    let ink = ink_on(paper);
    let accent = if layout == 2 { GOLD } else { dark(design.flavour.color, 0.15) };
    let face = *rng.pick(&[Face::Serif, Face::Italic, Face::Book, Face::Light, Face::Serif]);
    let name = if rng.chance(0.5) { design.brand.to_uppercase() } else { design.brand.clone() };
    let tracking = if face == Face::Light { 0.15 } else { 0.05 };
    let line =
        |y: f32, width: f32, height: f32| Spot { center: (cx, h * y), width: half * 2.0 * width, height: h * height };
    let mut salt = Rng::new(design.seed ^ 9);
    if layout == 4 {
        modern(&mut canvas, (cx, half), design, &mut salt);
        write(&mut canvas, &name, Lettering { tracking, ..Lettering::new(Face::Sans) }, line(0.70, 0.86, 0.085), ink);
    } else {
        canvas.frame([bounds[0] + 2.5, bounds[1] + 2.5, bounds[2] - 2.5, bounds[3] - 2.5], corner, 1.0, accent);
        let size = half * 0.8;
        match layout {
            0 => icons::manor(&mut canvas, (cx, h * 0.24), size, mix(ink, paper, 0.35)),
            1 => icons::shield(&mut canvas, (cx, h * 0.22), size * 0.8, accent, GOLD),
            2 => icons::crown(&mut canvas, (cx, h * 0.2), size * 0.5, GOLD),
            _ => icons::leaf(&mut canvas, (cx, h * 0.22), size * 0.9, -1.0, mix(accent, paper, 0.2)),
        }
        write(
            &mut canvas,
            &name,
            Lettering { tracking, ..Lettering::new(face) },
            line(0.52, 0.88, 0.10),
            if layout == 2 { GOLD } else { ink },
        );
        canvas.rect([cx - half * 0.6, h * 0.625, cx + half * 0.6, h * 0.625 + 1.0], 0.0, accent);
    }
    let kind = Lettering { tracking: 0.2, ..Lettering::new(Face::Book) };
    if layout.is_multiple_of(2) {
        canvas.rect([bounds[0], h * 0.755, bounds[2], h * 0.875], 0.0, design.flavour.color);
        write(&mut canvas, design.flavour.word, kind, line(0.815, 0.8, 0.065), ink_on(design.flavour.color));
    } else {
        write(&mut canvas, design.flavour.word, kind, line(0.74, 0.8, 0.065), accent);
    }
    write(&mut canvas, &design.volume, Lettering::new(Face::Plain), line(0.93, 0.5, 0.032), ink);
    back(&mut canvas, paper, design.seed);
    canvas
}

fn modern(canvas: &mut Canvas, (cx, half): (f32, f32), design: &Design, rng: &mut Rng) {
    let h = canvas.height as f32;
    for _ in 0..5 {
        let color = *rng.pick(&[design.flavour.color, design.base, design.accent, light(design.flavour.color, 0.4)]);
        let r = half * rng.range(0.18, 0.45);
        canvas.ellipse((cx + rng.range(-0.5, 0.5) * half, h * rng.range(0.18, 0.48)), (r, r), color);
    }
}

fn back(canvas: &mut Canvas, paper: Rgb, seed: u64) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let mut rng = Rng::new(seed ^ 21);
    canvas.rect([w * 0.87, h * 0.1, w * 1.13, h * 0.9], 1.0, paper);
    icons::small_print(canvas, [w * 0.89, h * 0.18, w * 1.11, h * 0.55], 3.2, ink_on(paper), &mut rng);
    icons::barcode(canvas, [w * 0.93, h * 0.6, w * 1.07, h * 0.85], &mut rng);
}

/// The label of a spirit: bolder, with bands.
#[must_use]
pub fn spirit(design: &Design, width: usize, height: usize) -> Canvas {
    let mut rng = Rng::new(design.seed);
    let mut canvas = Canvas::wrapped(width, height);
    let (w, h) = (width as f32, height as f32);
    let (cx, half) = (w / 2.0, w * rng.range(0.15, 0.2));
    let dark_paper = rng.chance(0.4);
    let color = design.flavour.color;
    let paper = if dark_paper { dark(design.base, 0.55) } else { *rng.pick(&[CREAM, WHITE, CREAM]) };
    let ink = if dark_paper { light(GOLD, 0.3) } else { dark(design.base, 0.5) };
    let bounds = [cx - half, 2.0, cx + half, h - 2.0];
    match rng.below(3) {
        0 => canvas.fill(bounds, paper, rounded(bounds, 2.0)),
        1 => {
            // Shoulders cut off, as old labels have them.
            let c = half * 0.35;
            let [x1, y1, x2, y2] = bounds;
            canvas.polygon(
                &[
                    (x1 + c, y1),
                    (x2 - c, y1),
                    (x2, y1 + c),
                    (x2, y2 - c),
                    (x2 - c, y2),
                    (x1 + c, y2),
                    (x1, y2 - c),
                    (x1, y1 + c),
                ],
                paper,
            );
        }
        _ => {
            canvas.ellipse((cx, h * 0.4), (half, h * 0.37), paper);
            canvas.rect([cx - half, h * 0.5, cx + half, h - 2.0], 3.0, paper);
        }
    }
    let line =
        |y: f32, width: f32, height: f32| Spot { center: (cx, h * y), width: half * 2.0 * width, height: h * height };
    let mut face = Lettering::new(*rng.pick(&[Face::Serif, Face::Italic, Face::Sans, Face::Narrow]));
    face.arch = rng.range(-0.02, 0.16);
    face.weight = rng.range(0.0, 0.04);
    match rng.below(3) {
        0 => icons::crown(&mut canvas, (cx, h * 0.16), half * 0.42, GOLD),
        1 => icons::star(&mut canvas, (cx, h * 0.17), half * 0.22, color),
        _ => icons::seal(&mut canvas, (cx, h * 0.17), half * 0.28, 18.0, color),
    }
    let shade = Outline { color: mix(color, paper, 0.3), width: 0.8, shift: (1.2, 1.4) };
    write_outlined(&mut canvas, &design.brand.to_uppercase(), face, line(0.40, 0.9, 0.12), (ink, &[shade]));
    canvas.rect([bounds[0], h * 0.55, bounds[2], h * 0.70], 0.0, color);
    canvas.rect([bounds[0], h * 0.56, bounds[2], h * 0.57], 0.0, GOLD);
    canvas.rect([bounds[0], h * 0.68, bounds[2], h * 0.69], 0.0, GOLD);
    let word = if luma(color) > 0.6 { BLACK } else { light(GOLD, 0.6) };
    write(
        &mut canvas,
        design.flavour.word,
        Lettering { tracking: 0.18, ..Lettering::new(Face::Serif) },
        line(0.625, 0.84, 0.07),
        word,
    );
    write(&mut canvas, design.slogan, Lettering::new(Face::Italic), line(0.78, 0.7, 0.05), ink);
    write(
        &mut canvas,
        &format!("{}   40% vol", design.volume),
        Lettering::new(Face::Plain),
        line(0.90, 0.8, 0.036),
        ink,
    );
    back(&mut canvas, paper, design.seed);
    canvas
}
