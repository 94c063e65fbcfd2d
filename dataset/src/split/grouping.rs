//! Which images belong together.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files::{FileError, file_name, parent, read_text_bounded, safe_relative};

/// How an image's group key is found. Written into the frozen file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupingRule {
    /// Each image for itself: its path.
    File,
    /// Images in the same folder (a store, a day, a SKU).
    Folder,
    /// Images of a folder whose names agree up to this text: with `.rf.` all exports of one source image that carry
    /// the source's name before it.
    Before(String),
    /// As a table says, column `file` to column `group`.
    Table,
}

/// Text that names no grouping.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "grouping {0:?} is not understood: use file, folder, before:TEXT, or the name of a .csv file with the columns file,group"
)]
pub struct ParseGroupingError(String);

/// A rule, with its table when it needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    rule: GroupingRule,
    table: HashMap<String, String>,
    place: PathBuf,
}

/// A table that does not group the images.
#[derive(Debug, Error)]
pub enum GroupingError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not CSV.
    #[error("{path} is not a table of files and groups")]
    Csv {
        /// Path of the file.
        path: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("{path} has no column {column:?}: its first line must name the columns file and group")]
    Column {
        /// Path of the file.
        path: PathBuf,
        /// Which column.
        column: &'static str,
    },
    /// A cell is empty or its path leads out.
    #[error("{path}:{line}: {reason}")]
    Row {
        /// Path of the file.
        path: PathBuf,
        /// Which line.
        line: u64,
        /// What is wrong.
        reason: RowFault,
    },
    /// Images without a row.
    #[error("{path} has no row for {file}{}", if *.others > 0 { format!(" and {others} more images") } else { String::new() })]
    Missing {
        /// Which table.
        path: PathBuf,
        /// The first image without a group.
        file: String,
        /// How many more there are.
        others: usize,
    },
    /// The frozen split was grouped by a table, and none is given.
    #[error("the frozen split was grouped by a table: name it with --group-by, with rows for the new files")]
    TableNeeded,
    /// Another rule than the frozen split's.
    #[error("the frozen split was grouped by {frozen}, not by {given}: a split keeps its rule for ever")]
    Other {
        /// Of the frozen split.
        frozen: GroupingRule,
        /// Asked for.
        given: GroupingRule,
    },
}

/// What can be wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowFault {
    /// No group.
    #[error("the group is empty")]
    EmptyGroup,
    /// No proper file.
    #[error(transparent)]
    Path(#[from] crate::files::UnsafePath),
    /// Two groups for one file.
    #[error("{file} is put into group {second:?}, but an earlier row says {first:?}")]
    Twice {
        /// Path of the file.
        file: String,
        /// What the earlier row says.
        first: String,
        /// What this row says.
        second: String,
    },
}

const MAX_TABLE_BYTES: u64 = 256 << 20;

impl Grouping {
    /// Groups by a rule that needs no table.
    ///
    /// # Errors
    /// For [`GroupingRule::Table`].
    pub fn by_rule(rule: GroupingRule) -> Result<Self, GroupingError> {
        match rule {
            GroupingRule::Table => Err(GroupingError::TableNeeded),
            rule => Ok(Self { rule, table: HashMap::new(), place: PathBuf::new() }),
        }
    }

    /// Reads a CSV table with the columns `file` (relative path, or a bare name for the images of that name) and `group`.
    ///
    /// # Errors
    /// When it cannot be read, lacks a column, or contradicts itself.
    pub fn from_table(path: &Path) -> Result<Self, GroupingError> {
        let text = read_text_bounded(path, MAX_TABLE_BYTES)?;
        let csv_error = |source| GroupingError::Csv { path: path.to_owned(), source };
        let mut reader = crate::table::reader(&text);
        let header = reader.headers().map_err(csv_error)?;
        let column = |column: &'static str| {
            let found = header.iter().position(|name| name.eq_ignore_ascii_case(column));
            found.ok_or_else(|| GroupingError::Column { path: path.to_owned(), column })
        };
        let (file_column, group_column) = (column("file")?, column("group")?);
        let mut table: HashMap<String, String> = HashMap::new();
        for row in reader.records() {
            let row = row.map_err(csv_error)?;
            let line = row.position().map_or(0, csv::Position::line);
            let fault = |reason| GroupingError::Row { path: path.to_owned(), line, reason };
            let file = safe_relative(&row[file_column]).map_err(|e| fault(e.into()))?;
            let group = row[group_column].to_owned();
            if group.is_empty() {
                return Err(fault(RowFault::EmptyGroup));
            }
            match table.get(&file) {
                Some(first) if *first != group => {
                    return Err(fault(RowFault::Twice { first: first.clone(), file, second: group }));
                }
                _ => table.insert(file, group),
            };
        }
        Ok(Self { rule: GroupingRule::Table, table, place: path.to_owned() })
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &GroupingRule {
        &self.rule
    }

    /// Group keys of images, in order.
    ///
    /// # Errors
    /// When a table has no row for some of them.
    pub fn keys<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Result<Vec<String>, GroupingError> {
        let mut missing = Vec::new();
        let keys = paths
            .map(|path| {
                self.key(path).unwrap_or_else(|| {
                    missing.push(path.to_owned());
                    String::new()
                })
            })
            .collect();
        match missing.first() {
            None => Ok(keys),
            Some(file) => {
                Err(GroupingError::Missing { path: self.place.clone(), file: file.clone(), others: missing.len() - 1 })
            }
        }
    }

    /// The group of one image; `None` when a table has no row for it.
    pub(super) fn key(&self, path: &str) -> Option<String> {
        match &self.rule {
            GroupingRule::File => Some(path.to_owned()),
            GroupingRule::Folder => Some(parent(path).to_owned()),
            GroupingRule::Before(text) => {
                let stem = file_name(path).split(text.as_str()).next().unwrap_or(path);
                Some(format!("{}/{stem}", parent(path)))
            }
            GroupingRule::Table => self.table.get(path).or_else(|| self.table.get(file_name(path))).cloned(),
        }
    }
}

impl FromStr for Grouping {
    type Err = GroupingOrText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = match text {
            "file" => GroupingRule::File,
            "folder" => GroupingRule::Folder,
            other => match other.strip_prefix("before:") {
                Some(marker) if !marker.is_empty() => GroupingRule::Before(marker.to_owned()),
                Some(_) => return Err(ParseGroupingError(text.to_owned()).into()),
                None if Path::new(other).extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) => {
                    return Ok(Self::from_table(Path::new(other))?);
                }
                None => return Err(ParseGroupingError(text.chars().take(80).collect()).into()),
            },
        };
        Ok(Self::by_rule(rule)?)
    }
}

/// Why a `--group-by` argument is refused.
#[derive(Debug, Error)]
pub enum GroupingOrText {
    /// Not understood.
    #[error(transparent)]
    Text(#[from] ParseGroupingError),
    /// Understood, but unusable.
    #[error(transparent)]
    Grouping(#[from] GroupingError),
}

impl fmt::Display for GroupingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Folder => f.write_str("folder"),
            Self::Before(text) => write!(f, "before:{text}"),
            Self::Table => f.write_str("table"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let check = |rule: &str, path: &str, expected: &str| {
            let grouping: Grouping = rule.parse().unwrap();
            assert_eq!(grouping.keys(std::iter::once(path)).unwrap(), [expected], "{rule} {path}");
        };
        check("file", "images/a.jpg", "images/a.jpg");
        check("folder", "store-7/a.jpg", "store-7");
        check("before:.rf.", "images/cola_jpg.rf.0a1b.jpg", "images/cola_jpg");
        check("before:.rf.", "images/plain.jpg", "images/plain.jpg");
        assert!("before:".parse::<Grouping>().is_err());
        assert!("stores".parse::<Grouping>().is_err());
    }

    #[test]
    fn tables() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Grouping::from_table(&path)
        };
        let grouping = read("file,group,note\nimages\\a.jpg,s1,\"x, y\"\nb.jpg,s2,\n").unwrap();
        let keys = |paths: &[&str]| grouping.keys(paths.iter().copied());
        assert_eq!(keys(&["images/a.jpg", "deep/b.jpg"]).unwrap(), ["s1", "s2"]);
        assert!(keys(&["c.jpg", "d.jpg"]).unwrap_err().to_string().ends_with("has no row for c.jpg and 1 more images"));

        let check = |text: &str, expected: &str| {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        check("file,store\na.jpg,1\n", "no column \"group\"");
        check("file,group\n../a.jpg,1\n", "groups.csv:2: \"../a.jpg\" climbs");
        check(
            "file,group\na.jpg,1\na.jpg,2\n",
            "groups.csv:3: a.jpg is put into group \"2\", but an earlier row says \"1\"",
        );
        check("file,group\na.jpg,\n", "the group is empty");
        check("file,group\na.jpg\n", "groups.csv is not a table");
    }
}
