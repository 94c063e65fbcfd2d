//! From folders of images to exemplars.
//!
//! The folder is an ImageFolder: one folder a SKU, named by its code (`sku_001_absolut_vodka/`), images inside. What a
//! file is, its content says. A file that is not a usable image never stops the others; the report lists it.

mod ids;
mod listing;
mod redundant;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use vision::{DecodeLimits, Embedder, ModelError, RgbImage, Sha256, Sku, SkuId, decode};

use super::batches::{Batch, Progress, in_waves};
use super::data::{EmbedderIdentity, GalleryData, NewExemplar};
use super::error::GalleryError;
pub use listing::{Listing, SkuFolder, list};
use redundant::Kin;
pub use redundant::{REDUNDANT_FROM, Redundancy};
pub use report::{Conflict, EnrolReport, Redundant, SkipReason, Skipped};

/// What enrolment may cost, and what it leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnrolOptions {
    /// Of one image.
    pub limits: DecodeLimits,
    /// Images embedded at a time.
    pub batch: usize,
    /// What becomes of images that repeat an exemplar of their own SKU.
    pub redundancy: Redundancy,
}

impl Default for EnrolOptions {
    fn default() -> Self {
        Self { limits: DecodeLimits::default(), batch: 32, redundancy: Redundancy::default() }
    }
}

/// Why nothing was enrolled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// A folder cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The folder is not an ImageFolder.
    #[error(
        "{root} has no SKU folders; put the images of each SKU into a folder of its own, such as \
         {root}/sku_001_absolut_vodka/front.jpg"
    )]
    NoSkuFolders {
        /// Root folder.
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

/// Builds a gallery named `name` from an ImageFolder.
///
/// SKUs are numbered by their folders: `sku_001_...` is 1 if no other folder has that number, the rest take the smallest
/// free numbers in order of name. So the same folders get the same numbers whenever they are built.
///
/// # Errors
/// When the folder holds no SKU folders or no usable image, or the embedder fails.
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

/// Adds an ImageFolder to a gallery. Folders whose code is known add to that SKU; images that are already enrolled under
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
    let embedded = Enrolment::new(data, embedder, options).run(files.collect(), progress)?;
    let mut report = commit(data, &codes, embedded)?;
    report.skipped.splice(0..0, listing.skipped);
    Ok(report)
}

/// Adds images to one SKU, which is created when its code is new.
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
    let embedded = Enrolment::new(data, embedder, options).run(sources.collect(), &mut |_| {})?;
    commit(data, &[code], embedded)
}

/// A file that may become an exemplar.
struct Source {
    code: String,
    path: PathBuf,
    origin: String,
}

/// What was embedded, by code; the SKUs may not exist yet.
struct Embedded {
    exemplars: Vec<(String, NewExemplar)>,
    report: EnrolReport,
}

/// One run over a list of files. Reads the gallery, does not change it.
struct Enrolment<'a> {
    data: &'a GalleryData,
    options: &'a EnrolOptions,
    report: EnrolReport,
    /// Code and origin of every SKU that has an image, in the gallery or in this run, the first one first.
    seen: HashMap<Sha256, Vec<(String, String)>>,
    batch: Batch<'a, (Source, Sha256)>,
    kin: Kin<'a>,
    exemplars: Vec<(String, NewExemplar)>,
}

impl<'a> Enrolment<'a> {
    fn new(data: &'a GalleryData, embedder: &'a dyn Embedder, options: &'a EnrolOptions) -> Self {
        Self {
            data,
            options,
            report: EnrolReport::default(),
            seen: HashMap::new(),
            batch: Batch::new(embedder, options.batch),
            kin: Kin::of(data),
            exemplars: Vec::new(),
        }
    }

    fn run(mut self, files: Vec<Source>, progress: &mut dyn FnMut(Progress)) -> Result<Embedded, EnrolError> {
        for exemplar in self.data.exemplars() {
            if let Some(sku) = self.data.sku(exemplar.sku) {
                let owner = (sku.code.clone(), exemplar.origin.clone());
                self.seen.entry(exemplar.sha256).or_default().push(owner);
            }
        }
        let limits = self.options.limits;
        let total = files.len();
        let mut done = 0;
        in_waves(
            files,
            |source| load(&source.path, &limits),
            |source, opened| {
                match opened {
                    Ok((sha256, image)) => self.take(source, sha256, image),
                    Err(reason) => self.report.skipped.push(Skipped { path: source.path, reason }),
                }
                if self.batch.is_full() {
                    self.embed()?;
                }
                done += 1;
                progress(Progress { done, total });
                Ok::<_, EnrolError>(())
            },
        )?;
        self.embed()?;
        Ok(Embedded { exemplars: self.exemplars, report: self.report })
    }

    /// Lets an image through unless this SKU has it already.
    fn take(&mut self, source: Source, sha256: Sha256, image: RgbImage) {
        self.report.images.push((sha256, source.path.clone()));
        let owners = self.seen.entry(sha256).or_default();
        if let Some((_, origin)) = owners.iter().find(|(code, _)| *code == source.code) {
            let reason = SkipReason::Duplicate { of: origin.clone() };
            self.report.skipped.push(Skipped { path: source.path, reason });
            return;
        }
        let here = (source.code.clone(), source.origin.clone());
        if let Some(first) = owners.first() {
            self.report.conflicts.push(Conflict { first: first.clone(), second: here.clone() });
        }
        owners.push(here);
        self.batch.push((source, sha256), image);
    }

    fn embed(&mut self) -> Result<(), EnrolError> {
        let Redundancy { from, keep } = self.options.redundancy;
        for ((source, sha256), embedding) in self.batch.embed()? {
            let nearest = self.kin.nearest(&source.code, &embedding, &self.exemplars);
            if let Some((of, similarity)) = nearest.filter(|(_, similarity)| *similarity >= from) {
                self.report.redundant.push(Redundant { path: source.path, code: source.code.clone(), of, similarity });
                if !keep {
                    continue;
                }
            }
            self.kin.add(&source.code, self.exemplars.len());
            // The number of a new SKU is not known yet; `commit` fills it in.
            let new = NewExemplar { sku: SkuId(0), origin: source.origin, sha256, embedding };
            self.exemplars.push((source.code, new));
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
    // Numbers are given to all folders, so that they do not move when a folder gets its first usable image.
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
    let image = decode(&bytes, limits).map_err(SkipReason::NotAnImage)?;
    Ok((Sha256::of(&bytes), image))
}

fn relative_to(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
