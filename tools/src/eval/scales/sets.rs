//! Sets of labelled photos, named in a file.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use dataset::Part;
use dataset::files::read_text_bounded;
use eval::{Rect, Truth};
use serde::Deserialize;
use train::detector::{Origin, Sample, Source, TrainingData};
use vision::config::Check;
use vision::preprocess::Region;
use vision::{PreprocessPlan, RgbImage};

/// Largest file of sets.
const MAX_BYTES: u64 = 1 << 20;

/// Maximum number of pixels of a mosaic.
const MAX_PIXELS: u64 = 100_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSection {
    name: String,
    root: String,
    /// Classes that are to be seen there without labels: found, they are neither right nor wrong.
    #[serde(default)]
    unlabelled: Vec<String>,
    /// A frozen split, and the part of it.
    split: Option<String>,
    #[serde(default = "validation")]
    part: Part,
    /// `COLUMNSxROWS`: so many photos side by side and above one another become one, as if one camera had seen them all.
    mosaic: Option<String>,
    /// At most so many photos, evenly spaced.
    limit: Option<usize>,
}

const fn validation() -> Part {
    Part::Val
}

/// What a file of sets says.
pub(super) struct SetFile {
    path: PathBuf,
    sections: Vec<SetSection>,
}

/// Labelled photos.
pub(super) struct PhotoSet {
    pub(super) name: String,
    pub(super) photos: Vec<PhotoPlan>,
    classes: usize,
}

/// A photo to be put together of one or more images.
pub(super) struct PhotoPlan {
    pieces: Vec<Sample>,
    columns: u32,
}

/// A photo and its true boxes, by the detector's classes. Where a class is not labelled a crowd of it covers the photo.
pub(super) struct Labelled {
    pub(super) image: RgbImage,
    pub(super) truths: Vec<Truth>,
}

impl SetFile {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text_bounded(path, MAX_BYTES)?;
        let sections =
            serde_saphyr::from_str(&text).with_context(|| format!("{} is no list of sets", path.display()))?;
        Ok(Self { path: path.to_owned(), sections })
    }

    /// Reads labels; pixels later.
    pub(super) fn sets(self, classes: &[String], wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<PhotoSet>> {
        let variables = |name: &str| std::env::var(name).ok();
        let check = Check { path: &self.path, variables: &variables };
        let sections = self.sections.into_iter().filter(|section| wanted(&section.name));
        sections.map(|section| read_set(section, check, classes)).collect()
    }
}

fn read_set(section: SetSection, check: Check<'_>, classes: &[String]) -> anyhow::Result<PhotoSet> {
    let source = Source {
        root: check.place("root", &section.root)?,
        split: section.split.map(|split| check.place("split", &split)).transpose()?,
        repeat: 1,
        unlabelled: section.unlabelled,
    };
    let samples = TrainingData::read(std::slice::from_ref(&source), section.part, Some(classes))?.samples;
    let (columns, rows) = match &section.mosaic {
        None => (1, 1),
        Some(text) => mosaic(text).with_context(|| format!("mosaic {text:?} is not COLUMNSxROWS such as 5x1"))?,
    };
    // A mosaic takes its images one after the other, from the start again where they run out.
    let pieces = (columns * rows) as usize;
    let starts = (0..samples.len()).step_by(pieces);
    let photos = starts.map(|start| PhotoPlan {
        pieces: (start..start + pieces).map(|at| samples[at % samples.len()].clone()).collect(),
        columns,
    });
    let mut photos: Vec<PhotoPlan> = photos.collect();
    if let Some(limit) = section.limit.filter(|&limit| limit < photos.len()) {
        let total = photos.len();
        let mut number = 0;
        photos.retain(|_| {
            number += 1;
            number * limit / total > (number - 1) * limit / total
        });
    }
    ensure!(!photos.is_empty(), "{}: set {} has no photos", check.path.display(), section.name);
    Ok(PhotoSet { name: section.name, photos, classes: classes.len() })
}

fn mosaic(text: &str) -> Option<(u32, u32)> {
    let (columns, rows) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|n| (1..=16_u32).contains(n));
    Some((side(columns)?, side(rows)?))
}

impl PhotoSet {
    /// Decodes a photo of this set; its truths belong to image `number`.
    pub(super) fn load(&self, number: usize) -> anyhow::Result<Labelled> {
        let plan = &self.photos[number];
        let (mut canvas, mut truths) = (None::<RgbImage>, Vec::new());
        let mut cell = (0, 0);
        for (at, piece) in (0..).zip(&plan.pieces) {
            let Origin::File(path) = &piece.origin else { continue };
            let image = dataset::image_file::load(path)?;
            if canvas.is_none() {
                cell = image.dimensions();
            }
            let (column, row) = (at % plan.columns, at / plan.columns);
            truths.extend(self.truths(piece, number as u32, cell, (column * cell.0, row * cell.1)));
            if plan.pieces.len() == 1 {
                canvas = Some(image);
                break;
            }
            let rows = plan.pieces.len() as u32 / plan.columns;
            let size = (cell.0 * plan.columns, cell.1 * rows);
            ensure!(u64::from(size.0) * u64::from(size.1) <= MAX_PIXELS, "{}: the mosaic is too large", self.name);
            let canvas = canvas.get_or_insert_with(|| RgbImage::new(size.0, size.1));
            let fitted = PreprocessPlan::yolo(cell.0, cell.1).pixels(&image, Region::whole(&image), cell);
            image::imageops::replace(canvas, &fitted, (column * cell.0).into(), (row * cell.1).into());
        }
        let image = canvas.with_context(|| format!("{} has a photo without images", self.name))?;
        Ok(Labelled { image, truths })
    }

    fn truths(&self, piece: &Sample, image: u32, (width, height): (u32, u32), (left, top): (u32, u32)) -> Vec<Truth> {
        let truth = |class: usize, [x1, y1, x2, y2]: [f64; 4], crowd| {
            let (width, height, left, top) = (f64::from(width), f64::from(height), f64::from(left), f64::from(top));
            let rect = Rect::from_corners(x1 * width + left, y1 * height + top, x2 * width + left, y2 * height + top);
            Truth { image, class: class as u32, rect, area: rect.area(), crowd }
        };
        let objects = piece.objects.iter().map(|object| truth(object.class, object.edges, false));
        let open = piece.unlabelled.iter().flat_map(|region| {
            let classes = (0..self.classes).filter(|&class| region.classes.contains(class));
            classes.map(|class| truth(class, region.edges, true))
        });
        objects.chain(open).collect()
    }
}
