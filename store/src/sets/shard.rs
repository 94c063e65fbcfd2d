//! The lines of photos whose digests begin alike.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vision::Sha256;

use super::{SetLine, SetName};
use crate::error::StoreError;
use crate::objects::Files;

/// Most bytes of a file of labels.
pub const MAX_SHARD: u64 = 256 << 20;

/// Labels, spelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// The file.
    pub text: Bytes,
    /// What a manifest says of it.
    pub entry: ShardEntry,
}

/// What a manifest says of a file of labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// Relative to the set.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
    /// Lines.
    pub photos: u64,
    /// Boxes on them.
    pub boxes: u64,
    /// Bytes of their images.
    pub image_bytes: u64,
    /// Photos by part, where the set is split.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, u64>,
}

impl Shard {
    /// Spells lines, which are in order.
    ///
    /// # Errors
    /// When a number is none, or the file would be absurdly large.
    pub fn of(path: String, lines: &[SetLine]) -> Result<Self, StoreError> {
        let mut text = Vec::new();
        let mut parts = BTreeMap::new();
        for line in lines {
            let wrong = |error: serde_json::Error| StoreError::invalid("line", line.photo, error.to_string());
            serde_json::to_writer(&mut text, line).map_err(wrong)?;
            text.push(b'\n');
            if let Some(part) = &line.part {
                *parts.entry(part.clone()).or_default() += 1;
            }
            if text.len() as u64 > MAX_SHARD {
                return Err(StoreError::invalid("labels", &path, format!("at most {MAX_SHARD} bytes")));
            }
        }
        let entry = ShardEntry {
            path,
            bytes: text.len() as u64,
            sha256: Sha256::of(&text),
            photos: lines.len() as u64,
            boxes: lines.iter().map(|line| line.boxes.len() as u64).sum(),
            image_bytes: lines.iter().map(|line| line.bytes).sum(),
            parts,
        };
        Ok(Self { text: text.into(), entry })
    }
}

/// The lines of a file of labels; `None` when it is not there.
///
/// # Errors
/// When it is no such file, or the place cannot be read.
pub async fn read_shard(files: &Files, set: &SetName, path: &str) -> Result<Option<Vec<SetLine>>, StoreError> {
    let name = set.file(path);
    let Some(text) = files.get(&name, MAX_SHARD).await? else { return Ok(None) };
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    let read = lines.map(|(at, line)| {
        let line: SetLine = serde_json::from_slice(line).map_err(|error| StoreError::Damaged {
            what: "line of labels",
            value: format!("{name}:{}: {error}", at + 1),
        })?;
        // Whatever a file says, nothing outside its set is read for it.
        let sound =
            line.image.starts_with("images/") && !line.image.split('/').any(|part| matches!(part, "" | "." | ".."));
        if sound {
            Ok(line)
        } else {
            Err(StoreError::Damaged { what: "path of an image", value: format!("{name}:{}", at + 1) })
        }
    });
    read.collect::<Result<_, _>>().map(Some)
}
