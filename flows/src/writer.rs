//! A set, streamed: images first, then their labels, the manifest last.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;
use store::model::{Timestamp, now};
use store::sets::{Manifest, SetLine, SetName, Shard, ShardEntry, prefix};
use store::{Files, Store};

use crate::error::FlowError;
use crate::held::Held;

/// Images copied at the same time: each may be in memory.
const AT_ONCE: usize = 8;
/// Clocks of those who share a database may be so far apart, in milliseconds.
const SKEW: Timestamp = 600_000;

/// A photo of the set, and where its image is taken from.
pub(crate) struct Entry {
    pub(crate) line: SetLine,
    pub(crate) source: Source,
}

/// Where an image is.
pub(crate) enum Source {
    /// In the bucket of photos, under this name.
    Photo(String),
    /// In another set of the same bucket, under this name.
    Set(String),
}

/// Writes one set. Photos come in the order of their digests.
pub(crate) struct SetWriter<'a> {
    store: &'a Store,
    held: &'a Held,
    organisation: String,
    files: &'a Files,
    set: SetName,
    digits: usize,
    begun: Timestamp,
    shard: Option<(String, Vec<SetLine>)>,
    entries: Vec<ShardEntry>,
}

impl<'a> SetWriter<'a> {
    pub(crate) fn new(
        store: &'a Store,
        held: &'a Held,
        organisation: &str,
        (set, digits): (SetName, usize),
    ) -> Result<Self, FlowError> {
        let begun = now() - SKEW;
        let (files, organisation) = (store.artifacts()?, organisation.to_owned());
        Ok(Self { store, held, organisation, files, set, digits, begun, shard: None, entries: Vec::new() })
    }

    /// Copies images that are not there yet, and takes their lines.
    pub(crate) async fn push(&mut self, entries: Vec<Entry>) -> Result<(), FlowError> {
        self.held.check()?;
        let copies = entries.into_iter().map(|entry| self.copy(entry));
        // In order, whichever copy is done first.
        let lines: Vec<Option<SetLine>> = stream::iter(copies).buffered(AT_ONCE).try_collect().await?;
        for line in lines.into_iter().flatten() {
            let prefix = prefix(line.photo, self.digits);
            if self.shard.as_ref().is_none_or(|(open, _)| *open != prefix) {
                self.close_shard().await?;
                self.shard = Some((prefix, Vec::new()));
            }
            if let Some((_, lines)) = &mut self.shard {
                lines.push(line);
            }
        }
        Ok(())
    }

    /// `None`: the photo was deleted since it was listed.
    async fn copy(&self, entry: Entry) -> Result<Option<SetLine>, FlowError> {
        let Entry { line, source } = entry;
        let target = self.set.file(&line.image);
        // Files appear whole or not at all, and are named by their content.
        if self.files.size(&target).await? == Some(line.bytes) {
            return Ok(Some(line));
        }
        let (found, name, place) = match &source {
            Source::Set(name) => (self.files.copy(name, &target).await?, name, self.files.place()),
            Source::Photo(name) => {
                let photos = self.store.photo_files()?;
                let found = match photos.get(name, line.bytes).await? {
                    None => false,
                    Some(image) => {
                        self.files.put(&target, image).await?;
                        true
                    }
                };
                (found, name, photos.place())
            }
        };
        if !found {
            let deleted = self.store.erasures_since(&self.organisation, self.begun).await?;
            if deleted.iter().any(|erasure| erasure.photo == line.photo) {
                return Ok(None);
            }
            let (name, place) = (name.clone(), place.to_owned());
            return Err(FlowError::Missing { photo: line.photo, name, place });
        }
        self.confirm(&target, line.bytes).await?;
        Ok(Some(line))
    }

    /// A place may lose what it has taken.
    async fn confirm(&self, name: &str, expected: u64) -> Result<(), FlowError> {
        let found = self.files.size(name).await?;
        if found == Some(expected) {
            return Ok(());
        }
        Err(FlowError::NotWritten { name: name.to_owned(), expected, found, place: self.files.place().to_owned() })
    }

    async fn close_shard(&mut self) -> Result<(), FlowError> {
        let Some((prefix, lines)) = self.shard.take() else { return Ok(()) };
        let shard = Shard::of(SetName::labels(&prefix), &lines)?;
        let name = self.set.file(&shard.entry.path);
        self.files.put(&name, shard.text).await?;
        self.confirm(&name, shard.entry.bytes).await?;
        self.entries.push(shard.entry);
        Ok(())
    }

    /// Writes the manifest, and leaves out what was deleted meanwhile.
    pub(crate) async fn finish(mut self, made: Json) -> Result<Manifest, FlowError> {
        self.close_shard().await?;
        self.held.check()?;
        Manifest::of(&self.set, made, std::mem::take(&mut self.entries)).write(self.files, &self.set).await?;
        // Whoever deletes a photo removes it from what is there; what this one wrote after that is removed here.
        for erasure in self.store.erasures_since(&self.organisation, self.begun).await? {
            self.store.erase_from_set(&self.set, &erasure).await?;
        }
        let reason = || "its manifest was written and is not there".to_owned();
        let manifest = Manifest::read(self.files, &self.set).await?;
        manifest.ok_or_else(|| FlowError::Input { set: self.set.to_string(), reason: reason() })
    }
}

/// Digits of digests that files of labels are named by, for so many photos: some thousand lines a file.
pub(crate) fn digits(photos: u64) -> usize {
    match photos {
        0..200_000 => 2,
        200_000..20_000_000 => 3,
        _ => 4,
    }
}
