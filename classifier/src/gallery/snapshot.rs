//! A gallery on disk.
//!
//! ```text
//! gallery.json                 manifest: format, embedder, counts, digests, and which revision is in force
//! v000002/  v000003/           the files of a revision; the one before stays for readers that are just loading it
//!   embeddings.npy             float32 (exemplars, dimension), C order, rows of length one: numpy.load reads it
//!   exemplars.json             a row's id, SKU, origin and digest of its image
//!   skus.json                  id, code, display name
//! thumbnails/                  small images of the exemplars, for people ([`super::thumbnails`]); no part of the content
//! .lock                        held while writing
//! ```
//!
//! A revision is written beside the others, flushed, and takes effect when the manifest is renamed into place: a crash at
//! any moment leaves the old gallery or the new one, never half of either.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use vision::{Sha256, Sku};

use super::data::{EmbedderIdentity, Exemplar, GalleryData, NextIds, Parts};
use super::error::{Expected, GalleryError};
use super::hashing::Hashing;
use super::manifest::{EmbedderEntry, ExemplarEntry, FORMAT, FileEntry, Manifest, Preface, SkuEntry, VERSION};
use super::matrix::Matrix;
use super::{npy, thumbnails};

const MANIFEST: &str = "gallery.json";
const LOCK: &str = ".lock";
const EMBEDDINGS: &str = "embeddings.npy";
const EXEMPLARS: &str = "exemplars.json";
const SKUS: &str = "skus.json";

const MAX_MANIFEST_BYTES: u64 = 1 << 20;
const MAX_LIST_BYTES: u64 = 1 << 30;
const MAX_EMBEDDINGS_BYTES: u64 = 16 << 30;
const MAX_DIMENSION: u64 = 1 << 16;
/// How far from one the length of a stored embedding may be: half-precision tools lose this much.
const LENGTH_TOLERANCE: f32 = 1e-3;

/// Reads a gallery and checks all of it: sizes before memory is taken, digests, counts, references, unit length.
///
/// # Errors
/// When there is none, or any of its files is damaged, foreign or of another version.
pub fn read(path: &Path) -> Result<GalleryData, GalleryError> {
    let manifest = read_manifest(path)?.ok_or_else(|| GalleryError::Missing { path: path.to_owned() })?;
    let manifest_path = path.join(MANIFEST);
    let folder = revision_folder(path, manifest.revision);
    let expected = Manifest::content_digest(manifest.embedder.fingerprint, &manifest.files);
    if manifest.sha256 != expected {
        return Err(GalleryError::Digest { path: manifest_path, expected: manifest.sha256, found: expected });
    }
    let inconsistent = |path: &Path, field, found, expected| GalleryError::Inconsistent {
        path: path.to_owned(),
        field,
        found,
        expected,
    };
    let dimension = manifest.embedder.dimension;
    if dimension == 0 {
        return Err(inconsistent(&manifest_path, "embedder.dimension", 0, Expected::Above(0)));
    }
    if dimension > MAX_DIMENSION {
        return Err(inconsistent(&manifest_path, "embedder.dimension", dimension, Expected::AtMost(MAX_DIMENSION)));
    }

    let skus: Vec<SkuEntry> = read_list(&folder.join(SKUS), &manifest)?;
    let exemplars: Vec<ExemplarEntry> = read_list(&folder.join(EXEMPLARS), &manifest)?;
    let embeddings = read_embeddings(&folder.join(EMBEDDINGS), &manifest)?;
    for (path, field, found, expected) in [
        (folder.join(SKUS), "the number of SKUs", skus.len() as u64, manifest.skus),
        (folder.join(EXEMPLARS), "the number of exemplars", exemplars.len() as u64, manifest.exemplars),
        (folder.join(EMBEDDINGS), "the number of rows", embeddings.rows() as u64, manifest.exemplars),
        (folder.join(EMBEDDINGS), "the number of columns", embeddings.columns() as u64, dimension),
    ] {
        if found != expected {
            return Err(inconsistent(&path, field, found, Expected::Exactly(expected)));
        }
    }
    if let Some(row) = (0..embeddings.rows()).find(|&row| !has_unit_length(embeddings.row(row))) {
        return Err(GalleryError::NotNormalized { path: folder.join(EMBEDDINGS), row });
    }
    GalleryData::from_parts(Parts {
        name: manifest.name,
        embedder: EmbedderIdentity {
            fingerprint: manifest.embedder.fingerprint,
            dimension: dimension as usize,
            description: manifest.embedder.description,
        },
        created: manifest.created,
        skus: skus.into_iter().map(Sku::from).collect(),
        exemplars: exemplars.into_iter().map(Exemplar::from).collect(),
        embeddings,
        next: NextIds { sku: manifest.next_sku, exemplar: manifest.next_exemplar },
        revision: manifest.revision,
        digest: manifest.sha256,
    })
}

/// Makes sure that a gallery can be written to `path`, before work is done that would be lost.
///
/// # Errors
/// When the folder cannot be made or holds other things.
pub fn prepare(path: &Path) -> Result<(), GalleryError> {
    fs::create_dir_all(path).map_err(|e| GalleryError::write(path, e))?;
    refuse_foreign_folder(path)
}

/// Writes the next revision. A gallery that was read from disk replaces only the revision it was read as; one that was
/// built anew replaces whatever gallery is there.
///
/// # Errors
/// When the folder holds other things, another process writes or has written, or the disk refuses.
pub fn write(data: &mut GalleryData, path: &Path) -> Result<(), GalleryError> {
    prepare(path)?;
    let _lock = lock(path)?;
    let current = match read_manifest(path) {
        Ok(manifest) => manifest.map_or(0, |m| m.revision),
        // A damaged or older manifest does not forbid building anew over it.
        Err(_) if data.revision().is_none() => last_folder(path),
        Err(error) => return Err(error),
    };
    if let Some(expected) = data.revision().filter(|&revision| revision != current) {
        return Err(GalleryError::Changed { path: path.to_owned(), expected, found: current });
    }
    let revision = current.max(last_folder(path)) + 1;

    let folder = revision_folder(path, revision);
    let beside = path.join(format!(".partial-{}", std::process::id()));
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(|e| GalleryError::write(&beside, e))?;
    }
    fs::create_dir(&beside).map_err(|e| GalleryError::write(&beside, e))?;
    let result = write_files(data, &beside).and_then(|files| {
        fs::rename(&beside, &folder).map_err(|e| GalleryError::write(&folder, e))?;
        commit(data, path, revision, files)
    });
    match result {
        Ok(digest) => data.set_stored(revision, digest),
        Err(error) => {
            // Nothing points at what was written; leave no litter if the disk still lets us.
            let _ = fs::remove_dir_all(&beside);
            return Err(error);
        }
    }
    remove_older(path, revision);
    Ok(())
}

/// The digest that the content has on disk, without writing it.
#[must_use]
pub fn digest(data: &GalleryData) -> Sha256 {
    let skus: Vec<SkuEntry> = data.skus().map(|sku| SkuEntry::from(&**sku)).collect();
    let exemplars: Vec<ExemplarEntry> = data.exemplars().iter().map(ExemplarEntry::from).collect();
    let hash = |body: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        let mut sink = Hashing::new(BufWriter::with_capacity(1 << 16, io::sink()));
        body(&mut sink).expect("a sink takes everything");
        FileEntry { bytes: sink.bytes, sha256: sink.finish() }
    };
    let files = BTreeMap::from([
        (EMBEDDINGS.to_owned(), hash(&|writer| npy::write(writer, data.embeddings()))),
        (EXEMPLARS.to_owned(), hash(&|writer| write_list(writer, &exemplars))),
        (SKUS.to_owned(), hash(&|writer| write_list(writer, &skus))),
    ]);
    Manifest::content_digest(data.embedder().fingerprint, &files)
}

/// The files that hold a revision, relative to the gallery's folder; the manifest first.
#[must_use]
pub fn file_names(revision: u64) -> Vec<String> {
    let files = [EMBEDDINGS, EXEMPLARS, SKUS].map(|name| format!("v{revision:06}/{name}"));
    std::iter::once(MANIFEST.to_owned()).chain(files).collect()
}

fn revision_folder(path: &Path, revision: u64) -> PathBuf {
    path.join(format!("v{revision:06}"))
}

/// The revision a folder's name stands for.
fn revision_of(name: &std::ffi::OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix('v')?;
    if digits.len() < 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn last_folder(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    // A name at the end of the range would leave no number for the next revision.
    entries.filter_map(|entry| revision_of(&entry.file_name())).filter(|&n| n < u64::MAX / 2).max().unwrap_or(0)
}

/// `None` when there is no manifest.
fn read_manifest(path: &Path) -> Result<Option<Manifest>, GalleryError> {
    let path = path.join(MANIFEST);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(GalleryError::read(path, error)),
    };
    let mut text = Vec::new();
    file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut text).map_err(|e| GalleryError::read(&path, e))?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(GalleryError::Inconsistent {
            path,
            field: "its size in bytes",
            found: text.len() as u64,
            expected: Expected::AtMost(MAX_MANIFEST_BYTES),
        });
    }
    let json_error = |source| GalleryError::Json { path: path.clone(), source };
    let preface: Preface = serde_json::from_slice(&text).map_err(json_error)?;
    if preface.format != FORMAT || preface.version != VERSION {
        return Err(GalleryError::Version { path, found: preface.version, supported: VERSION });
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(json_error)?;
    if manifest.revision >= u64::MAX / 2 {
        return Err(GalleryError::Inconsistent {
            path,
            field: "revision",
            found: manifest.revision,
            expected: Expected::AtMost(u64::MAX / 2 - 1),
        });
    }
    Ok(Some(manifest))
}

/// Opens one of the revision's files, after comparing its size with the manifest and with `limit`.
fn open(path: &Path, manifest: &Manifest, limit: u64) -> Result<(Hashing<BufReader<File>>, FileEntry), GalleryError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let entry = manifest.files.get(name).copied().unwrap_or(FileEntry { bytes: 0, sha256: Sha256::of(b"") });
    let file = File::open(path).map_err(|e| GalleryError::read(path, e))?;
    let found = file.metadata().map_err(|e| GalleryError::read(path, e))?.len();
    let expected = if entry.bytes > limit { Expected::AtMost(limit) } else { Expected::Exactly(entry.bytes) };
    if found != entry.bytes || found > limit {
        return Err(GalleryError::Inconsistent { path: path.to_owned(), field: "its size in bytes", found, expected });
    }
    Ok((Hashing::new(BufReader::with_capacity(1 << 18, file)), entry))
}

fn check_digest(path: &Path, found: Sha256, entry: FileEntry) -> Result<(), GalleryError> {
    if found == entry.sha256 {
        Ok(())
    } else {
        Err(GalleryError::Digest { path: path.to_owned(), expected: entry.sha256, found })
    }
}

fn read_list<T: DeserializeOwned>(path: &Path, manifest: &Manifest) -> Result<Vec<T>, GalleryError> {
    let (mut reader, entry) = open(path, manifest, MAX_LIST_BYTES)?;
    let mut text = Vec::with_capacity(entry.bytes as usize);
    (&mut reader).take(entry.bytes).read_to_end(&mut text).map_err(|e| GalleryError::read(path, e))?;
    // Digest first: "damaged" says more than whatever syntax error the damage makes.
    check_digest(path, reader.finish(), entry)?;
    serde_json::from_slice(&text).map_err(|source| GalleryError::Json { path: path.to_owned(), source })
}

fn read_embeddings(path: &Path, manifest: &Manifest) -> Result<Matrix, GalleryError> {
    let (mut reader, entry) = open(path, manifest, MAX_EMBEDDINGS_BYTES)?;
    let matrix = npy::read(&mut reader, entry.bytes, MAX_EMBEDDINGS_BYTES)
        .map_err(|source| GalleryError::Npy { path: path.to_owned(), source })?;
    check_digest(path, reader.finish(), entry)?;
    Ok(matrix)
}

fn has_unit_length(row: &[f32]) -> bool {
    let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
    (length - 1.0).abs() <= LENGTH_TOLERANCE
}

fn refuse_foreign_folder(path: &Path) -> Result<(), GalleryError> {
    let mut foreign = false;
    for entry in fs::read_dir(path).map_err(|e| GalleryError::read(path, e))? {
        let name = entry.map_err(|e| GalleryError::read(path, e))?.file_name();
        if name == MANIFEST {
            return Ok(());
        }
        let ours = name == LOCK
            || name == thumbnails::FOLDER
            || revision_of(&name).is_some()
            || name.to_string_lossy().starts_with(".partial-");
        foreign |= !ours;
    }
    if foreign { Err(GalleryError::NotAGallery { path: path.to_owned() }) } else { Ok(()) }
}

/// Held until the returned file is dropped, also by a crash.
fn lock(path: &Path) -> Result<File, GalleryError> {
    let lock_path = path.join(LOCK);
    let options = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = options.map_err(|e| GalleryError::write(&lock_path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(GalleryError::Busy { path: path.to_owned() }),
        // Some network file systems have no locks; the check of the revision still catches most collisions.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(GalleryError::write(lock_path, error)),
    }
}

fn write_files(data: &GalleryData, folder: &Path) -> Result<BTreeMap<String, FileEntry>, GalleryError> {
    let skus: Vec<SkuEntry> = data.skus().map(|sku| SkuEntry::from(&**sku)).collect();
    let exemplars: Vec<ExemplarEntry> = data.exemplars().iter().map(ExemplarEntry::from).collect();
    let mut files = BTreeMap::new();
    let mut put = |name: &str, body: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        let path = folder.join(name);
        let entry = write_file(&path, body).map_err(|e| GalleryError::write(path, e))?;
        files.insert(name.to_owned(), entry);
        Ok(())
    };
    put(EMBEDDINGS, &|writer| npy::write(writer, data.embeddings()))?;
    put(EXEMPLARS, &|writer| write_list(writer, &exemplars))?;
    put(SKUS, &|writer| write_list(writer, &skus))?;
    sync_folder(folder).map_err(|e| GalleryError::write(folder, e))?;
    Ok(files)
}

/// One entry a line: readable, and line-wise tools show what changed.
fn write_list<T: Serialize>(writer: &mut dyn Write, entries: &[T]) -> io::Result<()> {
    writer.write_all(b"[")?;
    for (at, entry) in entries.iter().enumerate() {
        writer.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *writer, entry)?;
    }
    writer.write_all(b"\n]\n")
}

fn write_file(path: &Path, body: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<FileEntry> {
    let file = File::create_new(path)?;
    let mut writer = Hashing::new(BufWriter::with_capacity(1 << 18, file));
    body(&mut writer)?;
    writer.flush()?;
    writer.get_ref().get_ref().sync_all()?;
    Ok(FileEntry { bytes: writer.bytes, sha256: writer.finish() })
}

fn commit(
    data: &GalleryData,
    path: &Path,
    revision: u64,
    files: BTreeMap<String, FileEntry>,
) -> Result<Sha256, GalleryError> {
    let (embedder, next) = (data.embedder(), data.next_ids());
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        name: data.name().to_owned(),
        created: data.created().to_owned(),
        revision,
        embedder: EmbedderEntry {
            description: embedder.description.clone(),
            fingerprint: embedder.fingerprint,
            dimension: embedder.dimension as u64,
        },
        skus: data.skus().len() as u64,
        exemplars: data.exemplars().len() as u64,
        next_sku: next.sku,
        next_exemplar: next.exemplar,
        sha256: Manifest::content_digest(embedder.fingerprint, &files),
        files,
    };
    let (target, beside) = (path.join(MANIFEST), path.join(".partial-manifest"));
    let store = || {
        let mut file = File::create(&beside)?;
        serde_json::to_writer_pretty(&mut file, &manifest)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, &target)?;
        sync_folder(path)
    };
    store().map_err(|e| GalleryError::write(&target, e))?;
    Ok(manifest.sha256)
}

/// Makes renames survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Keeps the revision before the current one. What cannot be removed is tried again by the next write.
fn remove_older(path: &Path, current: u64) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let stale = revision_of(&name).is_some_and(|revision| revision + 1 < current)
            || name.to_string_lossy().starts_with(".partial-");
        if stale {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
