//! What changed between two states of a folder.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use vision::Sha256;

use super::{Entry, Manifest};

/// The difference between two manifests. All lists are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// Paths that are new.
    pub added: Vec<String>,
    /// Paths that are gone.
    pub removed: Vec<String>,
    /// Paths whose content is another.
    pub changed: Vec<String>,
    /// Contents that are found under another path.
    pub moved: Vec<Moved>,
}

/// A file that was renamed or moved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moved {
    /// Where it was.
    pub from: String,
    /// Where it is.
    pub to: String,
}

impl Comparison {
    /// Compares two states. A path that is gone and a new one with the same bytes are one move; of several equal files,
    /// the first gone is paired with the first new. Empty files are never taken for moved: they are all alike.
    #[must_use]
    pub fn between(old: &Manifest, new: &Manifest) -> Self {
        let mut comparison = Self::default();
        let mut gone = Vec::new();
        let mut fresh = Vec::new();
        let (mut before, mut after) = (old.files().iter().peekable(), new.files().iter().peekable());
        loop {
            match (before.peek(), after.peek()) {
                (Some(a), Some(b)) if a.path == b.path => {
                    if a.sha256 != b.sha256 {
                        comparison.changed.push(b.path.clone());
                    }
                    before.next();
                    after.next();
                }
                (Some(a), Some(b)) if a.path < b.path => gone.extend(before.next()),
                (Some(_), None) => gone.extend(before.next()),
                (_, Some(_)) => fresh.extend(after.next()),
                (None, None) => break,
            }
        }
        comparison.pair(&gone, &fresh);
        comparison.links(old, new);
        comparison
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_same(&self) -> bool {
        *self == Self::default()
    }

    fn pair(&mut self, gone: &[&Entry], fresh: &[&Entry]) {
        let mut by_content: BTreeMap<Sha256, VecDeque<&str>> = BTreeMap::new();
        for entry in gone.iter().filter(|entry| entry.size > 0) {
            by_content.entry(entry.sha256).or_default().push_back(&entry.path);
        }
        for entry in fresh {
            match by_content.get_mut(&entry.sha256).and_then(VecDeque::pop_front) {
                Some(from) => self.moved.push(Moved { from: from.to_owned(), to: entry.path.clone() }),
                None => self.added.push(entry.path.clone()),
            }
        }
        let empty = gone.iter().filter(|entry| entry.size == 0).map(|entry| entry.path.clone());
        let rest = by_content.into_values().flatten().map(str::to_owned);
        self.removed = empty.chain(rest).collect();
        self.removed.sort_unstable();
        self.moved.sort_unstable();
    }

    /// Links are few and small: by path only.
    fn links(&mut self, old: &Manifest, new: &Manifest) {
        let targets = |manifest: &Manifest| -> BTreeMap<String, String> {
            manifest.links().iter().map(|link| (link.path.clone(), link.target.clone())).collect()
        };
        let (before, after) = (targets(old), targets(new));
        for (path, target) in &after {
            match before.get(path) {
                None => self.added.push(path.clone()),
                Some(was) if was != target => self.changed.push(path.clone()),
                Some(_) => {}
            }
        }
        self.removed.extend(before.into_keys().filter(|path| !after.contains_key(path)));
        for list in [&mut self.added, &mut self.removed, &mut self.changed] {
            list.sort_unstable();
        }
    }
}
