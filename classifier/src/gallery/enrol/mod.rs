//! From folders of pictures to exemplars.
//!
//! The folder is an ImageFolder: one folder a SKU, named by its code (`sku_001_absolut_vodka/`), pictures inside. What a
//! file is, its content says. A file that is not a usable picture never stops the others; the report lists it.

mod ids;
mod listing;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;
use vision::{DecodeLimits, Embedder, ModelError, RgbImage, Sha256, Sku, SkuId, decode};

use super::data::{EmbedderIdentity, GalleryData, NewExemplar};
use super::error::GalleryError;
pub use listing::{Listing, SkuFolder, list};
pub use report::{Conflict, EnrolReport, Progress, SkipReason, Skipped};

/// What enrolment may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnrolOptions {
    /// Of one picture.
    pub limits: DecodeLimits,
    /// Pictures embedded at a time.
    pub batch: usize,
}

impl Default for EnrolOptions {
    fn default() -> Self {
        Self { limits: DecodeLimits::default(), batch: 32 }
    }
}

/// Why nothing was enrolled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// A folder cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder is not an ImageFolder.
    #[error(
        "{root} has no SKU folders; put the pictures of each SKU into a folder of its own, such as \
         {root}/sku_001_absolut_vodka/front.jpg"
    )]
    NoSkuFolders {
        /// Which.
        root: PathBuf,
    },
    /// Not one of the files could be enrolled.
    #[error("none of the {} files in {root} could be enrolled{}", .report.skipped.len(), .report.first_reason())]
    NothingUsable {
        /// Which folder.
        root: PathBuf,
        /// What was wrong with each file.
        report: Box<EnrolReport>,
    },
    /// The embedder failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The gallery does not take what was made.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
}

/// Pixels decoded before they are embedded, so that a folder of 50-megapixel photos does not fill the memory.
const MAX_WAITING_PIXELS: u64 = 64_000_000;

/// Builds a gallery named `name` from an ImageFolder.
///
/// SKUs are numbered by their folders: `sku_001_...` is 1 if no other folder has that number, the rest take the smallest
/// free numbers in order of name. So the same folders get the same numbers whenever they are built.
///
/// # Errors
/// When the folder holds no SKU folders or no usable picture, or the embedder fails.
pub fn build(
    root: &Path,
    name: &str,
    embedder: &dyn Embedder,
    options: &EnrolOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<(GalleryData, EnrolReport), EnrolError> {
    let mut data = GalleryData::new(name, EmbedderIdentity::of(embedder));
    let report = add_folder(&mut data, root, embedder, options, progress)?;
    if report.added == 0 {
        return Err(EnrolError::NothingUsable { root: root.to_owned(), report: Box::new(report) });
    }
    Ok((data, report))
}

/// Adds an ImageFolder to a gallery. Folders whose code is known add to that SKU; pictures that are already enrolled under
/// it are skipped, so adding a folder twice changes nothing. On an error the gallery is as it was.
///
/// # Errors
/// When the folder holds no SKU folders, the gallery belongs to another embedder, or the embedder fails.
pub fn add_folder(
    data: &mut GalleryData,
    root: &Path,
    embedder: &dyn Embedder,
    options: &EnrolOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<EnrolReport, EnrolError> {
    data.check_embedder(embedder)?;
    let listing = list(root)?;
    let files = listing.skus.iter().flat_map(|sku| {
        sku.files.iter().map(|path| Source {
            code: sku.code.clone(),
            path: path.clone(),
            origin: relative_to(root, path),
        })
    });
    let codes: Vec<&str> = listing.skus.iter().map(|sku| sku.code.as_str()).collect();
    let report = EnrolReport { skipped: listing.skipped, ..EnrolReport::default() };
    let files = files.collect();
    let embedded = Enrolment { data, embedder, options, report, seen: HashMap::new() }.run(files, progress)?;
    commit(data, &codes, embedded)
}

/// Adds pictures to one SKU, which is created when its code is new.
///
/// # Errors
/// As [`add_folder`].
pub fn add_files(
    data: &mut GalleryData,
    code: &str,
    files: &[PathBuf],
    embedder: &dyn Embedder,
    options: &EnrolOptions,
) -> Result<EnrolReport, EnrolError> {
    data.check_embedder(embedder)?;
    let sources = files.iter().map(|path| Source {
        code: code.to_owned(),
        path: path.clone(),
        origin: path.to_string_lossy().into_owned(),
    });
    let report = EnrolReport::default();
    let sources = sources.collect();
    let embedded = Enrolment { data, embedder, options, report, seen: HashMap::new() }.run(sources, &mut |_| {})?;
    commit(data, &[code], embedded)
}

/// A file that may become an exemplar.
struct Source {
    code: String,
    path: PathBuf,
    origin: String,
}

/// A picture ready to be embedded.
struct Picture {
    source: Source,
    sha256: Sha256,
    image: RgbImage,
}

/// What was embedded, by code; the SKUs may not exist yet.
struct Embedded {
    exemplars: Vec<(String, NewExemplar)>,
    report: EnrolReport,
}

/// One run over a list of files. Reads the gallery, does not change it.
struct Enrolment<'a> {
    data: &'a GalleryData,
    embedder: &'a dyn Embedder,
    options: &'a EnrolOptions,
    report: EnrolReport,
    /// Where each picture of this run was seen first.
    seen: HashMap<Sha256, (String, String)>,
}

impl Enrolment<'_> {
    fn run(mut self, files: Vec<Source>, progress: &mut dyn FnMut(Progress)) -> Result<Embedded, EnrolError> {
        for exemplar in self.data.exemplars() {
            if let Some(sku) = self.data.sku(exemplar.sku) {
                self.seen.insert(exemplar.sha256, (sku.code.clone(), exemplar.origin.clone()));
            }
        }
        let total = files.len();
        let mut done = 0;
        let mut waiting: Vec<Picture> = Vec::new();
        let mut exemplars = Vec::with_capacity(total);
        let wave = rayon::current_num_threads().max(1);
        let mut files = files.into_iter();
        loop {
            let next: Vec<Source> = files.by_ref().take(wave).collect();
            let last = next.is_empty();
            let limits = self.options.limits;
            let loaded: Vec<_> = next
                .into_par_iter()
                .map(|source| {
                    let picture = load(&source.path, &limits);
                    (source, picture)
                })
                .collect();
            for (source, picture) in loaded {
                done += 1;
                match picture {
                    Ok((sha256, image)) => self.take(Picture { source, sha256, image }, &mut waiting),
                    Err(reason) => self.report.skipped.push(Skipped { path: source.path, reason }),
                }
            }
            let pixels: u64 = waiting.iter().map(|p| u64::from(p.image.width()) * u64::from(p.image.height())).sum();
            if waiting.len() >= self.options.batch.max(1) || pixels >= MAX_WAITING_PIXELS || last {
                self.embed(&mut waiting, &mut exemplars)?;
            }
            progress(Progress { done, total });
            if last {
                return Ok(Embedded { exemplars, report: self.report });
            }
        }
    }

    /// Lets a picture through unless this SKU has it already.
    fn take(&mut self, picture: Picture, waiting: &mut Vec<Picture>) {
        let here = (picture.source.code.clone(), picture.source.origin.clone());
        match self.seen.get(&picture.sha256) {
            Some((code, origin)) if *code == here.0 => {
                let reason = SkipReason::Duplicate { of: origin.clone() };
                self.report.skipped.push(Skipped { path: picture.source.path, reason });
                return;
            }
            Some(first) => self.report.conflicts.push(Conflict { first: first.clone(), second: here }),
            None => {
                self.seen.insert(picture.sha256, here);
            }
        }
        waiting.push(picture);
    }

    fn embed(&self, waiting: &mut Vec<Picture>, exemplars: &mut Vec<(String, NewExemplar)>) -> Result<(), EnrolError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let (images, sources): (Vec<RgbImage>, Vec<(Source, Sha256)>) =
            waiting.drain(..).map(|p| (p.image, (p.source, p.sha256))).unzip();
        let embeddings = self.embedder.embed(&images)?;
        if embeddings.len() != images.len() {
            return Err(EnrolError::Model(ModelError::UnexpectedOutput {
                expected: format!("{} embeddings", images.len()),
                found: embeddings.len().to_string(),
            }));
        }
        for ((source, sha256), embedding) in sources.into_iter().zip(embeddings) {
            // The number of a new SKU is not known yet; `commit` fills it in.
            let new = NewExemplar { sku: SkuId(0), origin: source.origin, sha256, embedding };
            exemplars.push((source.code, new));
        }
        Ok(())
    }
}

/// Creates the SKUs that have exemplars and adds those. All that can fail has happened on a copy.
fn commit(data: &mut GalleryData, codes: &[&str], embedded: Embedded) -> Result<EnrolReport, EnrolError> {
    let Embedded { exemplars, mut report } = embedded;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (code, _) in &exemplars {
        *counts.entry(code).or_default() += 1;
    }
    let mut changed = data.clone();
    // Numbers are given to all folders, so that they do not move when a folder gets its first usable picture.
    for (code, id) in ids::assign(codes, &changed) {
        if !counts.contains_key(code) {
            if changed.sku_by_code(code).is_none() {
                report.empty.push(code.to_owned());
            }
            continue;
        }
        if changed.sku_by_code(code).is_none() {
            let sku = Sku { id, code: code.to_owned(), name: vision::sku::display_name(code) };
            changed.insert_sku(sku.clone())?;
            report.new_skus.push(sku);
        }
    }
    let mut new = Vec::with_capacity(exemplars.len());
    for (code, mut exemplar) in exemplars {
        exemplar.sku = changed.sku_by_code(&code).ok_or(GalleryError::UnknownCode(code))?.id;
        *report.per_sku.entry(exemplar.sku).or_default() += 1;
        new.push(exemplar);
    }
    report.added = new.len();
    changed.add(new)?;
    *data = changed;
    Ok(report)
}

fn load(path: &Path, limits: &DecodeLimits) -> Result<(Sha256, RgbImage), SkipReason> {
    // Opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path).map_err(SkipReason::Unreadable)?.is_file() {
        return Err(SkipReason::NotAFile);
    }
    let file = File::open(path).map_err(SkipReason::Unreadable)?;
    let mut bytes = Vec::new();
    // One byte past the limit is enough for `decode` to see that there is too much.
    file.take(limits.max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(SkipReason::Unreadable)?;
    let image = decode(&bytes, limits).map_err(SkipReason::NotAPicture)?;
    Ok((Sha256::of(&bytes), image))
}

fn relative_to(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
