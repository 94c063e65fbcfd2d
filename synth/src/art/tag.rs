//! Price tags for the rail, and promotion cards.

use super::{BLACK, WHITE};
use crate::canvas::Canvas;
use crate::color::{Rgb, hex};
use crate::icons;
use crate::rng::Rng;
use crate::text::{Face, Lettering, Spot, write};

/// How a shop's tags look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagStyle {
    /// Black on white.
    White,
    /// Black on yellow.
    Yellow,
    /// White with a red field for the price.
    Red,
    /// An electronic label: grey, with a frame.
    Screen,
}

impl TagStyle {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::White, Self::Yellow, Self::Red, Self::Screen];
}

/// A tag with a product's name and price.
#[must_use]
pub fn tag(style: TagStyle, name: &str, price: &str, seed: u64) -> Canvas {
    let (width, height) = (136, 72);
    let mut canvas = Canvas::new(width, height);
    let (w, h) = (width as f32, height as f32);
    let mut rng = Rng::new(seed);
    let (paper, ink): (Rgb, Rgb) = match style {
        TagStyle::White | TagStyle::Red => (WHITE, BLACK),
        TagStyle::Yellow => (hex(0xf9da2b), BLACK),
        TagStyle::Screen => (hex(0xd5d6d0), hex(0x222222)),
    };
    canvas.clear(paper);
    let plain = Lettering::new(Face::Narrow);
    let name_spot = Spot { center: (w * 0.5, h * 0.17), width: w * 0.9, height: h * 0.14 };
    write(&mut canvas, name, plain, name_spot, ink);
    let (number, price_ink) = match style {
        TagStyle::Red => {
            canvas.rect([w * 0.40, h * 0.32, w, h], 0.0, hex(0xd2151d));
            (Spot { center: (w * 0.70, h * 0.65), width: w * 0.54, height: h * 0.42 }, WHITE)
        }
        _ => (Spot { center: (w * 0.66, h * 0.62), width: w * 0.6, height: h * 0.42 }, ink),
    };
    write(&mut canvas, price, Lettering::new(Face::Sans), number, price_ink);
    icons::barcode(&mut canvas, [w * 0.04, h * 0.56, w * 0.34, h * 0.90], &mut rng);
    icons::small_print(&mut canvas, [w * 0.05, h * 0.34, w * 0.35, h * 0.5], 6.0, ink, &mut rng);
    if style == TagStyle::Screen {
        canvas.frame([0.0, 0.0, w, h], 3.0, 4.0, hex(0x8b8f94));
    } else {
        canvas.frame([0.0, 0.0, w, h], 0.0, 0.8, hex(0xb0b0b0));
    }
    canvas
}

/// A card that says the price loudly.
#[must_use]
pub fn promotion(price: &str, seed: u64) -> Canvas {
    let (width, height) = (150, 110);
    let mut canvas = Canvas::new(width, height);
    let (w, h) = (width as f32, height as f32);
    let mut rng = Rng::new(seed);
    let (paper, ink) = *rng.pick(&[
        (hex(0xd8171f), hex(0xffe83a)),
        (hex(0xffdf1e), hex(0xd2141c)),
        (hex(0x0c57a8), WHITE),
        (hex(0xf47a16), WHITE),
    ]);
    canvas.clear(paper);
    let word = rng.pick(&["SPECIAL", "OFFER", "SALE", "2 FOR 1", "NEW", "SAVE", "DEAL"]);
    write(
        &mut canvas,
        word,
        Lettering { slant: 0.15, ..Lettering::new(Face::Sans) },
        Spot { center: (w * 0.5, h * 0.22), width: w * 0.86, height: h * 0.2 },
        ink,
    );
    canvas.rect([w * 0.06, h * 0.40, w * 0.94, h * 0.93], 4.0, WHITE);
    write(
        &mut canvas,
        price,
        Lettering::new(Face::Sans),
        Spot { center: (w * 0.5, h * 0.66), width: w * 0.8, height: h * 0.36 },
        hex(0xc81018),
    );
    canvas
}
