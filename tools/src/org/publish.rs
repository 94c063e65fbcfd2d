//! Files of a version, and how a version becomes the one that serves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use tabular::{ReadOptions, Table, TrainedModel};
use vision::Sha256;
use vision::files::{FolderDraft, read_bounded, write_atomic};

use super::places::Places;
use crate::tabular_onnx::export;

/// The model with all that prediction needs.
pub(super) const MODEL: &str = "model.json";
/// The same for ONNX Runtime.
pub(super) const ONNX: &str = "model.onnx";
/// How features are scaled, for who prepares them elsewhere. The ONNX file scales by itself.
pub(super) const SCALER: &str = "scaler.json";
/// What it is.
pub(super) const METADATA: &str = "metadata.json";

/// Bytes of a file of a version.
const MAX_BYTES: u64 = 1 << 30;

/// How a table is read that a model is to be asked about: its columns have the types that were learned from, however few of their
/// values are there.
pub(super) fn reading(model: &TrainedModel) -> ReadOptions {
    let kinds = model.preparation.features.iter().map(|feature| (feature.column.clone(), feature.kind));
    ReadOptions { kinds: kinds.collect(), ..ReadOptions::default() }
}

/// Writes ONNX file and scaler into a folder, compared on a sample; returns digests by name.
pub(super) fn write_onnx(
    folder: &Path,
    model: &TrainedModel,
    sample: Option<&Table>,
) -> anyhow::Result<BTreeMap<&'static str, Sha256>> {
    use std::io::Write as _;
    let exported = export(model, sample)?;
    let names = model.preparation.names();
    let scaler = model.scaler();
    let scaler = json!({
        "features": names, "shift": scaler.shift(), "scale": scaler.scale(),
        "selected": model.selected.iter().map(|at| &names[*at]).collect::<Vec<_>>(),
        "fill": model.preparation.features.iter().map(|feature| feature.missing).collect::<Vec<_>>(),
        "formula": "(x - shift) / scale; the ONNX file does it by itself",
    });
    let scaler = serde_json::to_vec_pretty(&scaler)?;
    for (name, bytes) in [(ONNX, &exported.bytes), (SCALER, &scaler)] {
        write_atomic(&folder.join(name), |writer| writer.write_all(bytes))?;
    }
    println!("{} rows in ONNX Runtime: scores differ by {:.1e} at most", exported.rows, exported.parity.largest);
    Ok(BTreeMap::from([(ONNX, Sha256::of(&exported.bytes)), (SCALER, Sha256::of(&scaler))]))
}

/// Makes a version the one that serves. Whatever happens meanwhile, `current` is the whole of the one version or of the other: a
/// folder that was moved aside and not replaced is put back first.
pub(super) fn publish(places: &Places, version: &str, metadata: &[u8]) -> anyhow::Result<()> {
    let (current, from) = (places.current(), places.version(version));
    let aside = current.with_file_name("previous");
    if !current.exists() && aside.exists() {
        fs::rename(&aside, &current).with_context(|| format!("cannot put {} back", aside.display()))?;
    }
    let draft = FolderDraft::begin(&current.with_file_name("next"))?;
    for name in [MODEL, ONNX, SCALER] {
        let bytes = read_bounded(&from.join(name), MAX_BYTES)?;
        draft.write(name, &bytes)?;
    }
    draft.write(METADATA, metadata)?;
    let next = draft.commit()?;
    let moved = || -> std::io::Result<()> {
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        if current.exists() {
            fs::rename(&current, &aside)?;
        }
        fs::rename(&next, &current)
    };
    moved().with_context(|| format!("cannot publish into {}", current.display()))
}
