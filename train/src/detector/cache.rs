//! Decoded images, resized once, kept in memory and on disk within bounds.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use ::dataset::files::{read_bounded, write_atomic};
use ::dataset::image_file;
use vision::preprocess::Region;
use vision::{BBox, PreprocessPlan, RgbImage, Sha256};

use super::dataset::{Labelled, OpenRegion, Origin, Sample};
use super::error::DataError;
use super::synthetic::SyntheticShelves;
use super::targets::ClassSet;
use crate::core::Kept;
use crate::core::kept::Failure;

/// How much is kept, and how much may be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheLimits {
    /// The longer side that images are resized to, in pixels.
    pub side: u32,
    /// Bytes of images in memory.
    pub memory: u64,
    /// Folder for what does not fit, and bytes in it.
    pub disk: Option<(PathBuf, u64)>,
    /// Images that may be unreadable before training fails.
    pub unreadable: usize,
}

/// An image with its longer side at [`CacheLimits::side`], and its truth.
#[derive(Debug, Clone)]
pub struct LoadedSample {
    /// 8-bit RGB.
    pub image: RgbImage,
    /// Labelled objects, edges as fractions of the image.
    pub objects: Vec<Labelled>,
    /// Where objects may be that are not labelled.
    pub unlabelled: Vec<OpenRegion>,
}

/// Opens images, and keeps them.
#[derive(Debug)]
pub struct Cache {
    limits: CacheLimits,
    synthetic: Option<SyntheticShelves>,
    kept: Kept<Origin, LoadedSample>,
    disk_used: AtomicU64,
}

impl Cache {
    /// An empty cache; what lies in its folder from an earlier run is used.
    #[must_use]
    pub fn new(limits: CacheLimits, synthetic: Option<SyntheticShelves>) -> Self {
        let used = limits.disk.as_ref().map_or(0, |(folder, _)| folder_bytes(folder));
        let kept = Kept::new(limits.memory, limits.unreadable);
        Self { limits, synthetic, kept, disk_used: AtomicU64::new(used) }
    }

    /// Side that images are resized to.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.limits.side
    }

    /// The images that could not be read so far, and why.
    #[must_use]
    pub fn unreadable(&self) -> BTreeMap<Origin, String> {
        self.kept.unreadable()
    }

    /// Bytes of images in memory.
    #[must_use]
    pub fn memory_used(&self) -> u64 {
        self.kept.used()
    }

    /// The image of a sample; `None` for one that cannot be read, which is remembered.
    ///
    /// # Errors
    /// When more images cannot be read than are put up with.
    pub fn get(&self, sample: &Sample) -> Result<Option<Arc<LoadedSample>>, DataError> {
        self.kept.get(&sample.origin, &sample.origin, || {
            let loaded = self.open(sample)?;
            let size = loaded.image.as_raw().len() as u64;
            Ok((loaded, size))
        })
    }

    fn open(&self, sample: &Sample) -> Result<LoadedSample, Failure<DataError>> {
        let stored = self.stored_at(&sample.origin);
        // What is broken on disk is made anew.
        let found = stored.as_ref().and_then(|path| read_stored(path, self.limits.side));
        let (image, own) = match found {
            Some(found) => found,
            None => {
                let (image, own) = self.make(&sample.origin)?;
                if let Some(path) = &stored {
                    self.store(path, &image, &own);
                }
                (image, own)
            }
        };
        let mut loaded = LoadedSample { image, objects: sample.objects.clone(), unlabelled: sample.unlabelled.clone() };
        for mark in own {
            let edges = mark.edges.map(f64::from);
            match mark.class {
                HIDDEN => loaded.unlabelled.push(OpenRegion { edges, classes: ClassSet::All }),
                class => loaded.objects.push(Labelled { class: class as usize, edges }),
            }
        }
        Ok(loaded)
    }

    /// The image, resized, and what only its maker knows of it.
    fn make(&self, origin: &Origin) -> Result<(RgbImage, Vec<Mark>), Failure<DataError>> {
        match origin {
            Origin::File(path) => {
                let image = image_file::load(path).map_err(|error| Failure::unreadable(&error))?;
                Ok((resized(&image, self.limits.side), Vec::new()))
            }
            Origin::Synthetic(number) => {
                let Some(synthetic) = &self.synthetic else {
                    return Err(Failure::Unreadable("nothing is set up to render shelves".to_owned()));
                };
                let shelf = synthetic.shelf(*number).map_err(Failure::Fatal)?;
                let (width, height) = shelf.image.dimensions();
                let mark = |class: u32, b: &BBox| {
                    let (w, h) = (width as f32, height as f32);
                    let edges = [b.x1 / w, b.y1 / h, b.x2 / w, b.y2 / h].map(|edge| edge.clamp(0.0, 1.0));
                    Mark { class, edges }
                };
                let objects = shelf.objects.iter().map(|(class, bbox)| mark(*class as u32, bbox));
                let marks = objects.chain(shelf.hidden.iter().map(|bbox| mark(HIDDEN, bbox))).collect();
                Ok((resized(&shelf.image, self.limits.side), marks))
            }
        }
    }

    /// Where an image is kept on disk: under a name that changes with the file, or the world it is rendered from, and the size.
    fn stored_at(&self, origin: &Origin) -> Option<PathBuf> {
        let (folder, _) = self.limits.disk.as_ref()?;
        let key = match origin {
            Origin::File(path) => {
                let about = fs::metadata(path).ok()?;
                let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
                format!("{}\0{}\0{changed}", path.display(), about.len())
            }
            Origin::Synthetic(number) => format!("{}\0{number}", self.synthetic.as_ref()?.identity()),
        };
        let digest = Sha256::of(format!("{key}\0{}", self.limits.side).as_bytes());
        Some(folder.join(format!("{digest}.rgb")))
    }

    fn store(&self, path: &Path, image: &RgbImage, marks: &[Mark]) {
        let Some((_, limit)) = self.limits.disk else { return };
        let size = image.as_raw().len() as u64 + (marks.len() * MARK_BYTES + HEADER) as u64;
        if self.disk_used.fetch_add(size, Ordering::Relaxed) + size > limit {
            self.disk_used.fetch_sub(size, Ordering::Relaxed);
            return;
        }
        let written = write_atomic(path, |writer| {
            writer.write_all(MAGIC)?;
            for number in [image.width(), image.height(), marks.len() as u32] {
                writer.write_all(&number.to_le_bytes())?;
            }
            for mark in marks {
                writer.write_all(&mark.class.to_le_bytes())?;
                mark.edges.iter().try_for_each(|edge| writer.write_all(&edge.to_le_bytes()))?;
            }
            writer.write_all(image.as_raw())
        });
        if let Err(error) = written {
            self.disk_used.fetch_sub(size, Ordering::Relaxed);
            // A full disk makes training slower, not wrong.
            tracing::warn!(%error, "a resized image cannot be kept");
        }
    }
}

/// An object of a synthetic shelf, or a hidden one.
struct Mark {
    class: u32,
    edges: [f32; 4],
}

const HIDDEN: u32 = u32::MAX;
const MAGIC: &[u8; 8] = b"shelfRGB";
const HEADER: usize = MAGIC.len() + 3 * 4;
const MARK_BYTES: usize = 5 * 4;
/// More facings than any synthetic shelf has.
const MAX_MARKS: usize = 100_000;

/// What [`Cache::store`] wrote; `None` when there is nothing or something else.
fn read_stored(path: &Path, side: u32) -> Option<(RgbImage, Vec<Mark>)> {
    if !path.is_file() {
        return None;
    }
    let limit = u64::from(side) * u64::from(side) * 3 + (HEADER + MAX_MARKS * MARK_BYTES) as u64;
    let bytes = read_bounded(path, limit).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (head, rest) = rest.split_at_checked(12)?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (width, height, count) = (number(0), number(4), number(8) as usize);
    if count > MAX_MARKS || width.max(height) != side {
        return None;
    }
    let (marks, pixels) = rest.split_at_checked(count * MARK_BYTES)?;
    let marks = marks.as_chunks::<MARK_BYTES>().0.iter().map(|mark| {
        let word = |at: usize| [mark[at], mark[at + 1], mark[at + 2], mark[at + 3]];
        let edges = std::array::from_fn(|i| f32::from_le_bytes(word(4 + 4 * i)));
        Mark { class: u32::from_le_bytes(word(0)), edges }
    });
    let marks: Vec<Mark> = marks.collect();
    if !marks.iter().all(|mark| mark.edges.iter().all(|edge| (0.0..=1.0).contains(edge))) {
        return None;
    }
    Some((RgbImage::from_raw(width, height, pixels.to_vec()).filter(|i| i.as_raw().len() == pixels.len())?, marks))
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

/// With the longer side at `side`, as the serving path resizes.
fn resized(image: &RgbImage, side: u32) -> RgbImage {
    let canvas = PreprocessPlan::yolo(side, side);
    let (width, height) = canvas.placement(image.dimensions(), (side, side)).content;
    canvas.pixels(image, Region::whole(image), (width, height))
}
