//! The orders of a list.

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;
use crate::model::Item;

/// Order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemSort {
    /// Most urgent first.
    #[default]
    Priority,
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
    /// Least similar first.
    Similarity,
}

impl ItemSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Priority, Self::Newest, Self::Oldest, Self::Similarity];

    /// Stable spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Similarity => "similarity",
        }
    }

    /// Column, and whether it descends.
    pub(crate) const fn column(self) -> (&'static str, bool) {
        match self {
            Self::Priority => ("priority", true),
            Self::Newest => ("created_at", true),
            Self::Oldest => ("created_at", false),
            Self::Similarity => ("similarity", false),
        }
    }

    /// Where `item` stands in this order.
    pub(crate) fn sort_value(self, item: &Item) -> SortValue {
        match self {
            Self::Priority => SortValue::Score(item.priority),
            Self::Similarity => SortValue::Score(item.similarity),
            Self::Newest | Self::Oldest => SortValue::Time(item.created_at),
        }
    }
}

impl fmt::Display for ItemSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemSort {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|sort| sort.as_str() == text);
        known.ok_or_else(|| StoreError::invalid("sort", text, "one of priority, newest, oldest, similarity"))
    }
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SortValue {
    Time(i64),
    Score(f64),
}
