//! What a reader left out: counted, with the first place of each kind, so that nothing goes missing in silence.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Serialize, Serializer};

use super::error::{ConvertError, Fault, Location};

/// The kind under which entries are counted that cannot be understood: a bad line, a row without its box.
pub const NOT_UNDERSTOOD: &str = "entries that are not understood";

/// Things left out, by kind. Strict, the first of them is an error.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeftOut {
    strict: bool,
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Debug, Clone, PartialEq)]
struct Kind {
    count: usize,
    /// Where the first of them is, and what is wrong with it where the kind does not say.
    first: String,
}

impl LeftOut {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, kinds: BTreeMap::new() }
    }

    /// How many of a kind.
    #[must_use]
    pub fn get(&self, what: &str) -> usize {
        self.kinds.get(what).map_or(0, |kind| kind.count)
    }

    /// How many of all kinds.
    #[must_use]
    pub fn total(&self) -> usize {
        self.kinds.values().map(|kind| kind.count).sum()
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How many of each kind.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.iter().map(|(what, count, _)| (what, count)).collect()
    }

    /// Kinds, in order of their names: what, how many, where the first is.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize, &str)> {
        self.kinds.iter().map(|(what, kind)| (*what, kind.count, kind.first.as_str()))
    }

    /// One more of a kind of thing.
    pub(super) fn note(&mut self, file: &Path, place: Location, what: &'static str) -> Result<(), ConvertError> {
        if self.strict {
            return Err(ConvertError::at(file, place, Fault::LeftOut(what)));
        }
        self.count(what, || format!("{}{place}", file.display()));
        Ok(())
    }

    /// One more entry that is not understood.
    pub(super) fn fault(&mut self, error: ConvertError) -> Result<(), ConvertError> {
        if self.strict {
            return Err(error);
        }
        self.count(NOT_UNDERSTOOD, || error.to_string());
        Ok(())
    }

    fn count(&mut self, what: &'static str, first: impl FnOnce() -> String) {
        self.kinds.entry(what).or_insert_with(|| Kind { count: 0, first: first() }).count += 1;
    }

    /// All of the other's, behind one's own.
    pub(super) fn extend(&mut self, other: Self) {
        for (what, kind) in other.kinds {
            let own = self.kinds.entry(what).or_insert_with(|| Kind { count: 0, first: kind.first });
            own.count += kind.count;
        }
    }
}

impl fmt::Display for LeftOut {
    /// A line for each kind: `left out: 3 turned boxes (the first: a.json: annotations[7])`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (what, count, first)) in self.iter().enumerate() {
            let line = if at == 0 { "" } else { "\n" };
            write!(f, "{line}left out: {count} {what} (the first: {first})")?;
        }
        Ok(())
    }
}

impl Serialize for LeftOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counts().serialize(serializer)
    }
}
