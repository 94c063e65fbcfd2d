//! The lists of a set, and its images, while they are written.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use vision::crop::CropRule;

use super::super::catalogue::Catalogue;
use super::super::config::SynthConfig;
use super::super::layout::Row;
use super::super::rows::Rows;
use super::super::scene::{Instance, Photo};
use super::super::sku::{Class, Sku, Sort};
use super::{SYNTH_VERSION, SynthError, SynthReport, jpeg};
use dataset::files::{FileError, FolderDraft};
use dataset::yolo::{self, Label, LabelLine};

/// A set being written.
pub(super) struct Set<'a> {
    draft: FolderDraft,
    config: &'a SynthConfig,
    catalogue: &'a Catalogue,
    instances: csv::Writer<std::fs::File>,
    counts: Rows,
    planogram: Rows,
    crops: BTreeMap<usize, u32>,
    pub(super) report: SynthReport,
}

/// What is kept of a photo after its image is on disk.
pub(super) struct Record {
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
    pub(super) fn begin(
        draft: FolderDraft,
        config: &'a SynthConfig,
        catalogue: &'a Catalogue,
    ) -> Result<Self, SynthError> {
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

    /// Writes image and labels; may be called from many threads.
    pub(super) fn save(&self, number: u64, photo: Photo) -> Result<Record, SynthError> {
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
        let row = |row: &Row| PlanRow {
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
    pub(super) fn list(&mut self, record: &Record) -> Result<(), SynthError> {
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

    pub(super) fn end(mut self, paste: &[PathBuf]) -> Result<(FolderDraft, SynthReport), SynthError> {
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
