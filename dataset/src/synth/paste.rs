//! Instances cut out of real labelled pictures, as products to be put on drawn shelves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;
use vision::{BBox, RgbImage};

use super::matte::{self, Matte};
use super::rng::{Rng, derive};
use super::sku::{Class, Look, Sku, Sort};
use super::texture::Texture;
use crate::files::file_stem;
use crate::layout::{DataFolder, LayoutChoice, LayoutError, LayoutKind, Picture};
use crate::picture::{self, PictureError};
use crate::yolo::{self, LabelError, LabelLine};

/// A folder of labelled pictures that cannot be used.
#[derive(Debug, Error)]
pub enum PasteError {
    /// It is no data set.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A label file is broken.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A class that is not drawn.
    #[error(
        "{path}:{line}: class {class} is not one of 0 bottle, 1 can, 2 glass, 3 unknown_container: renumber the labels first"
    )]
    Class {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u32,
        /// The class.
        class: u32,
    },
    /// Nothing in it can be cut out.
    #[error(
        "{root} has no instance that can be pasted among {boxes} boxes: needed are boxes of at least 20 x 40 pixels, not cut off by the picture's edge and not overlapping others"
    )]
    Nothing {
        /// Which folder.
        root: PathBuf,
        /// Boxes seen.
        boxes: usize,
    },
}

/// Cuts at most `limit` instances out of the pictures of a folder (YOLO labels), the same ones for the same seed.
///
/// # Errors
/// When the folder, a label or a picture cannot be used, or nothing in it is large and free enough.
pub fn instances(root: &Path, limit: u32, seed: u64) -> Result<Vec<Sku>, PasteError> {
    let data = DataFolder::scan(root, LayoutChoice::Is(LayoutKind::Boxes))?;
    let mut labelled = Vec::new();
    let mut boxes = 0;
    // All labels are read before any picture is: a broken one is told at once.
    for picture in data.pictures {
        let Some(label) = &picture.label else { continue };
        let path = root.join(label);
        let lines = yolo::read(&path)?;
        if let Some(line) = lines.iter().find(|line| Class::of(line.label.class).is_none()) {
            return Err(PasteError::Class { path, line: line.line, class: line.label.class });
        }
        boxes += lines.len();
        if !lines.is_empty() {
            labelled.push((picture, lines));
        }
    }
    Rng::new(derive(seed, 0x9a57e)).shuffle(&mut labelled);
    let mut skus = Vec::new();
    for part in labelled.chunks(32) {
        let cut: Vec<Vec<Sku>> = part
            .par_iter()
            .map(|(picture, lines)| from_picture(root, picture, lines, seed))
            .collect::<Result<_, PasteError>>()?;
        skus.extend(cut.into_iter().flatten());
        if skus.len() >= limit as usize {
            break;
        }
    }
    skus.truncate(limit as usize);
    if skus.is_empty() {
        return Err(PasteError::Nothing { root: root.to_owned(), boxes });
    }
    let mut taken = BTreeSet::new();
    for sku in &mut skus {
        let plain = sku.code.clone();
        let mut number = 2;
        while !taken.insert(sku.code.clone()) {
            sku.code = format!("{plain}-{number}");
            number += 1;
        }
    }
    Ok(skus)
}

fn from_picture(root: &Path, picture: &Picture, lines: &[LabelLine], seed: u64) -> Result<Vec<Sku>, PasteError> {
    let image = picture::load(&root.join(&picture.path))?;
    let (width, height) = image.dimensions();
    let boxes: Vec<BBox> = lines.iter().map(|line| line.label.to_pixels(width, height)).collect();
    let stem = file_stem(&picture.path);
    let mut skus = Vec::new();
    for (line, bbox) in lines.iter().zip(&boxes) {
        let whole = bbox.x1 > 2.0 && bbox.y1 > 2.0 && bbox.x2 < width as f32 - 2.0 && bbox.y2 < height as f32 - 2.0;
        let covered = boxes
            .iter()
            .filter(|other| !std::ptr::eq(*other, bbox))
            .any(|other| other.intersection(bbox) > 0.08 * bbox.area());
        let Some(class) = Class::of(line.label.class).filter(|_| whole && !covered && bbox.is_valid()) else {
            continue;
        };
        let shape = bbox.height() / bbox.width();
        if !plausible(class, shape) {
            continue;
        }
        let Some(matte) = matte::cut(&image, [bbox.x1, bbox.y1, bbox.x2, bbox.y2]) else { continue };
        let own = derive(seed, derive(u64::from(line.line), fingerprint(&image)));
        skus.push(product(class, &matte, (stem, line.line), own));
    }
    Ok(skus)
}

/// Height by width of upright containers; what lies or is half hidden is left out.
fn plausible(class: Class, shape: f32) -> bool {
    match class {
        Class::Bottle => (1.5..6.0).contains(&shape),
        Class::Can => (1.1..3.2).contains(&shape),
        Class::Glass => (0.8..4.0).contains(&shape),
        Class::UnknownContainer => (0.5..4.0).contains(&shape),
    }
}

fn product(class: Class, matte: &Matte, (stem, line): (&str, u32), seed: u64) -> Sku {
    let mut rng = Rng::new(seed);
    let shape = matte.height as f32 / matte.width as f32;
    let height = match class {
        Class::Bottle => rng.range(200.0, 320.0).min(95.0 * shape),
        Class::Can => rng.range(112.0, 168.0).min(78.0 * shape),
        Class::Glass => rng.range(90.0, 190.0).min(95.0 * shape),
        Class::UnknownContainer => rng.range(110.0, 230.0).min(210.0 * shape),
    };
    Sku {
        code: format!("paste-{stem}-{line}"),
        name: format!("{stem}, line {line}"),
        family: format!("paste-{stem}"),
        variant: String::new(),
        volume: String::new(),
        class,
        sort: Sort::Pasted,
        look: Look::Cut { texture: texture(matte), size: (height / shape, height) },
        tray: None,
        tags: Vec::new(),
    }
}

/// The cut-out in the renderer's colours, as if seen by the shop's light: its bright parts are made as bright as paper is
/// there; place and tint follow when it is drawn.
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

/// A number that tells pictures apart, whatever their order.
fn fingerprint(image: &RgbImage) -> u64 {
    image.as_raw().iter().step_by(997).fold(u64::from(image.width()), |sum, &v| derive(sum, v.into()))
}
