//! The files of a run.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use engine::tflite::c_array;
use vision::files::write_atomic;

/// What is written beside `model.tflite` and `meta.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The network in int8: `model.tflite`
    Tflite,
    /// The same in 32-bit floats: `model_fp32.tflite`
    TfliteFp32,
    /// C source for a microcontroller, with a README: `c/`
    CArray,
}

/// Writes bytes beside their place and renames them.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(write_atomic(path, |writer| writer.write_all(bytes))?)
}

/// Writes the file as C source into a folder.
pub(super) fn write_c(folder: &Path, file: &[u8]) -> anyhow::Result<()> {
    let input = "features scaled as `meta.json` says, (value - scaler_mean) / scaler_scale";
    let made = c_array("shelf_model", file, input)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in made.files() {
        write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}
