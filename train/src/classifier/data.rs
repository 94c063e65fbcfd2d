//! Folders of SKU images as training sees them: which image shows which SKU, what is learned, what only validates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dataset::files::FileError;
use dataset::layout::{DataFolder, LayoutChoice, LayoutKind};
use dataset::{FrozenSplit, Part};
use rayon::prelude::*;
use vision::Sha256;
use vision::rng::{Rng, derive};

use super::error::DataError;

/// A folder with a folder of images per SKU. Folders of the same name are the same SKU, also in several sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The folder that holds a folder per SKU.
    pub root: PathBuf,
    /// Its frozen split. Without one, folders called `train` and `val` divide it; without these `val` does.
    pub split: Option<PathBuf>,
    /// Fraction of the images that validate: which ones follows from their names alone, so more images never move one.
    pub val: f64,
}

/// SKUs that are kept out of training: only they tell what the network does with products it has never seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HoldOut {
    /// Fraction of the SKUs of every source, sampled by `seed`.
    pub ratio: f64,
    /// What is sampled follows from it.
    pub seed: u64,
    /// SKUs by name, beside those sampled.
    pub skus: Vec<String>,
}

/// An image and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Path of the image.
    pub path: PathBuf,
    /// Number of its SKU in [`SkuImages::skus`].
    pub sku: usize,
}

/// All images.
#[derive(Debug, Clone, Default)]
pub struct SkuImages {
    /// Names of the SKUs, sorted. Those that are learned come first.
    pub skus: Vec<String>,
    /// How many of them are learned; the rest is held out.
    pub learned: usize,
    /// Images that are learned, of learned SKUs, by SKU and path.
    pub train: Vec<Crop>,
    /// Images of learned SKUs that validate.
    pub val: Vec<Crop>,
    /// All images of the SKUs held out.
    pub held_out: Vec<Crop>,
    /// What a person should know: images left out, SKUs with few images.
    pub notes: Vec<String>,
}

/// An image that was found.
struct Found {
    path: PathBuf,
    sku: String,
    part: Part,
}

impl SkuImages {
    /// Reads all folders. Images of the same bytes under two SKUs are left out and named in the notes, for one of the labels is
    /// wrong; a validation image that is learned too is left out of validation.
    ///
    /// # Errors
    /// When a folder or split cannot be used, or fewer than two SKUs are left to learn.
    pub fn read(sources: &[Source], hold_out: &HoldOut) -> Result<Self, DataError> {
        let mut found = Vec::new();
        let mut held: BTreeSet<String> = hold_out.skus.iter().cloned().collect();
        for (number, source) in sources.iter().enumerate() {
            let images = images(source)?;
            let skus: BTreeSet<&String> = images.iter().map(|image| &image.sku).collect();
            let mut skus: Vec<&String> = skus.into_iter().collect();
            let count = (hold_out.ratio * skus.len() as f64).round() as usize;
            Rng::new(derive(hold_out.seed, number as u64)).shuffle(&mut skus);
            held.extend(skus.into_iter().take(count).cloned());
            found.extend(images);
        }
        if let Some(name) = hold_out.skus.iter().find(|name| !found.iter().any(|image| image.sku == **name)) {
            return Err(DataError::NoSuchSku { name: name.clone() });
        }
        let mut notes = Vec::new();
        let found = without_conflicts(found, &mut notes)?;
        let all: BTreeSet<String> = found.iter().map(|image| image.sku.clone()).collect();
        let trained: BTreeSet<&String> =
            found.iter().filter(|p| p.part == Part::Train && !held.contains(&p.sku)).map(|p| &p.sku).collect();
        let mut skus: Vec<String> = all.iter().filter(|sku| trained.contains(sku)).cloned().collect();
        let learned = skus.len();
        if learned < 2 {
            return Err(DataError::TooFewSkus { skus: learned });
        }
        // A SKU that has images to validate only is as unseen as one that is held out.
        skus.extend(all.iter().filter(|sku| !trained.contains(sku)).cloned());
        let numbers: BTreeMap<&str, usize> = skus.iter().enumerate().map(|(at, sku)| (sku.as_str(), at)).collect();
        let mut data = Self { learned, notes, ..Self::default() };
        for Found { path, sku, part } in found {
            let crop = Crop { path, sku: numbers[sku.as_str()] };
            match part {
                _ if crop.sku >= learned => data.held_out.push(crop),
                Part::Train => data.train.push(crop),
                Part::Val => data.val.push(crop),
                Part::Test => {}
            }
        }
        data.skus = skus;
        for crops in [&mut data.train, &mut data.val, &mut data.held_out] {
            crops.sort_by(|a, b| (a.sku, &a.path).cmp(&(b.sku, &b.path)));
        }
        Ok(data)
    }

    /// Images that are learned of each SKU.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.learned];
        self.train.iter().for_each(|crop| counts[crop.sku] += 1);
        counts
    }

    /// Checks that every learned SKU has `min` images: an error when it is a gate, else a note.
    ///
    /// # Errors
    /// [`DataError::TooFewImages`].
    pub fn check_min_images(&mut self, min: usize, gate: bool) -> Result<(), DataError> {
        let counts = self.counts();
        let few: Vec<usize> = (0..self.learned).filter(|&sku| counts[sku] < min).collect();
        let Some(&fewest) = few.iter().min_by_key(|&&sku| counts[sku]) else { return Ok(()) };
        let example = format!("{} ({})", self.skus[fewest], counts[fewest]);
        if gate {
            return Err(DataError::TooFewImages { count: few.len(), min, example });
        }
        self.notes.push(format!(
            "{} of {} SKUs have fewer than {min} images, fewest {example}: they can be enrolled all the same, and more \
             images would teach more",
            few.len(),
            self.learned
        ));
        Ok(())
    }
}

fn images(source: &Source) -> Result<Vec<Found>, DataError> {
    let data = DataFolder::scan(&source.root, LayoutChoice::Is(LayoutKind::Folders))?;
    let sku_of = |image: &dataset::ImageFile| {
        image.sku.clone().ok_or_else(|| DataError::NoSku { image: data.locate(&image.path) })
    };
    if let Some(path) = &source.split {
        let split = FrozenSplit::read(path)?;
        let known: BTreeMap<&str, &dataset::ImageFile> =
            data.images.iter().map(|image| (image.path.as_str(), image)).collect();
        return split
            .all_files()
            .iter()
            .map(|file| {
                let missing = || DataError::Missing { split: path.clone(), image: data.locate(&file.path) };
                let image = known.get(file.path.as_str()).ok_or_else(missing)?;
                Ok(Found { path: data.locate(&file.path), sku: sku_of(image)?, part: file.part })
            })
            .collect();
    }
    let parted = data.images.iter().any(|image| matches!(image.part, Some(Part::Train)));
    data.images
        .iter()
        .filter(|image| !parted || image.part.is_some())
        .map(|image| {
            let assigned = || if part_of(&image.path) < source.val { Part::Val } else { Part::Train };
            let part = if parted { image.part.unwrap_or(Part::Train) } else { assigned() };
            Ok(Found { path: data.locate(&image.path), sku: sku_of(image)?, part })
        })
        .collect()
}

/// A number in `0..1` that looks random but follows from the name of an image.
fn part_of(path: &str) -> f64 {
    let digest = Sha256::of(path.as_bytes());
    let first = digest.0.first_chunk::<4>().copied().unwrap_or_default();
    f64::from(u32::from_be_bytes(first)) / (f64::from(u32::MAX) + 1.0)
}

/// Without images whose bytes say two different things.
fn without_conflicts(found: Vec<Found>, notes: &mut Vec<String>) -> Result<Vec<Found>, DataError> {
    let digest = |image: &Found| {
        Sha256::of_file(&image.path).map_err(|source| FileError::Read { path: image.path.clone(), source })
    };
    let digests: Vec<Sha256> = found.par_iter().map(digest).collect::<Result<_, _>>()?;
    let mut skus: BTreeMap<Sha256, BTreeSet<&str>> = BTreeMap::new();
    let mut learned: BTreeSet<Sha256> = BTreeSet::new();
    for (image, digest) in found.iter().zip(&digests) {
        skus.entry(*digest).or_default().insert(&image.sku);
        if image.part == Part::Train {
            learned.insert(*digest);
        }
    }
    let mut twice = 0;
    let mut conflicts: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for (at, (image, digest)) in found.iter().zip(&digests).enumerate() {
        if skus[digest].len() > 1 {
            conflicts.push(shown(&image.path));
        } else if image.part != Part::Train && learned.contains(digest) {
            twice += 1;
        } else {
            kept.push(at);
        }
    }
    if !conflicts.is_empty() {
        let more = if conflicts.len() > 6 { ", ..." } else { "" };
        notes.push(format!(
            "{} images have the same bytes as one of another SKU, so one label is wrong; all are left out: {}{more}",
            conflicts.len(),
            conflicts[..conflicts.len().min(6)].join(", ")
        ));
    }
    if twice > 0 {
        notes.push(format!("{twice} images to validate with are learned too, bit for bit: they are left out"));
    }
    drop(skus);
    let kept: BTreeSet<usize> = kept.into_iter().collect();
    Ok(found.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, image)| image).collect())
}

/// `SKU/file`
fn shown(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy())
}
