//! Instances cut out of real labelled images, as products to be put on synthetic shelves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;
use vision::{BBox, RgbImage};

use super::canvas::Bounds;
use super::cutout::Cutout;
use super::matte::{self, Matte, RejectReason};
use super::rng::{Rng, derive};
use super::sku::{Appearance, Class, Sku, Sort};
use super::texture::Texture;
use super::upright;
use dataset::files::file_stem;
use dataset::image_file::{self, ImageFileError};
use dataset::layout::{DataFolder, ImageFile, LayoutChoice, LayoutError, LayoutKind};
use dataset::yolo::{BadLabels, LabelError, LabelLine};

/// A folder of labelled images that cannot be used.
#[derive(Debug, Error)]
pub enum PasteError {
    /// It is no data set.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A label file is broken.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFileError),
    /// A class that is not rendered.
    #[error(
        "{path}:{line}: class {class} is not one of 0 bottle, 1 can, 2 glass, 3 unknown_container: renumber the labels first"
    )]
    Class {
        /// The label file.
        path: PathBuf,
        /// Which line, from 1.
        line: u32,
        /// Number of the class, as in the file.
        class: u32,
    },
    /// Nothing in it can be cut out.
    #[error(
        "{root} has no instance that can be pasted among {boxes} boxes: needed are upright containers of at least 24 x 60 pixels (bottles 24 x 110), whole, free on both sides, sharp, and told from their background by their colours{}",
        refused.iter().map(|(reason, count)| format!("; {count} refused: {}", reason.name())).collect::<String>()
    )]
    Nothing {
        /// Which folder.
        root: PathBuf,
        /// Boxes seen.
        boxes: usize,
        /// Why they were refused.
        refused: BTreeMap<RejectReason, usize>,
    },
}

/// What a folder gave.
#[derive(Debug)]
pub struct Harvest {
    /// Cut-outs as products.
    pub skus: Vec<Sku>,
    /// Boxes in the folder.
    pub boxes: usize,
    /// Why boxes were refused, of those that were looked at.
    pub refused: BTreeMap<RejectReason, usize>,
}

/// Cuts at most `limit` instances out of the images of a folder (YOLO labels), the same ones for the same seed.
///
/// # Errors
/// When the folder or an image cannot be used, a label cannot and `labels` is strict, or nothing in it is large and free
/// enough.
pub fn instances(root: &Path, limit: u32, seed: u64, labels: &mut BadLabels) -> Result<Harvest, PasteError> {
    let data = DataFolder::scan(root, LayoutChoice::Is(LayoutKind::Boxes))?;
    let mut labelled = Vec::new();
    let mut boxes = 0;
    // All labels are read before any image is: a broken one is told at once.
    for entry in &data.images {
        let Some(label) = &entry.label else { continue };
        let path = data.locate(label);
        let mut lines = Vec::new();
        for line in labels.read(&path)?.unwrap_or_default() {
            let class = line.label.class;
            let known = Class::of(class).ok_or(PasteError::Class { path: path.clone(), line: line.line, class });
            lines.extend(labels.accept(known)?.map(|_| line));
        }
        boxes += lines.len();
        if !lines.is_empty() {
            labelled.push((entry, lines));
        }
    }
    Rng::new(derive(seed, 0x9a57e)).shuffle(&mut labelled);
    let mut skus = Vec::new();
    let mut refused: BTreeMap<RejectReason, usize> = BTreeMap::new();
    for part in labelled.chunks(32) {
        let cut: Vec<Vec<Result<Sku, RejectReason>>> = part
            .par_iter()
            .map(|(entry, lines)| from_image(&data, entry, lines, seed))
            .collect::<Result<_, PasteError>>()?;
        for result in cut.into_iter().flatten() {
            match result {
                Ok(sku) => skus.push(sku),
                Err(reason) => *refused.entry(reason).or_default() += 1,
            }
        }
        if skus.len() >= limit as usize {
            break;
        }
    }
    skus.truncate(limit as usize);
    if skus.is_empty() {
        return Err(PasteError::Nothing { root: root.to_owned(), boxes, refused });
    }
    Ok(Harvest { skus, boxes, refused })
}

/// Gives codes that are used twice a number.
pub(super) fn tell_apart(skus: &mut [Sku]) {
    let mut taken = BTreeSet::new();
    for sku in skus {
        let plain = sku.code.clone();
        let mut number = 2;
        while !taken.insert(sku.code.clone()) {
            sku.code = format!("{plain}-{number}");
            number += 1;
        }
    }
}

/// What each box of an image gives.
fn from_image(
    data: &DataFolder,
    entry: &ImageFile,
    lines: &[LabelLine],
    seed: u64,
) -> Result<Vec<Result<Sku, RejectReason>>, PasteError> {
    let mut image = image_file::load(&data.locate(&entry.path))?;
    let own = fingerprint(&image);
    if tinted(&image) {
        return Ok(lines.iter().map(|_| Err(RejectReason::Light)).collect());
    }
    let (width, height) = image.dimensions();
    let mut boxes: Vec<BBox> = lines.iter().map(|line| line.label.to_pixels(width, height)).collect();
    let angle = upright::angle(&image);
    if angle != 0.0 {
        image = upright::turned_back(&image, angle);
        boxes.iter_mut().for_each(|bbox| *bbox = upright::box_turned_back(bbox, angle, (width, height)));
    }
    let bounds: Vec<Bounds> = boxes.iter().map(|b| [b.x1, b.y1, b.x2, b.y2]).collect();
    let stem = file_stem(&entry.path);
    let cut = |(at, line): (usize, &LabelLine)| {
        let bbox = &boxes[at];
        let whole = bbox.x1 > 2.0 && bbox.y1 > 2.0 && bbox.x2 < width as f32 - 2.0 && bbox.y2 < height as f32 - 2.0;
        let class = Class::of(line.label.class).filter(|_| whole && bbox.is_valid()).ok_or(RejectReason::Shape)?;
        let covered =
            boxes.iter().enumerate().any(|(other, b)| other != at && b.intersection(bbox) > 0.1 * bbox.area());
        if covered {
            return Err(RejectReason::Crowded);
        }
        if !plausible(class, bbox.height() / bbox.width()) {
            return Err(RejectReason::Shape);
        }
        let others: Vec<Bounds> =
            bounds.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, b)| *b).collect();
        let matte = matte::cut(&image, bounds[at], &others, class)?;
        Ok(product(class, &matte, (stem, line.line), derive(seed, derive(u64::from(line.line), own))))
    };
    Ok(lines.iter().enumerate().map(cut).collect())
}

/// Whether the whole image is of one colour, as in a bar at night: what stood in such light is not put into a shop's.
fn tinted(image: &RgbImage) -> bool {
    let mut sum = [0.0_f64; 3];
    for px in image.as_raw().chunks_exact(3).step_by(37) {
        (0..3).for_each(|i| sum[i] += f64::from(px[i]));
    }
    let (high, low) = (sum.iter().copied().fold(0.0, f64::max), sum.iter().copied().fold(f64::MAX, f64::min));
    high > 2.2 * low.max(1.0)
}

/// Height by width of upright containers, in images that may be stretched; what lies or is half hidden is left out.
fn plausible(class: Class, shape: f32) -> bool {
    match class {
        Class::Bottle => (1.7..5.5).contains(&shape),
        Class::Can => (1.25..3.4).contains(&shape),
        Class::Glass => (0.8..4.0).contains(&shape),
        Class::UnknownContainer => (0.5..4.0).contains(&shape),
    }
}

fn product(class: Class, matte: &Matte, (stem, line): (&str, u32), seed: u64) -> Sku {
    let mut rng = Rng::new(seed);
    // Images of data sets are often stretched to a square: shapes no such container has are stretched back.
    let seen = matte.height as f32 / matte.width as f32;
    let (shape, height) = match class {
        Class::Bottle => {
            let shape = seen.clamp(2.6, 4.3);
            (shape, rng.range(205.0, 300.0).min(92.0 * shape))
        }
        Class::Can => {
            let shape = seen.clamp(1.65, 2.6);
            // A tall can is a slim one of 330 ml or a large one.
            (shape, if shape < 2.05 { rng.range(112.0, 124.0) } else { rng.range(138.0, 168.0) })
        }
        Class::Glass => (seen, rng.range(90.0, 190.0).min(95.0 * seen)),
        Class::UnknownContainer => (seen, rng.range(110.0, 230.0).min(210.0 * seen)),
    };
    Sku {
        code: format!("paste-{stem}-{line}"),
        name: format!("{stem}, line {line}"),
        family: format!("paste-{stem}"),
        variant: String::new(),
        volume: String::new(),
        class,
        sort: Sort::Pasted,
        appearance: Appearance::Cut(Box::new(Cutout {
            texture: texture(matte),
            size: (height / shape, height),
            half: matte.half.clone(),
        })),
        tray: None,
        tags: Vec::new(),
    }
}

/// The cut-out in the renderer's colours, as if seen by the shop's light: its bright parts are made as bright as paper is
/// there; place and tint follow when it is rendered.
fn texture(matte: &Matte) -> Texture {
    let mut brightness: Vec<f32> = Vec::new();
    for p in matte.pixels.iter().filter(|p| p[3] > 200) {
        let [r, g, b] = [p[0], p[1], p[2]].map(|v| (f32::from(v) / 255.0).powf(2.2));
        brightness.push(r.max(g).max(b));
    }
    brightness.sort_by(f32::total_cmp);
    let bright = brightness.get(brightness.len() * 19 / 20).copied().unwrap_or(0.6).max(0.05);
    let gain = (0.78 / bright).clamp(0.6, 1.9);
    let texels = matte
        .pixels
        .iter()
        .map(|&[r, g, b, a]| {
            let opacity = f32::from(a) / 255.0;
            let channel = |v: u8| {
                let light = ((f32::from(v) / 255.0).powf(2.2) * gain).min(1.0);
                (light.sqrt() * opacity * 255.0 + 0.5) as u8
            };
            [channel(r), channel(g), channel(b), a]
        })
        .collect();
    Texture::from_texels(matte.width, matte.height, texels)
}

/// A number that tells images apart, whatever their order.
fn fingerprint(image: &RgbImage) -> u64 {
    image.as_raw().iter().step_by(997).fold(u64::from(image.width()), |sum, &v| derive(sum, v.into()))
}
