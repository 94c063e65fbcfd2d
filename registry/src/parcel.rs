//! A version as one file, for another store: what it says of itself, then its files, each held to its digest on the way out and in.
//!
//! ```text
//! shelfsight version 1\n | SHA-256 of the header | its length, 8 bytes little-endian | header, JSON | files, one after the other
//! ```

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Store;
use store::audit::Actor;
use store::registry::{DataSetRef, ModelFile, ModelKind, ModelVersion, NewModel};
use vision::Sha256;

use crate::error::RegistryError;

/// What a file begins with.
const MAGIC: &[u8] = b"shelfsight version 1\n";
/// Largest header.
const MAX_HEADER: u64 = 4 << 20;
/// Most files.
const MAX_FILES: usize = 200;
/// Largest file in it.
const MAX_FILE: u64 = 16 << 30;

/// What a version says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kind: String,
    name: String,
    version: String,
    algorithm: String,
    description: String,
    metrics: std::collections::BTreeMap<String, f64>,
    datasets: Vec<DataSetRef>,
    tags: Vec<String>,
    settings: Value,
    /// Of kind, settings and files.
    digest: Sha256,
    files: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    path: String,
    sha256: Sha256,
    bytes: u64,
}

/// Writes a version into a file, beside it first. Evidence and history stay: they are the store's word, and no file's.
///
/// # Errors
/// When a file of it is missing or is not what was registered, or the target cannot be written.
pub async fn export(store: &Store, model: &ModelVersion, target: &Path) -> Result<u64, RegistryError> {
    let parts = store.model_files(&model.id).await?;
    let header = Header {
        kind: model.kind.as_str().to_owned(),
        name: model.name.clone(),
        version: model.version.clone(),
        algorithm: model.algorithm.clone(),
        description: model.description.clone(),
        metrics: model.metrics.clone(),
        datasets: model.datasets.clone(),
        tags: model.tags.clone(),
        settings: model.settings.clone(),
        digest: model.digest,
        files: parts
            .iter()
            .map(|part| Part { path: part.path.clone(), sha256: part.sha256, bytes: part.bytes })
            .collect(),
    };
    let aside = tempfile::tempdir().map_err(broken)?;
    let objects = store.model_objects(&model.organisation);
    let draft = target.with_extension("partial");
    let mut out = BufWriter::new(File::create(&draft).map_err(broken)?);
    let written = async {
        let text = serde_json::to_vec(&header).map_err(|error| broken(error.into()))?;
        let length = (text.len() as u64).to_le_bytes();
        let seal = Sha256::of(&text);
        for piece in [MAGIC, &seal.0[..], &length[..], &text[..]] {
            out.write_all(piece).map_err(broken)?;
        }
        for part in &parts {
            // Held to its digest.
            let file = aside.path().join("part");
            objects.get_file(part.sha256, part.bytes, &file).await?;
            let mut source = BufReader::new(File::open(&file).map_err(broken)?);
            copy(&mut source, part.bytes, &mut out)?;
        }
        out.flush().map_err(broken)?;
        out.get_ref().sync_all().map_err(broken)?;
        Ok::<u64, RegistryError>(out.get_ref().metadata().map_err(broken)?.len())
    };
    match written.await {
        Ok(bytes) => {
            std::fs::rename(&draft, target).map_err(broken)?;
            Ok(bytes)
        }
        Err(error) => {
            drop(std::fs::remove_file(&draft));
            Err(error)
        }
    }
}

/// Takes a version out of such a file into the actor's organisation, as a staged one. `named` is another name and version than it
/// says. Nothing is registered before every digest has held.
///
/// # Errors
/// When the file is none, was altered or broke off, or as [`Store::register`].
pub async fn import(
    store: &Store,
    source: &Path,
    named: Option<(String, String)>,
    actor: &Actor,
) -> Result<ModelVersion, RegistryError> {
    let mut input = BufReader::new(File::open(source).map_err(broken)?);
    if take(&mut input, MAGIC.len() as u64)? != MAGIC {
        return Err(RegistryError::Parcel { what: "it does not begin like an exported version" });
    }
    let (seal, length) = (take(&mut input, 32)?, take(&mut input, 8)?);
    let length = u64::from_le_bytes(length.try_into().unwrap_or([0xff; 8]));
    if length > MAX_HEADER {
        return Err(RegistryError::Parcel { what: "its header is too large" });
    }
    let text = take(&mut input, length)?;
    if Sha256::of(&text).0[..] != seal[..] {
        return Err(RegistryError::Parcel { what: "its header was altered" });
    }
    let header: Header =
        serde_json::from_slice(&text).map_err(|_| RegistryError::Parcel { what: "its header is not understood" })?;
    let Ok(kind) = header.kind.parse::<ModelKind>() else {
        return Err(RegistryError::Parcel { what: "it is of a kind that is not understood" });
    };
    if header.files.len() > MAX_FILES || header.files.iter().any(|part| part.bytes > MAX_FILE) {
        return Err(RegistryError::Parcel { what: "it has too many files, or too large ones" });
    }
    let aside = tempfile::tempdir().map_err(broken)?;
    let mut files = Vec::new();
    for (number, part) in header.files.iter().enumerate() {
        let path = aside.path().join(number.to_string());
        let mut file = BufWriter::new(File::create(&path).map_err(broken)?);
        copy(&mut input, part.bytes, &mut file)?;
        file.flush().map_err(broken)?;
        if Sha256::of_file(&path).map_err(broken)? != part.sha256 {
            return Err(RegistryError::Parcel { what: "a file in it is not what its digest says" });
        }
        files.push((path, ModelFile { path: part.path.clone(), sha256: part.sha256, bytes: part.bytes }));
    }
    if input.read(&mut [0]).map_err(broken)? > 0 {
        return Err(RegistryError::Parcel { what: "something follows that does not belong to it" });
    }
    let (name, version) = named.unwrap_or((header.name, header.version));
    let mut new = NewModel {
        organisation: actor.organisation.clone(),
        kind,
        name,
        version,
        training: false,
        algorithm: header.algorithm,
        description: header.description,
        metrics: header.metrics,
        datasets: header.datasets,
        parents: Vec::new(),
        tags: header.tags,
        settings: header.settings,
        files: files.iter().map(|(_, file)| file.clone()).collect(),
    };
    new.files.sort();
    if new.digest() != header.digest {
        return Err(RegistryError::Parcel { what: "it is not what its digest says" });
    }
    let objects = store.model_objects(&actor.organisation);
    for (path, file) in &files {
        let (sha256, bytes) = objects.put_file(path).await?;
        if (sha256, bytes) != (file.sha256, file.bytes) {
            return Err(RegistryError::Parcel { what: "a file in it changed while it was copied" });
        }
    }
    Ok(store.register(new, actor).await?)
}

fn broken(error: std::io::Error) -> RegistryError {
    store::StoreError::Unavailable { what: "file", source: error.into() }.into()
}

/// A few bytes: the caller bounds how many.
fn take(source: &mut impl Read, bytes: u64) -> Result<Vec<u8>, RegistryError> {
    let mut taken = Vec::new();
    copy(source, bytes, &mut taken)?;
    Ok(taken)
}

/// Copies so many bytes, a piece at a time.
fn copy(source: &mut impl Read, bytes: u64, target: &mut impl Write) -> Result<(), RegistryError> {
    let copied = std::io::copy(&mut source.take(bytes), target).map_err(broken)?;
    if copied == bytes { Ok(()) } else { Err(RegistryError::Parcel { what: "it breaks off" }) }
}
