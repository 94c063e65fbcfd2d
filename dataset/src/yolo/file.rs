//! Whole label files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Label, LabelLine, LineError, Shape};
use crate::files::{FileError, read_text_bounded, write_atomic};

/// Largest label file read: 100,000 boxes fit.
pub const MAX_LABEL_BYTES: u64 = 8 << 20;

/// A label file that cannot be used.
#[derive(Debug, Error)]
pub enum LabelError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is wrong.
    #[error("{path}:{line}: {error}")]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// Which line, from 1.
        line: u32,
        /// What is wrong with it.
        error: LineError,
    },
}

/// A line that is not blank: its number from 1, and the label or what is wrong with it.
pub type ParsedLine = (u32, Result<LabelLine, LineError>);

/// Goes through a label file line by line; blank lines and lines with only a comment are passed over.
///
/// ```
/// let lines: Vec<_> = dataset::yolo::parse("0 .5 .5 .2 .4 # front row\n\n1 .5 .5 .2\n").collect();
/// assert_eq!(lines[0].1.as_ref().unwrap().comment.as_deref(), Some("front row"));
/// assert_eq!(lines[1].1.as_ref().unwrap_err().to_string(),
///     "4 columns where 5 are expected: class x_center y_center width height");
/// ```
pub fn parse(text: &str) -> impl Iterator<Item = ParsedLine> + '_ {
    parse_shapes(text).map(|(line, parsed)| (line, parsed.map(|(label, _)| label)))
}

/// As [`parse`], and says what each line draws.
pub fn parse_shapes(text: &str) -> impl Iterator<Item = (u32, Result<(LabelLine, Shape), LineError>)> + '_ {
    (1_u32..).zip(text.lines()).filter_map(|(line, whole)| {
        let (columns, comment) = match whole.split_once('#') {
            Some((columns, comment)) => (columns, Some(comment.trim().to_owned()).filter(|c| !c.is_empty())),
            None => (whole, None),
        };
        if columns.trim().is_empty() {
            return None;
        }
        let parsed = Label::parse(columns).map(|(label, shape)| (LabelLine { line, label, comment }, shape));
        Some((line, parsed))
    })
}

/// Reads a label file. An empty file is an image without objects.
///
/// # Errors
/// At the first line that is not a label; names file and line.
pub fn read(path: &Path) -> Result<Vec<LabelLine>, LabelError> {
    let text = read_text_bounded(path, MAX_LABEL_BYTES)?;
    parse(&text)
        .map(|(line, parsed)| parsed.map_err(|error| LabelError::Line { path: path.to_owned(), line, error }))
        .collect()
}

/// The sound lines of a label file, and of the others what is wrong with them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sifted {
    /// Labels.
    pub lines: Vec<LabelLine>,
    /// Line numbers from 1, and what is wrong there.
    pub wrong: Vec<(u32, LineError)>,
}

/// Reads a label file line by line: one bad line does not take the others with it.
///
/// # Errors
/// When the file cannot be read at all.
pub fn sift(path: &Path) -> Result<Sifted, FileError> {
    let mut sifted = Sifted::default();
    for (line, parsed) in parse(&read_text_bounded(path, MAX_LABEL_BYTES)?) {
        match parsed {
            Ok(label) => sifted.lines.push(label),
            Err(error) => sifted.wrong.push((line, error)),
        }
    }
    Ok(sifted)
}

/// Labels as text, one a line, with their comments. See [`super::decimal`] for what the digits promise.
#[must_use]
pub fn format(labels: &[LabelLine]) -> String {
    let mut text = String::with_capacity(labels.len() * 48);
    for LabelLine { label, comment, .. } in labels {
        text.push_str(&label.to_string());
        if let Some(comment) = comment {
            text.push_str(" # ");
            // A comment ends with its line; a line break inside would begin a label.
            text.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        text.push('\n');
    }
    text
}

/// Writes a label file beside `path`, then renames it.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(path: &Path, labels: &[LabelLine]) -> Result<(), FileError> {
    write_atomic(path, |writer| writer.write_all(format(labels).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let check = |text: &str, expected: Result<[f64; 4], &str>| {
            let (_, parsed) = parse(text).next().expect("a line");
            match (parsed, expected) {
                (Ok(l), Ok(numbers)) => assert_eq!([l.label.cx, l.label.cy, l.label.w, l.label.h], numbers, "{text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (got, expected) => panic!("{text}: {got:?} instead of {expected:?}"),
            }
        };
        check("3 0.5 .25 1e-1 1", Ok([0.5, 0.25, 0.1, 1.0]));
        check("  3\t0.5 .25 .1 1 # front # row", Ok([0.5, 0.25, 0.1, 1.0]));
        check("3 0.5 .25 .1 1.0009", Ok([0.5, 0.25, 0.1, 1.0009]));
        check("3 0.5 .25 .1", Err("4 columns"));
        check("3 0.5 .25 .1 .1 .9", Err("confidence"));
        check("3 0.5 .25 .1 .1 .9 .9 .9", Err("8 columns"));
        check("3 0.2 .2 .4 .2 .3 .6", Ok([0.30000000000000004, 0.4, 0.2, 0.39999999999999997]));
        check("3 0.2 .2 .4 .2 .3 640", Err("not pixels"));
        check("3.000000 0.5 .25 .1 .1", Ok([0.5, 0.25, 0.1, 0.1]));
        check("3.5 0.5 .25 .1 .1", Err("class \"3.5\""));
        check("3. 0.5 .25 .1 .1", Err("class \"3.\""));
        check("-1 0.5 .25 .1 .1", Err("class \"-1\""));
        check("bottle 0.5 .25 .1 .1", Err("class \"bottle\""));
        check("0 x .25 .1 .1", Err("x_center \"x\" is not a number"));
        check("0 .5 NaN .1 .1", Err("y_center is NaN"));
        check("0 .5 .5 inf .1", Err("width is inf"));
        check("0 .5 .5 .1 -.1", Err("height is -0.1"));
        check("0 320 .5 .1 .1", Err("not pixels"));
        check("0 .5 -.2 .1 .1", Err("outside 0..1"));
    }

    #[test]
    fn a_file_names_its_bad_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "\u{feff}# made by hand\n0 .5 .5 .1 .1\r\n\n0 .5 .5 .1\n").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.ends_with("a.txt:4: 4 columns where 5 are expected: class x_center y_center width height"));
        std::fs::write(&path, b"0 .5 .5 .1 .1\n\xff").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.ends_with("a.txt:2: not UTF-8 text: save it as UTF-8"), "{message}");
        std::fs::write(&path, "").unwrap();
        assert_eq!(read(&path).unwrap(), []);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            labels in prop::collection::vec(
                (0_u32..90, 0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, prop::option::of("[a-z#ß\n ]{0,12}")),
                0..20,
            )
        ) {
            let lines: Vec<LabelLine> = (1_u32..)
                .zip(labels)
                .map(|(line, (class, cx, cy, w, h, comment))| LabelLine {
                    line, label: Label { class, cx, cy, w, h }, comment,
                })
                .collect();
            let text = format(&lines);
            let back: Vec<LabelLine> = parse(&text).map(|(_, l)| l.unwrap()).collect();
            prop_assert_eq!(back.len(), lines.len());
            for (a, b) in lines.iter().zip(&back) {
                prop_assert_eq!(a.label.class, b.label.class);
                let pairs = a.label.edges().into_iter().zip(b.label.edges());
                for (x, y) in pairs {
                    prop_assert!((x - y).abs() * 100_000.0 < 1e-6);
                }
                let comment = |l: &LabelLine| l.comment.as_deref().unwrap_or("").replace('\n', " ").trim().to_owned();
                prop_assert_eq!(comment(a), comment(b));
            }
            // What was read is written the same way for ever.
            let again: Vec<LabelLine> = parse(&format(&back)).map(|(_, l)| l.unwrap()).collect();
            prop_assert_eq!(again, back);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}|[0-9 .e#\n-]{0,200}") {
            for (line, parsed) in parse(&text) {
                prop_assert!(line >= 1);
                if let Ok(l) = parsed {
                    prop_assert!(l.label.edges().iter().all(|v| v.is_finite()));
                }
            }
        }
    }
}
