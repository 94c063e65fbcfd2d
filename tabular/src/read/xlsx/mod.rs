//! XLSX: the first sheet of a workbook, as the table that it shows (ECMA-376). Written out, in bounds of its own: libraries take strings
//! and archives into memory as large as a file says they are.
//!
//! What is unpacked counts, not what was sent: an archive that blows up ends at the limit of bytes.

mod dates;
mod parts;
mod sheet;
mod xml;
mod zip;

use std::io::{Read, Seek};

use thiserror::Error;

use super::{ReadError, ReadOptions, Reading, read_csv};

/// A workbook that cannot be read.
#[derive(Debug, Error)]
pub enum SheetError {
    /// No archive, or a damaged one.
    #[error("the spreadsheet is damaged: {what}; save it again")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// Protected by a password.
    #[error("the spreadsheet is protected by a password: save it without one")]
    Encrypted,
    /// An archive that is no XLSX.
    #[error("the archive is no XLSX spreadsheet (it lacks {part}): save the table as XLSX or CSV")]
    NoWorkbook {
        /// What is missing.
        part: &'static str,
    },
    /// XML that cannot be understood.
    #[error("{part} of the spreadsheet cannot be understood: {source}")]
    Xml {
        /// In which part.
        part: &'static str,
        /// Why.
        source: quick_xml::Error,
    },
}

/// Reads the first sheet of an XLSX workbook: its first row that is not empty has the names of the columns. Formulas count as the value
/// that was saved with them, dates by the format of their cell, errors (`#N/A`) as missing.
///
/// # Errors
/// When the file is no workbook, no table, or more than may be read.
pub fn read_xlsx(from: impl Read + Seek, options: &ReadOptions) -> Result<Reading, ReadError> {
    let csv = sheet::to_csv(from, &options.limits)?;
    read_csv(csv.as_slice(), &ReadOptions { delimiter: Some(b','), ..options.clone() })
}
