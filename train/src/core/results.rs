//! `results.csv` of a run: a row per epoch.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The file of a run, open for more rows.
#[derive(Debug)]
pub struct ResultsFile {
    file: File,
}

impl ResultsFile {
    /// Opens the file of a run that has done `epochs`; rows behind them, written after the last checkpoint, go. The first
    /// column is the epoch.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, columns: &[&str], epochs: u64) -> io::Result<Self> {
        let old = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let done =
            |line: &&str| line.split(',').next().and_then(|e| e.parse::<u64>().ok()).is_some_and(|e| e <= epochs);
        let kept: String = old.lines().filter(done).map(|line| format!("{line}\n")).collect();
        let beside = path.with_extension("csv.new");
        fs::write(&beside, format!("{}\n{kept}", columns.join(",")))?;
        fs::rename(&beside, path)?;
        Ok(Self { file: OpenOptions::new().append(true).open(path)? })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, row: &str) -> io::Result<()> {
        writeln!(self.file, "{row}")?;
        self.file.sync_data()
    }
}

/// Columns by name, as they are in the file: a value per epoch, none where the epoch has none.
pub type Columns = Vec<(String, Vec<Option<f64>>)>;

/// Reads the file at `path`. What is no number counts as missing.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<Columns> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    let mut columns: Columns =
        lines.next().unwrap_or_default().split(',').map(|name| (name.to_owned(), Vec::new())).collect();
    for line in lines {
        let mut values = line.split(',').map(|value| value.parse().ok());
        columns.iter_mut().for_each(|(_, column)| column.push(values.next().flatten()));
    }
    Ok(columns)
}

/// Peak memory of this process, in MiB (Linux; 0 elsewhere).
#[must_use]
pub fn peak_memory_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}
