//! A network of images as C source.

use std::fs;
use std::path::Path;

use anyhow::Context;
use engine::tflite::c_array;
use vision::ModelCard;
use vision::files::write_atomic;

/// Writes the bytes of a TFLite file as C source into `folder`.
pub(super) fn write(folder: &Path, card: &ModelCard, file: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let name = folder.file_name().context("the folder has no name")?.to_string_lossy();
    let made = c_array(name.trim_end_matches("-c"), file, &pixels(card))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in made.files() {
        write_atomic(&folder.join(name), |writer| writer.write_all(text.as_bytes()))?;
    }
    println!("{}: {:.1} MB of TFLite as C source", folder.display(), file.len() as f64 / 1e6);
    Ok(())
}

/// What goes in.
fn pixels(card: &ModelCard) -> String {
    let plan = &card.preprocess;
    let [mean, std] = [&plan.mean, &plan.std].map(|numbers| format!("{numbers:?}"));
    format!(
        "an image of {} x {} pixels, row after row, red, green and blue of 0 to 255 as (value - mean) / std, mean {mean}, std {std}",
        plan.width, plan.height
    )
}
