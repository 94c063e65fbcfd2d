//! Draws `docs/synth-contact-sheet.jpg` and `examples/shelf.jpg` again: `cargo run --release -p synth --example synth_sheet`.
//!
//! Everything on them is synthetic; nothing is taken from a real image. With numbers as arguments, draws those photos into
//! `shelf-NUMBER.png` under the current folder instead, to look at.

use std::path::Path;

use image::RgbImage;
use rayon::prelude::*;
use synth::catalogue::Catalogue;
use synth::framebuffer::Framebuffer;
use synth::write::jpeg;
use synth::{Scene, SynthConfig};

/// Photos on the sheet, row by row, and the one of the README.
const SHEET: [u64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const COVER: u64 = 11;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three times the size of a tile, so that a tile is its exact average.
    let config = SynthConfig { seed: 7, size: (1260, 945), camera_faults: 0.8, ..SynthConfig::default() };
    let catalogue = Catalogue::build(&config);
    let draw =
        |number: u64| Scene { catalogue: &catalogue, config: &config }.photo(number, &mut Framebuffer::new(1, 1)).image;
    let wanted: Vec<u64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    if !wanted.is_empty() {
        return wanted.par_iter().try_for_each(|&n| draw(n).save(format!("shelf-{n}.png"))).map_err(Into::into);
    }
    let tiles: Vec<RgbImage> = SHEET.par_iter().map(|&number| third(&draw(number))).collect();
    let (w, h) = tiles[0].dimensions();
    let (columns, gap) = (3, 6);
    let rows = (tiles.len() as u32).div_ceil(columns);
    let mut sheet = RgbImage::from_pixel(columns * (w + gap) + gap, rows * (h + gap) + gap, image::Rgb([250; 3]));
    for (at, tile) in (0..).zip(&tiles) {
        let (x, y) = (gap + at % columns * (w + gap), gap + at / columns * (h + gap));
        image::imageops::replace(&mut sheet, tile, x.into(), y.into());
    }
    save(&sheet, Path::new("docs/synth-contact-sheet.jpg"), 400_000)?;
    save(&draw(COVER), Path::new("examples/shelf.jpg"), 250_000)
}

/// Averages of 3 x 3 pixels.
fn third(image: &RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width() / 3, image.height() / 3, |x, y| {
        let sum = |i: usize| (0..9).map(|k| u32::from(image.get_pixel(3 * x + k % 3, 3 * y + k / 3).0[i])).sum::<u32>();
        image::Rgb([0, 1, 2].map(|i| ((sum(i) + 4) / 9) as u8))
    })
}

/// Saves at the best quality that keeps the file within `limit` bytes.
fn save(image: &RgbImage, path: &Path, limit: usize) -> Result<(), Box<dyn std::error::Error>> {
    let name = path.display().to_string();
    for quality in (30..=94).rev().step_by(2) {
        let bytes = jpeg(image, quality, &name)?;
        if bytes.len() <= limit {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(path, &bytes)?;
            println!("{name}: {} x {}, quality {quality}, {} bytes", image.width(), image.height(), bytes.len());
            return Ok(());
        }
    }
    Err(format!("{name} does not fit into {limit} bytes").into())
}
