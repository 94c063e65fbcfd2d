//! Labels that are not understood: left out and counted, or refused at the first.

use std::fmt;
use std::path::Path;

use super::{LabelError, LabelLine, file};

/// Reads label files and counts what it leaves out, so that one bad line takes neither its file nor its data set with it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.txt");
/// std::fs::write(&path, "0 .5 .5 .2 .4\n0 .5 .5 .2\n")?;
/// let mut labels = dataset::yolo::BadLabels::default();
/// assert_eq!(labels.read(&path)?.map(|lines| lines.len()), Some(1));
/// assert_eq!(labels.count(), 1);
/// assert!(labels.to_string().contains("a.txt:2: 4 columns"));
/// assert!(dataset::yolo::BadLabels::strict().read(&path).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadLabels {
    strict: bool,
    count: usize,
    first: String,
}

impl BadLabels {
    /// Refuses the first.
    #[must_use]
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Refuses the first when `strict`, else counts.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        if strict { Self::strict() } else { Self::default() }
    }

    /// How many were left out: lines, and whole files that cannot be read.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sound lines of a label file; `None` when the file as a whole cannot be read: its image is then one of unknown
    /// objects, not one without.
    ///
    /// # Errors
    /// When strict, at the first line or file that is not understood.
    pub fn read(&mut self, path: &Path) -> Result<Option<Vec<LabelLine>>, LabelError> {
        let Some(sifted) = self.accept(file::sift(path).map_err(LabelError::from))? else { return Ok(None) };
        for (line, error) in sifted.wrong {
            self.accept::<(), _>(Err(LabelError::Line { path: path.to_owned(), line, error }))?;
        }
        Ok(Some(sifted.lines))
    }

    /// What was read, or `None` and one more left out.
    ///
    /// # Errors
    /// When strict, what is wrong.
    pub fn accept<T, E: fmt::Display>(&mut self, result: Result<T, E>) -> Result<Option<T>, E> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.strict => Err(error),
            Err(error) => {
                if self.count == 0 {
                    self.first = error.to_string();
                }
                self.count += 1;
                Ok(None)
            }
        }
    }
}

impl fmt::Display for BadLabels {
    /// `left out: 3 labels that are not understood (the first: a.txt:7: 4 columns where 5 are expected)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = if self.count == 1 { "label that is" } else { "labels that are" };
        write!(f, "left out: {} {labels} not understood (the first: {})", self.count, self.first)
    }
}
