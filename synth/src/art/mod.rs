//! Artwork: what is printed on cans, labels, cartons and price tags. A family of look-alikes shares its `seed`, so layout,
//! lettering and brand are the same and only flavour, colour and volume differ.

pub mod beer;
pub mod dairy;
pub mod pack;
pub mod pantry;
pub mod soda;
pub mod tag;
pub mod water;
pub mod wine;

use super::canvas::{Bounds, Canvas};
use super::color::{Rgb, luma, mix};
use super::icons;
use super::rng::Rng;
use super::text::{Face, Lettering, Spot};
use super::words::Flavour;

/// White as printed.
pub const WHITE: Rgb = [0.97, 0.97, 0.96];
/// Black as printed.
pub const BLACK: Rgb = [0.06, 0.06, 0.07];
/// Gold as printed.
pub const GOLD: Rgb = [0.80, 0.62, 0.25];
/// Cream paper.
pub const CREAM: Rgb = [0.95, 0.92, 0.82];

/// What a label says.
#[derive(Debug, Clone)]
pub struct Design {
    /// The family's seed: layout and lettering.
    pub seed: u64,
    /// Brand.
    pub brand: String,
    /// Line under the brand.
    pub slogan: &'static str,
    /// Flavour or kind.
    pub flavour: Flavour,
    /// Such as `330 ml`.
    pub volume: String,
    /// The family's own colour.
    pub base: Rgb,
    /// The family's second colour.
    pub accent: Rgb,
}

/// Where one look at the container sees print: the part of a wrap that faces the viewer.
#[derive(Debug, Clone, Copy)]
pub struct Panel {
    /// Column of its middle.
    pub cx: f32,
    /// Width that is read without turning the container.
    pub width: f32,
    /// First row.
    pub top: f32,
    /// Last row.
    pub bottom: f32,
}

impl Panel {
    /// Height.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Row at a fraction of the height from the top.
    #[must_use]
    pub fn y(&self, fraction: f32) -> f32 {
        self.top + self.height() * fraction
    }

    /// A place for text: fractions of the row, of the width, of the height.
    #[must_use]
    pub fn spot(&self, y: f32, width: f32, height: f32) -> Spot {
        Spot { center: (self.cx, self.y(y)), width: self.width * width, height: self.height() * height }
    }

    /// A rectangle by fractions of the panel, `x` from -0.5 to 0.5.
    #[must_use]
    pub fn area(&self, [x1, y1, x2, y2]: Bounds) -> Bounds {
        [self.cx + x1 * self.width, self.y(y1), self.cx + x2 * self.width, self.y(y2)]
    }

    /// The smaller of width and height.
    #[must_use]
    pub fn size(&self) -> f32 {
        self.width.min(self.height())
    }
}

/// The two fronts of a full wrap.
#[must_use]
pub fn fronts(canvas: &Canvas) -> [Panel; 2] {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    [0.5, 0.0].map(|at| Panel { cx: w * at, width: w * 0.31, top: 0.0, bottom: h })
}

/// Small print, a barcode and a table between the fronts.
pub fn sides(canvas: &mut Canvas, ink: Rgb, rng: &mut Rng) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let half = w * 0.07;
    let (left, right) = (w * 0.25, w * 0.75);
    icons::nutrition(canvas, [left - half, h * 0.18, left + half, h * 0.62], ink, rng);
    icons::small_print(canvas, [left - half, h * 0.67, left + half, h * 0.9], 3.2, ink, rng);
    icons::small_print(canvas, [right - half, h * 0.15, right + half, h * 0.52], 3.2, ink, rng);
    icons::barcode(canvas, [right - half, h * 0.58, right + half, h * 0.86], rng);
}

/// Black or white, whichever can be read on the colour.
#[must_use]
pub fn ink_on(color: Rgb) -> Rgb {
    if luma(color) > 0.58 { BLACK } else { WHITE }
}

/// Darker.
#[must_use]
pub fn dark(color: Rgb, fraction: f32) -> Rgb {
    mix(color, [0.0; 3], fraction)
}

/// Lighter.
#[must_use]
pub fn light(color: Rgb, fraction: f32) -> Rgb {
    mix(color, [1.0; 3], fraction)
}

/// The lettering of a brand.
#[must_use]
pub fn brand_lettering(rng: &mut Rng) -> Lettering {
    let face =
        *rng.pick(&[Face::Sans, Face::Slanted, Face::Narrow, Face::Serif, Face::Italic, Face::Italic, Face::Sans]);
    Lettering {
        slant: if rng.chance(0.4) { rng.range(0.08, 0.3) } else { 0.0 },
        weight: if rng.chance(0.5) { rng.range(0.0, 0.07) } else { 0.0 },
        arch: if rng.chance(0.35) { rng.range(-0.10, 0.14) } else { 0.0 },
        tracking: rng.range(-0.05, 0.06),
        turn: if rng.chance(0.4) { rng.range(-0.22, -0.04) } else { 0.0 },
        flare: if rng.chance(0.2) { rng.range(0.15, 0.45) } else { 0.0 },
        ..Lettering::new(face)
    }
}

/// The brand in the case its family writes it.
#[must_use]
pub fn cased(brand: &str, rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => brand.to_uppercase(),
        1 => brand.to_lowercase(),
        _ => brand.to_owned(),
    }
}
