//! A whole set of photos on disk: pictures, labels, and every other truth about them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};
use rayon::prelude::*;
use serde::Serialize;
use thiserror::Error;
use vision::crop::CropRule;

use super::catalogue::Catalogue;
use super::config::{ConfigError, SynthConfig};
use super::film::Film;
use super::paste::PasteError;
use super::rows::Rows;
use super::scene::{Instance, Photo};
use super::sku::{Class, Sku, Sort};
use super::world::World;
use crate::files::{FileError, FolderDraft};
use crate::progress::Progress;
use crate::yolo::{self, Label, LabelLine};

/// Version of the drawings: another one draws other photos from the same seed.
pub const SYNTH_VERSION: u32 = 4;

/// What belongs to a run but not to the set.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Folders of real labelled pictures (YOLO) whose instances are pasted into the rows.
    pub paste: Vec<PathBuf>,
    /// Replace a folder that an earlier run has made.
    pub force: bool,
}

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SynthReport {
    /// Photos.
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
    /// The folder of real pictures.
    #[error(transparent)]
    Paste(#[from] PasteError),
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture cannot be encoded.
    #[error("{file} cannot be encoded as JPEG")]
    Encode {
        /// Which.
        file: String,
        /// Why.
        source: EncodingError,
    },
    /// A picture cannot be read back from its own JPEG.
    #[error("{file} cannot be decoded again")]
    Decode {
        /// Which.
        file: String,
        /// Why.
        source: vision::DecodeError,
    },
    /// The folder to replace was not made by this command.
    #[error(
        "{path} holds files but no synth.json, so no earlier run made it: it is not replaced; name another folder or remove it yourself"
    )]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
}

/// Photos in work at once: bounds memory, and keeps the lists in order.
const BATCH: u64 = 32;

/// Draws a set into the folder `out`, which appears whole or not at all:
///
/// | file | what |
/// |---|---|
/// | `images/*.jpg`, `labels/*.txt`, `data.yaml` | photos and labels in YOLO's form |
/// | `skus.csv` | the products |
/// | `instances.csv` | every item that is at least partly seen, hidden ones too: box, class, SKU, visible share, place |
/// | `counts.json` | labelled facings and counts of each photo, in the form `shelf eval shelf-counts` reads |
/// | `planogram.json` | what was put where: rows from below, blocks from the left |
/// | `crops/SKU/*.jpg` | labelled items cut out, when asked for |
/// | `synth.json` | configuration, version and totals |
///
/// # Errors
/// When the configuration or the folder of real pictures cannot be used, or `out` cannot be written.
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
    let world = World::build(config.clone(), &options.paste)?;
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
                || Film::new(1, 1),
                |film, number| {
                    let photo = world.photo(number, film);
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
    set.report.refused = world.refused().iter().map(|(flaw, count)| (flaw.name(), *count as u64)).collect();
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

/// A set being written.
struct Set<'a> {
    draft: FolderDraft,
    config: &'a SynthConfig,
    catalogue: &'a Catalogue,
    instances: csv::Writer<std::fs::File>,
    counts: Rows,
    planogram: Rows,
    crops: BTreeMap<usize, u32>,
    report: SynthReport,
}

/// What is kept of a photo after its picture is on disk.
struct Record {
    file: String,
    number: u64,
    instances: Vec<Instance>,
    rows: Vec<PlanRow>,
    /// Crops as bytes, by instance.
    crops: Vec<(usize, Vec<u8>)>,
}

#[derive(Serialize)]
struct PlanPhoto<'a> {
    image: &'a str,
    rows: &'a [PlanRow],
}

#[derive(Serialize)]
struct PlanRow {
    floor_mm: i64,
    blocks: Vec<PlanBlock>,
}

#[derive(Serialize)]
struct PlanBlock {
    sku: String,
    facings: u32,
    stack: u32,
    span_mm: (i64, i64),
}

#[derive(Serialize)]
struct CountsHead<'a> {
    format: &'static str,
    version: u32,
    enrolled: Vec<&'a str>,
}

#[derive(Serialize)]
struct CountsRow<'a> {
    image: &'a str,
    width: u32,
    height: u32,
    counts: BTreeMap<&'a str, u64>,
    facings: Vec<CountsFacing<'a>>,
}

#[derive(Serialize)]
struct CountsFacing<'a> {
    #[serde(rename = "box")]
    bbox: [f32; 4],
    class: &'static str,
    sku: &'a str,
}

#[derive(Serialize)]
struct PlanHead {
    format: &'static str,
    version: u32,
}

#[derive(Serialize)]
struct About<'a> {
    format: &'static str,
    version: u32,
    synthetic: bool,
    config: &'a SynthConfig,
    paste: Vec<String>,
    totals: &'a SynthReport,
}

impl<'a> Set<'a> {
    fn begin(draft: FolderDraft, config: &'a SynthConfig, catalogue: &'a Catalogue) -> Result<Self, SynthError> {
        let path = |name: &str| draft.path().join(name);
        let wrong = |name: &str| {
            let path = draft.target().join(name);
            move |source: io::Error| FileError::Write { path, source }
        };
        for folder in ["images", "labels"] {
            std::fs::create_dir(path(folder)).map_err(wrong(folder))?;
        }
        let names = Class::NAMES.iter().enumerate().map(|(id, name)| format!("  {id}: {name}\n")).collect::<String>();
        draft.write("data.yaml", format!("path: .\ntrain: images\nval: images\nnames:\n{names}").as_bytes())?;
        draft.write("skus.csv", &product_table(&catalogue.skus))?;
        let mut instances =
            csv::Writer::from_path(path("instances.csv")).map_err(|e| wrong("instances.csv")(csv_io(e)))?;
        instances
            .write_record([
                "file", "x1", "y1", "x2", "y2", "class", "sku", "visible", "labelled", "row", "block", "depth", "level",
            ])
            .map_err(|e| wrong("instances.csv")(csv_io(e)))?;
        let head = CountsHead {
            format: "shelf-counts",
            version: 1,
            enrolled: catalogue.skus.iter().map(|s| s.code.as_str()).collect(),
        };
        let counts = Rows::begin(&path("counts.json"), &head, "images").map_err(wrong("counts.json"))?;
        let head = PlanHead { format: "shelf-planogram", version: 1 };
        let planogram = Rows::begin(&path("planogram.json"), &head, "photos").map_err(wrong("planogram.json"))?;
        let pasted = catalogue.skus.iter().filter(|s| s.sort == Sort::Pasted).count() as u64;
        let report = SynthReport { skus: catalogue.skus.len() as u64, pasted, ..SynthReport::default() };
        Ok(Self { draft, config, catalogue, instances, counts, planogram, crops: BTreeMap::new(), report })
    }

    /// Writes picture and labels; may be called from many threads.
    fn save(&self, number: u64, photo: Photo) -> Result<Record, SynthError> {
        let stem = format!("shelf_{number:06}");
        let file = format!("images/{stem}.jpg");
        self.draft.write(&file, &jpeg(&photo.image, photo.jpeg_quality, &file)?)?;
        let (width, height) = photo.image.dimensions();
        let labels: Vec<LabelLine> = photo
            .instances
            .iter()
            .filter(|i| i.labelled)
            .map(|i| LabelLine {
                line: 0,
                label: Label::from_pixels(i.class.id(), &i.bbox, width, height),
                comment: None,
            })
            .collect();
        self.draft.write(&format!("labels/{stem}.txt"), yolo::format(&labels).as_bytes())?;
        let mut crops = Vec::new();
        if self.config.crops_per_sku > 0 {
            for (at, instance) in photo.instances.iter().enumerate().filter(|(_, i)| i.labelled) {
                let crop = vision::crop(&photo.image, &instance.bbox, CropRule::default());
                crops.push((at, jpeg(&crop, 92, &file)?));
            }
        }
        Ok(Record { file, number, rows: self.plan(&photo), instances: photo.instances, crops })
    }

    fn plan(&self, photo: &Photo) -> Vec<PlanRow> {
        let mm = |v: f32| v.round() as i64;
        let row = |row: &super::layout::Row| PlanRow {
            floor_mm: mm(row.floor),
            blocks: row
                .blocks
                .iter()
                .map(|b| PlanBlock {
                    sku: self.catalogue.skus[b.sku].code.clone(),
                    facings: b.facings,
                    stack: b.stack,
                    span_mm: (mm(b.span.0), mm(b.span.1)),
                })
                .collect(),
        };
        photo.layout.rows.iter().map(row).collect()
    }

    /// Adds a photo to the lists, in order.
    fn list(&mut self, record: &Record) -> Result<(), SynthError> {
        let (width, height) = self.config.size;
        let mut row = CountsRow { image: &record.file, width, height, counts: BTreeMap::new(), facings: Vec::new() };
        for i in &record.instances {
            let sku = &self.catalogue.skus[i.sku];
            let numbers = [i.bbox.x1, i.bbox.y1, i.bbox.x2, i.bbox.y2].map(|v| v.to_string());
            let [x1, y1, x2, y2] = &numbers;
            let visible = format!("{:.3}", i.visible);
            let places = [i.row.to_string(), i.block.to_string(), i.rank.to_string(), i.level.to_string()];
            let [a, b, c, d] = &places;
            let labelled = if i.labelled { "true" } else { "false" };
            self.instances
                .write_record([&record.file, x1, y1, x2, y2, i.class.name(), &sku.code, &visible, labelled, a, b, c, d])
                .map_err(|e| self.wrong("instances.csv", csv_io(e)))?;
            if i.labelled {
                *row.counts.entry(&sku.code).or_default() += 1;
                row.facings.push(CountsFacing {
                    bbox: [i.bbox.x1, i.bbox.y1, i.bbox.x2, i.bbox.y2],
                    class: i.class.name(),
                    sku: &sku.code,
                });
                *self.report.classes.entry(i.class.name()).or_default() += 1;
                self.report.labelled += 1;
            } else {
                self.report.hidden += 1;
            }
        }
        self.counts
            .push(&row)
            .map_err(|e| FileError::Write { path: self.draft.target().join("counts.json"), source: e })?;
        let plan = PlanPhoto { image: &record.file, rows: &record.rows };
        self.planogram
            .push(&plan)
            .map_err(|e| FileError::Write { path: self.draft.target().join("planogram.json"), source: e })?;
        for (at, bytes) in &record.crops {
            let sku = record.instances[*at].sku;
            let taken = self.crops.entry(sku).or_default();
            if *taken < self.config.crops_per_sku {
                *taken += 1;
                self.draft.write(
                    &format!("crops/{}/{:06}_{at:03}.jpg", self.catalogue.skus[sku].code, record.number),
                    bytes,
                )?;
                self.report.crops += 1;
            }
        }
        self.report.photos += 1;
        Ok(())
    }

    fn wrong(&self, name: &str, source: io::Error) -> SynthError {
        FileError::Write { path: self.draft.target().join(name), source }.into()
    }

    fn end(mut self, paste: &[PathBuf]) -> Result<(FolderDraft, SynthReport), SynthError> {
        let target = self.draft.target().to_owned();
        let wrong = |name: &str| {
            let path = target.join(name);
            move |source: io::Error| FileError::Write { path, source }
        };
        self.instances.flush().map_err(wrong("instances.csv"))?;
        self.counts.end().map_err(wrong("counts.json"))?;
        self.planogram.end().map_err(wrong("planogram.json"))?;
        // Their names alone: where a folder lies on one machine says nothing on another.
        let name =
            |path: &PathBuf| path.components().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect::<PathBuf>();
        let paste = paste.iter().map(|path| name(path).to_string_lossy().into_owned()).collect();
        let about = About {
            format: "shelf-synth",
            version: SYNTH_VERSION,
            synthetic: true,
            config: self.config,
            paste,
            totals: &self.report,
        };
        let text = serde_json::to_string_pretty(&about).map_err(|e| wrong("synth.json")(e.into()))?;
        self.draft.write("synth.json", text.as_bytes())?;
        Ok((self.draft, self.report))
    }
}

fn product_table(skus: &[Sku]) -> Vec<u8> {
    let mut text = String::from("sku,name,family,variant,volume,class,class_id\n");
    for sku in skus {
        let quoted = |field: &str| {
            if field.contains([',', '"', '\n']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.to_owned()
            }
        };
        let fields = [&sku.code, &sku.name, &sku.family, &sku.variant, &sku.volume].map(|f| quoted(f));
        text.push_str(&format!("{},{},{}\n", fields.join(","), sku.class.name(), sku.class.id()));
    }
    text.into_bytes()
}

fn csv_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A baseline JPEG with colour at half the resolution, as telephones write them; `file` is named in the error.
///
/// # Errors
/// When a side is 0 or above 65,535 pixels.
pub fn jpeg(image: &RgbImage, quality: u8, file: &str) -> Result<Vec<u8>, SynthError> {
    let mut bytes = Vec::with_capacity(1 << 18);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    let (width, height) = image.dimensions();
    encoder
        .encode(image.as_raw(), width as u16, height as u16, ColorType::Rgb)
        .map_err(|source| SynthError::Encode { file: file.to_owned(), source })?;
    Ok(bytes)
}
