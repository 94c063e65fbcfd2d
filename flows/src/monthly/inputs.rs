//! The lines of the sets that the full one is made of: what was there, what somebody put there, what was verified now.

use std::collections::BTreeMap;
use std::io;

use futures_util::TryStreamExt;
use serde_json::{Value as Json, json};
use store::flows::Flow;
use store::photos::Month;
use store::sets::{Manifest, SetLine, SetName, read_shard};
use store::{Files, StoreError};
use vision::Sha256;

use crate::error::FlowError;
use crate::flows::Flows;

/// Most photos that may be put into `gold` by hand: their lines are in memory.
const MAX_GOLD: usize = 200_000;

/// A set whose lines lie in files by the first digits of digests.
pub(super) struct Sorted {
    pub(super) set: SetName,
    pub(super) manifest: Manifest,
    digits: usize,
    /// The file that was read last.
    open: Option<(String, Vec<SetLine>)>,
}

impl Sorted {
    pub(super) async fn open(files: &Files, set: SetName) -> Result<Self, FlowError> {
        let Some(manifest) = Manifest::read(files, &set).await? else {
            let reason = "it has no manifest: the run that makes it was not done".to_owned();
            return Err(FlowError::Input { set: set.to_string(), reason });
        };
        // `labels/abc.jsonl`
        let digits = manifest.files.first().map_or(2, |file| file.path.len().saturating_sub("labels/.jsonl".len()));
        Ok(Self { set, manifest, digits, open: None })
    }

    /// Lines of photos whose digests begin so; at least as many digits as the set's files are named by.
    pub(super) async fn lines(&mut self, files: &Files, prefix: &str) -> Result<Vec<SetLine>, FlowError> {
        let name = prefix.get(..self.digits).unwrap_or(prefix);
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            let path = SetName::labels(name);
            let lines = match self.manifest.files.iter().find(|file| file.path == path) {
                None => Vec::new(),
                Some(_) => read_shard(files, &self.set, &path).await?.ok_or_else(|| FlowError::Input {
                    set: self.set.to_string(),
                    reason: format!("its manifest names {path}, and it is not there"),
                })?,
            };
            self.open = Some((name.to_owned(), lines));
        }
        let lines = self.open.iter().flat_map(|(_, lines)| lines);
        Ok(lines.filter(|line| line.photo.to_string().starts_with(prefix)).cloned().collect())
    }

    pub(super) fn digits(&self) -> usize {
        self.digits
    }
}

/// The sets that a full one is made of.
pub(super) struct Inputs {
    /// The full set of the last month before, if there was one.
    pub(super) before: Option<Sorted>,
    pub(super) gold: BTreeMap<Sha256, SetLine>,
    pub(super) verified: Sorted,
    gold_sha256: Sha256,
}

impl Inputs {
    pub(super) async fn open(flows: &Flows, month: Month) -> Result<Self, FlowError> {
        let (store, organisation) = (&flows.store, flows.actor.organisation.as_str());
        let files = store.artifacts()?;
        let before = store.completed_before(organisation, Flow::Monthly, &month.to_string()).await?;
        let before = match before {
            Some(period) => Some(Sorted::open(files, SetName::full(period.parse()?)).await?),
            None => None,
        };
        let verified = Sorted::open(files, SetName::verified(month)).await?;
        let (gold, gold_sha256) = gold(files).await?;
        Ok(Self { before, gold, verified, gold_sha256 })
    }

    /// Digits by which the files of the full set are named: no fewer than those of what it is made of.
    pub(super) fn digits(&self) -> usize {
        self.before.as_ref().map_or(2, Sorted::digits).max(self.verified.digits())
    }

    /// For the manifest.
    pub(super) fn made_of(&self) -> Json {
        let sorted = |sorted: &Sorted| json!({"set": sorted.set.to_string(), "sha256": sorted.manifest.sha256});
        let mut sets: Vec<Json> = self.before.iter().map(sorted).collect();
        if !self.gold.is_empty() {
            sets.push(json!({"set": "gold", "sha256": self.gold_sha256}));
        }
        sets.push(sorted(&self.verified));
        Json::Array(sets)
    }
}

/// What lies in `gold`, whatever its files of labels are called; the first line of a photo counts.
async fn gold(files: &Files) -> Result<(BTreeMap<Sha256, SetLine>, Sha256), FlowError> {
    let set = SetName::gold();
    let mut paths = Vec::new();
    let below = set.file("labels");
    let mut listed = std::pin::pin!(files.list(&below));
    while let Some(file) = listed.try_next().await? {
        let path = file.name.strip_prefix(&format!("{}/", set.folder())).map(str::to_owned);
        paths.extend(path.filter(|path| path.ends_with(".jsonl")));
    }
    paths.sort();
    let (mut gold, mut spelled) = (BTreeMap::new(), Vec::new());
    for path in paths {
        for line in read_shard(files, &set, &path).await?.unwrap_or_default() {
            spelled.push(Sha256::of(
                &serde_json::to_vec(&line).map_err(|error| StoreError::Unavailable {
                    what: "line",
                    source: io::Error::other(error).into(),
                })?,
            ));
            gold.entry(line.photo).or_insert(line);
        }
        if gold.len() > MAX_GOLD {
            let reason = format!("it has more than {MAX_GOLD} photos");
            return Err(FlowError::Input { set: set.to_string(), reason });
        }
    }
    let parts: Vec<&[u8]> = spelled.iter().map(|digest| digest.0.as_slice()).collect();
    Ok((gold, Sha256::of_parts(&parts)))
}
