//! What `--paste` makes of labelled images, to look at: `paste_sheet OUT DIR... [-- NUMBER...]` writes `OUT/cutouts.png`
//! (every cut-out, on a chequered ground) and `OUT/shelf-NUMBER.png`.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use rayon::prelude::*;
use synth::framebuffer::Framebuffer;
use synth::sku::{Appearance, Sort};
use synth::{Finish, SynthConfig, World};

const TILE: u32 = 130;
const COLUMNS: u32 = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().ok_or("name a folder to write to, then labelled folders")?);
    let (folders, numbers): (Vec<String>, Vec<String>) = {
        let all: Vec<String> = arguments.collect();
        let split = all.iter().position(|text| text == "--").unwrap_or(all.len());
        (all[..split].to_vec(), all.get(split + 1..).unwrap_or_default().to_vec())
    };
    let folders: Vec<PathBuf> = folders.into_iter().map(PathBuf::from).collect();
    let config = SynthConfig { paste_ratio: 1.0, ..SynthConfig::default() };
    let began = std::time::Instant::now();
    let world = World::build(config, &folders)?;
    let cut: Vec<_> = world.catalogue().skus.iter().filter(|sku| sku.sort == Sort::Pasted).collect();
    println!("{} cut-outs in {:.1} s", cut.len(), began.elapsed().as_secs_f64());
    for class in synth::Class::NAMES {
        println!("{:>6} {class}", cut.iter().filter(|sku| sku.class.name() == class).count());
    }
    println!("refused: {:?}", world.refused());
    std::fs::create_dir_all(&out)?;
    let shown = &cut[..cut.len().min(144)];
    let rows = (shown.len() as u32).div_ceil(COLUMNS);
    let chequer = |x: u32, y: u32| -> f32 { if (x / 8 + y / 8).is_multiple_of(2) { 0.28 } else { 0.38 } };
    let mut sheet = RgbImage::from_fn(COLUMNS * TILE, rows * TILE, |x, y| Rgb([(chequer(x, y) * 255.0) as u8; 3]));
    for (at, sku) in (0..).zip(shown) {
        let Appearance::Cut(cut) = &sku.appearance else { continue };
        let (w, h) = (cut.size.0 / cut.size.1 * (TILE - 6) as f32, (TILE - 6) as f32);
        let level = cut.texture.level(cut.texture.size().1 as f32 / h);
        for y in 0..h as u32 {
            for x in 0..(w as u32).min(TILE) {
                let [r, g, b, a] = cut.texture.sample(level, (x as f32 + 0.5) / w, (y as f32 + 0.5) / h);
                let (px, py) = (at % COLUMNS * TILE + 3 + x, at / COLUMNS * TILE + 3 + y);
                let under = chequer(px, py).powi(2) * (1.0 - a);
                sheet.put_pixel(px, py, Rgb([r, g, b].map(|v| ((v + under).clamp(0.0, 1.0).sqrt() * 255.0) as u8)));
            }
        }
    }
    sheet.save(out.join("cutouts.png"))?;
    let numbers: Vec<u64> = numbers.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    numbers.par_iter().try_for_each(|&number| save(&world, number, &out).map_err(|e| e.to_string()))?;
    Ok(())
}

fn save(world: &World, number: u64, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let shelf = world.shelf(number, Finish::Jpeg, &mut Framebuffer::new(1, 1))?;
    shelf.image.save(out.join(format!("shelf-{number}.png")))?;
    Ok(())
}
