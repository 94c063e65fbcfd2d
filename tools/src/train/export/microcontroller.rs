//! A network of images as C source.

use std::fs;
use std::path::Path;

use anyhow::Context;
use engine::tflite::{CArray, c_array};
use vision::ModelCard;
use vision::files::write_atomic;

/// The bytes of a TFLite file as C source for `folder`, which names it.
pub(super) fn source(folder: &Path, card: &ModelCard, file: &[u8]) -> anyhow::Result<CArray> {
    let name = folder.file_name().context("the folder has no name")?.to_string_lossy();
    c_array(name.trim_end_matches("-c"), file, &pixels(card)).context("the network cannot become C source")
}

/// Writes it.
pub(super) fn write(folder: &Path, source: &CArray) -> anyhow::Result<()> {
    use std::io::Write as _;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in source.files() {
        write_atomic(&folder.join(name), |writer| writer.write_all(text.as_bytes()))?;
    }
    println!("{}: C source, with a README", folder.display());
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
