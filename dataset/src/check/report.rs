//! A check's answer, for people and for programs.
//!
//! ```json
//! {
//!   "format": "shelf-check",
//!   "version": 1,
//!   "data": "<SHA-256 over images and labels, as in a frozen split; null when a file cannot be read>",
//!   "errors": 1, "warnings": 0, "notes": 0,
//!   "summary": {"pictures": 100, "boxes": 812, "classes": {"bottle": {"count": 500, "pictures": 90, "parts": {}}}},
//!   "findings": [
//!     {"severity": "error", "code": "zero-box", "file": "labels/a.txt", "line": 3, "message": "the box has no area"}
//!   ]
//! }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use vision::{Sha256, Verdict};

use super::balance::{BoxSizes, Summary};
use super::finding::{Finding, Severity};
use crate::files::{FileError, write_atomic, write_rows};
use crate::layout::DataFolder;

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Digest over images and labels, equal to [`crate::FrozenSplit::data`] when all of the folder is frozen.
    pub data: Option<Sha256>,
    /// Objections: errors first, then by kind, file and line.
    pub findings: Vec<Finding>,
    /// Counts.
    pub summary: Summary,
    /// Groups of images that are joined by looking alike, each sorted by path.
    pub look_alikes: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    version: u32,
    data: Option<Sha256>,
    errors: usize,
    warnings: usize,
    notes: usize,
    summary: &'a Summary,
}

#[derive(Serialize)]
struct Row<'a> {
    severity: Severity,
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    message: String,
}

/// Findings of one kind that are shown to people; the rest is counted, and in the JSON.
const SHOWN: usize = 20;

impl CheckReport {
    /// Number of findings of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity() == severity).count()
    }

    /// [`Verdict::Failed`] when there are errors, or warnings in `strict` mode.
    #[must_use]
    pub fn verdict(&self, strict: bool) -> Verdict {
        let worst = if strict { Severity::Warning } else { Severity::Error };
        Verdict::passed_if(self.findings.iter().all(|f| f.severity() > worst))
    }

    /// Writes images that look alike as a table that `split` takes to group by: columns `file,group`, a row for every image
    /// of `data`, groups named after their first image.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_groups(&self, data: &DataFolder, path: &Path) -> Result<(), FileError> {
        let groups: BTreeMap<&str, &str> = self
            .look_alikes
            .iter()
            .flat_map(|group| group.iter().map(|file| (file.as_str(), group[0].as_str())))
            .collect();
        write_atomic(path, |writer| {
            let mut table = csv::Writer::from_writer(writer);
            table.write_record(["file", "group"])?;
            for file in data.images.iter().map(|image| image.path.as_str()) {
                table.write_record([file, groups.get(file).copied().unwrap_or(file)])?;
            }
            table.flush()
        })
    }

    /// Writes the report as JSON beside `path`, then renames it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let head = Head {
            format: "shelf-check",
            version: 1,
            data: self.data,
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            notes: self.count(Severity::Note),
            summary: &self.summary,
        };
        let rows = self.findings.iter().map(|finding| Row {
            severity: finding.severity(),
            code: finding.code(),
            file: &finding.file,
            line: finding.line,
            message: finding.issue.to_string(),
        });
        write_atomic(path, |writer| write_rows(writer, &head, "findings", rows))
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, finding) in self.findings.iter().enumerate() {
            let number = told.entry(finding.code()).or_default();
            *number += 1;
            if *number <= SHOWN {
                writeln!(f, "{finding}")?;
            }
            let last = self.findings.get(at + 1).is_none_or(|next| next.code() != finding.code());
            if last && *number > SHOWN {
                writeln!(f, "{}: {} more [{}]", finding.severity(), *number - SHOWN, finding.code())?;
            }
        }
        let Summary { images, parts, boxes, box_sizes, max_boxes, classes, sizes } = &self.summary;
        // Without any part there is nothing to say about parts.
        let by_part = parts.keys().any(|part| part != "none");
        let list = |counts: &BTreeMap<String, usize>| {
            let all: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            if by_part { format!(" ({})", all.join(", ")) } else { String::new() }
        };
        writeln!(f, "{}{}", plural(*images, "image"), list(parts))?;
        if *boxes > 0 {
            let BoxSizes { small, medium, large } = box_sizes;
            writeln!(
                f,
                "{boxes} boxes: {small} small, {medium} medium, {large} large; at most {max_boxes} on an image"
            )?;
        }
        let sizes: Vec<String> = sizes.iter().map(|s| format!("{} {}", s.size, s.images)).collect();
        writeln!(f, "sizes: {}", sizes.join(", "))?;
        let width = classes.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, class) in classes {
            let on = if *boxes > 0 { format!(" on {}", plural(class.images, "image")) } else { String::new() };
            writeln!(f, "  {name:<width$} {:>7}{on}{}", class.count, list(&class.parts))?;
        }
        let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Note].map(|s| self.count(s));
        write!(f, "{}, {}, {}", plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note"))
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
