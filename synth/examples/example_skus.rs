//! Makes `examples/facings.csv` and `examples/skus` again: `cargo run --release -p synth --example example_skus`.
//!
//! The truth about `examples/shelf.jpg` (see `synth_sheet`), and of each product on it three images from other shelves of
//! the same world, as somebody would take them who enrols it: in the front row, whole, from near.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use synth::catalogue::Catalogue;
use synth::framebuffer::Framebuffer;
use synth::write::jpeg;
use synth::{Instance, Scene, SynthConfig};
use vision::crop::CropRule;

/// The photo of the README, and the world it is from (`synth_sheet`).
const COVER: u64 = 11;
/// Images of a product.
const SHOTS: usize = 3;
/// Photos that are looked through for them.
const PHOTOS: std::ops::Range<u64> = 12..120;
/// Least height of an enrolled image, in pixels.
const HEIGHT: f32 = 70.0;
const QUALITY: u8 = 85;

fn main() -> Result<(), Box<dyn Error>> {
    let config = SynthConfig { seed: 7, size: (1260, 945), camera_faults: 0.8, ..SynthConfig::default() };
    let catalogue = Catalogue::build(&config);
    let mut frame = Framebuffer::new(1, 1);
    let cover = Scene { catalogue: &catalogue, config: &config }.photo(COVER, &mut frame);
    // As somebody would name a folder: what people read is made of it.
    let code = |sku: usize| catalogue.skus[sku].name.to_lowercase().replace(' ', "_");

    let labelled: Vec<&Instance> = cover.instances.iter().filter(|instance| instance.labelled).collect();
    let mut truth = "x,y,w,h,class,sku\n".to_owned();
    for instance in &labelled {
        let b = instance.bbox;
        truth += &format!(
            "{},{},{},{},{},{}\n",
            b.x1,
            b.y1,
            b.width(),
            b.height(),
            instance.class.name(),
            code(instance.sku)
        );
    }
    fs::write("examples/facings.csv", truth)?;

    // Shelves of these products alone, nearer than the photo that is to be recognised: fewer facings, larger ones.
    let config = SynthConfig { facings: (12, 40), ..config };
    let on_it: BTreeSet<usize> = labelled.iter().map(|instance| instance.sku).collect();
    let few =
        Catalogue { skus: on_it.iter().map(|&sku| catalogue.skus[sku].clone()).collect(), promotions: Vec::new() };
    let scene = Scene { catalogue: &few, config: &config };
    let mut wanted: BTreeMap<usize, Vec<Vec<u8>>> = (0..few.skus.len()).map(|sku| (sku, Vec::new())).collect();
    for number in PHOTOS {
        if wanted.values().all(|shots| shots.len() == SHOTS) {
            break;
        }
        let photo = scene.photo(number, &mut frame);
        // One image of a product a photo: another light, another side.
        let mut seen = BTreeSet::new();
        for instance in photo.instances.iter().filter(|i| i.rank == 0 && i.visible > 0.97 && i.bbox.height() >= HEIGHT)
        {
            let Some(shots) = wanted.get_mut(&instance.sku).filter(|shots| shots.len() < SHOTS) else { continue };
            if seen.insert(instance.sku) {
                shots.push(jpeg(&vision::crop(&photo.image, &instance.bbox, CropRule::default()), QUALITY, "crop")?);
            }
        }
    }
    let skus = Path::new("examples/skus");
    if skus.is_dir() {
        fs::remove_dir_all(skus)?;
    }
    for (sku, shots) in wanted {
        let folder = skus.join(few.skus[sku].name.to_lowercase().replace(' ', "_"));
        fs::create_dir_all(&folder)?;
        println!("{}: {} images", folder.display(), shots.len());
        for (number, bytes) in (1..).zip(shots) {
            fs::write(folder.join(format!("{number}.jpg")), bytes)?;
        }
    }
    Ok(())
}
