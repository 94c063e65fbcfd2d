//! Mending what can be mended without a person looking: nothing that would change what a label says.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{FileError, FolderDraft, read_text_bounded, write_atomic};
use crate::layout::{DataFolder, LayoutKind};
use crate::names::{ClassNames, NamesError};
use crate::yolo::{Label, LabelLine, MAX_LABEL_BYTES, Shape, decimal, parse_shapes};

/// What was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixReport {
    /// Label files written.
    pub files: usize,
    /// Of them, files that differ from the original.
    pub changed: usize,
    /// Boxes cut at the edge of their image.
    pub clipped: usize,
    /// Lines dropped because an earlier one says the same.
    pub repeated: usize,
    /// Lines dropped because their box has no area.
    pub without_area: usize,
}

/// Why nothing was mended.
#[derive(Debug, Error)]
pub enum FixError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file of class names is unsound.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// SKU folders have no labels.
    #[error("{root} holds SKU folders, not boxes: there is nothing to mend")]
    NoLabels {
        /// The data set.
        root: PathBuf,
    },
}

/// Beyond the edge by more than this is clipped: labels with six decimals are rounded by half of it.
const SLACK: f64 = 1e-6;

/// Writes the data set's label files, mended, below `output`: boxes clipped to the image, repeated lines and boxes
/// without area dropped. All else, comments and bad lines included, stays as it is. When `output` is the data set itself, the
/// files that change are replaced one by one, each whole; else `output` must be new, gets every label file and the class names,
/// and appears only when complete.
///
/// # Errors
/// When a label file cannot be read or the folder cannot be written.
pub fn fix_labels(data: &DataFolder, output: &Path) -> Result<FixReport, FixError> {
    if data.kind != LayoutKind::Boxes {
        return Err(FixError::NoLabels { root: data.root.clone() });
    }
    let in_place = match (output.canonicalize(), data.root.canonicalize()) {
        (Ok(output), Ok(root)) => output == root,
        _ => false,
    };
    let mut labels: Vec<&String> = data.images.iter().filter_map(|p| p.label.as_ref()).collect();
    labels.dedup();
    let mut report = FixReport::default();
    let draft = if in_place { None } else { Some(FolderDraft::begin(output)?) };
    let mut seen = HashSet::new();
    for label in labels.into_iter().filter(|label| seen.insert(label.as_str())) {
        let text = read_text_bounded(&data.locate(label), MAX_LABEL_BYTES)?;
        let mended = mend(&text, &mut report);
        let changed = mended != text;
        report.changed += usize::from(changed);
        match &draft {
            Some(draft) => draft.write(label, mended.as_bytes())?,
            None if changed => write_atomic(&data.locate(label), |w| std::io::Write::write_all(w, mended.as_bytes()))?,
            None => continue,
        }
        report.files += 1;
    }
    if let Some(draft) = draft {
        if let Some((name, _)) = ClassNames::find(&data.root)? {
            let text = read_text_bounded(&data.locate(&name), MAX_LABEL_BYTES)?;
            draft.write(&name, text.as_bytes())?;
        }
        draft.commit()?;
    }
    Ok(report)
}

/// The text with safe repairs; untouched lines are copied byte for byte.
fn mend(text: &str, report: &mut FixReport) -> String {
    // A polygon says more than its box: it stays as it is.
    let boxes = parse_shapes(text).filter_map(|(line, parsed)| match parsed {
        Ok((label, Shape::Box)) => Some((line, label)),
        _ => None,
    });
    let mut labels = boxes.peekable();
    let mut kept: HashSet<[u64; 5]> = HashSet::new();
    let mut mended = String::with_capacity(text.len());
    for (number, whole) in (1_u32..).zip(text.split_inclusive('\n')) {
        let Some((_, line)) = labels.next_if(|(line, _)| *line == number) else {
            mended.push_str(whole);
            continue;
        };
        let label = line.label;
        if label.w <= 0.0 || label.h <= 0.0 {
            report.without_area += 1;
        } else if !kept.insert(bits(&label)) {
            report.repeated += 1;
        } else if let Some(clipped) = clip(&label) {
            report.clipped += 1;
            kept.insert(bits(&clipped));
            let line = LabelLine { label: clipped, ..line };
            let ending = if whole.ends_with("\r\n") { "\r\n" } else { "\n" };
            mended.push_str(crate::yolo::format(&[line]).trim_end_matches('\n'));
            mended.push_str(ending);
        } else {
            mended.push_str(whole);
        }
    }
    mended
}

fn bits(label: &Label) -> [u64; 5] {
    [u64::from(label.class), label.cx.to_bits(), label.cy.to_bits(), label.w.to_bits(), label.h.to_bits()]
}

/// The part inside the image, when the box reaches beyond it but does not lie outside.
fn clip(label: &Label) -> Option<Label> {
    let edges = label.edges();
    if edges.iter().all(|edge| (-SLACK..=1.0 + SLACK).contains(edge)) {
        return None;
    }
    let [x1, y1, x2, y2] = edges.map(|edge| edge.clamp(0.0, 1.0));
    // As it will be written: a sliver that rounds to nothing is for a person to decide.
    let visible = |size: f64| decimal(size) != "0";
    (visible(x2 - x1) && visible(y2 - y1)).then(|| Label::from_edges(label.class, [x1, y1, x2, y2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe() {
        let check = |text: &str, expected: &str| {
            let mut report = FixReport::default();
            let mended = mend(text, &mut report);
            assert_eq!(mended, expected);
            assert_eq!(mend(&mended, &mut FixReport::default()), mended, "mending twice changes nothing more");
        };
        check("0 0.50 .5 .2 .2 # fine\n\n# note\n", "0 0.50 .5 .2 .2 # fine\n\n# note\n");
        check("0 .5 .5 .2 .2\n0 0.5 0.5 0.2 0.2 # twin\n1 .5 .5 .2 .2", "0 .5 .5 .2 .2\n1 .5 .5 .2 .2");
        check("0 .5 .5 0 .2\n0 .5 .5 .2 .2\r\n", "0 .5 .5 .2 .2\r\n");
        check("0 .05 .5 .2 .2 # left edge\r\n", "0 0.075 0.5 0.15 0.2 # left edge\r\n");
        // Rounding, bad lines and boxes outside are left alone.
        check("0 .1 .5 .2000004 .2\n", "0 .1 .5 .2000004 .2\n");
        check("0 .4 .4 .6 .4 .5 .6\n0 .4 .4 .6 .4 .5 .6\n", "0 .4 .4 .6 .4 .5 .6\n0 .4 .4 .6 .4 .5 .6\n");
        check("0 .5 .5 .2\nrubbish\n", "0 .5 .5 .2\nrubbish\n");
        check("0 1.0009 .5 .001 .2\n", "0 1.0009 .5 .001 .2\n");
    }
}
