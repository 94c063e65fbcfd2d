//! A whole set of photos on disk: images, labels, and every other truth about them.

mod set;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;
use thiserror::Error;

use super::config::{ConfigError, SynthConfig};
use super::framebuffer::Framebuffer;
use super::paste::PasteError;
use super::world::World;
use dataset::files::{FileError, FolderDraft};
use dataset::progress::Progress;
use dataset::yolo::BadLabels;
use set::{Record, Set};

/// Version of the renderer: another one renders other photos from the same seed.
pub const SYNTH_VERSION: u32 = 5;

/// What belongs to a run but not to the set.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Folders of real labelled images (YOLO) whose instances are pasted into the rows.
    pub paste: Vec<PathBuf>,
    /// Replace a folder that an earlier run has made.
    pub force: bool,
    /// Whether the first label of a pasted folder that is not understood is an error; else it is left out and counted.
    pub strict: bool,
}

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SynthReport {
    /// Photos written.
    pub photos: u64,
    /// Labelled instances.
    pub labelled: u64,
    /// Instances too hidden to be labelled.
    pub hidden: u64,
    /// Products in the catalogue, pasted ones included.
    pub skus: u64,
    /// Pasted ones among them.
    pub pasted: u64,
    /// Boxes of the pasted folders that gave no cut-out, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<&'static str, u64>,
    /// Labels of the pasted folders that were not understood: how many, and which is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Labelled instances by class name.
    pub classes: BTreeMap<&'static str, u64>,
    /// Crops exported.
    pub crops: u64,
}

/// A set that cannot be made.
#[derive(Debug, Error)]
pub enum SynthError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of real images.
    #[error(transparent)]
    Paste(#[from] PasteError),
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// An image cannot be encoded.
    #[error("{file} cannot be encoded")]
    Encode {
        /// Its name.
        file: String,
        /// What the encoder said.
        source: vision::EncodeError,
    },
    /// An image cannot be read back from its own JPEG.
    #[error("{file} cannot be decoded again")]
    Decode {
        /// Which.
        file: String,
        /// What the decoder said.
        source: vision::DecodeError,
    },
    /// The folder to replace was not made by this command.
    #[error(
        "{path} holds files but no synth.json, so no earlier run made it: it is not replaced; name another folder or remove it yourself"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
}

/// Photos in work at once: bounds memory, and keeps the lists in order.
const BATCH: u64 = 32;

/// Renders a set into the folder `out`, which appears whole or not at all:
///
/// | file | what |
/// |---|---|
/// | `images/*.jpg`, `labels/*.txt`, `data.yaml` | photos and labels in YOLO's form |
/// | `skus.csv` | the products |
/// | `instances.csv` | every item that is at least partly seen, hidden ones too: box, class, SKU, visible fraction, place |
/// | `counts.json` | labelled facings and counts of each photo, in the form `shelf eval shelf-counts` reads |
/// | `planogram.json` | what was put where: rows from below, blocks from the left |
/// | `crops/SKU/*.jpg` | labelled items cut out, when asked for |
/// | `synth.json` | configuration, version and totals |
///
/// # Errors
/// When the configuration or the folder of real images cannot be used, or `out` cannot be written.
pub fn write_dataset(
    config: &SynthConfig,
    options: &WriteOptions,
    out: &Path,
    progress: &dyn Progress,
) -> Result<SynthReport, SynthError> {
    config.validate()?;
    let out: PathBuf = out.components().collect();
    let (draft, old) = begin(&out, options.force)?;
    progress.begin("products", 1);
    let world = World::build_with(config.clone(), &options.paste, BadLabels::new(options.strict))?;
    let catalogue = world.catalogue();
    progress.advance(1);
    let mut set = Set::begin(draft, config, catalogue)?;
    progress.begin("photos", config.photos.into());
    let mut first = 0;
    while first < u64::from(config.photos) {
        let last = (first + BATCH).min(config.photos.into());
        let records: Vec<Record> = (first..last)
            .into_par_iter()
            .map_init(
                || Framebuffer::new(1, 1),
                |frame, number| {
                    let photo = world.photo(number, frame);
                    let record = set.save(number, photo);
                    progress.advance(1);
                    record
                },
            )
            .collect::<Result<_, SynthError>>()?;
        for record in records {
            set.list(&record)?;
        }
        first = last;
    }
    set.report.left_out = (!world.left_out().is_empty()).then(|| world.left_out().to_string());
    set.report.refused = world.refused().iter().map(|(reason, count)| (reason.name(), *count as u64)).collect();
    let (draft, report) = set.end(&options.paste)?;
    finish(draft, &out, old)?;
    Ok(report)
}

/// Where the set is made, and the earlier one it will replace.
fn begin(out: &Path, force: bool) -> Result<(FolderDraft, bool), SynthError> {
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if !(force && occupied) {
        return Ok((FolderDraft::begin(out)?, false));
    }
    if !out.join("synth.json").is_file() {
        return Err(SynthError::NotOurs { path: out.to_owned() });
    }
    Ok((FolderDraft::begin(&aside(out, "new"))?, true))
}

fn aside(out: &Path, what: &str) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.{what}-{}", std::process::id()))
}

fn finish(draft: FolderDraft, out: &Path, replace: bool) -> Result<(), SynthError> {
    let made = draft.commit()?;
    if replace {
        let old = aside(out, "old");
        let wrong = |source| FileError::Write { path: out.to_owned(), source };
        std::fs::rename(out, &old).map_err(wrong)?;
        std::fs::rename(&made, out).map_err(wrong)?;
        std::fs::remove_dir_all(&old).map_err(wrong)?;
    }
    Ok(())
}

/// The image as JPEG; `file` is named in the error.
///
/// # Errors
/// When a side is 0 or above 65,500 pixels.
pub fn jpeg(image: &RgbImage, quality: u8, file: &str) -> Result<Vec<u8>, SynthError> {
    vision::encode_jpeg(image, quality).map_err(|source| SynthError::Encode { file: file.to_owned(), source })
}
