//! The same metrics over parts of the images: by store, by light, by how crowded the shelf is.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use crate::{Bootstrap, DetectionSet, Interval};

/// The images that share one value of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Name of the column ("store", "density").
    pub column: String,
    /// The value they share.
    pub value: String,
    /// Indices of the images, ascending; at least one.
    pub images: Vec<u32>,
}

/// Why a `slices.csv` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SliceError {
    /// Not a table.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Line, from 1.
        line: u64,
        /// Cause, in words.
        reason: String,
    },
    /// The first column is something else.
    #[error("line 1: the first column is `{found}`, expected `image` (then one column for each way to slice)")]
    FirstColumn {
        /// What it is called.
        found: String,
    },
    /// Nothing but names.
    #[error("line 1: there is no column beside `image`, so nothing to slice by")]
    NoColumns,
    /// An image is listed twice.
    #[error("line {line}: {name} is listed again")]
    Repeated {
        /// Line, from 1.
        line: u64,
        /// The name in question.
        name: String,
    },
    /// An identifier rather than a property.
    #[error("column `{column}` has more than {MAX_VALUES} different values: slices need a few images each")]
    TooManyValues {
        /// Name of the column.
        column: String,
    },
    /// The table is of other images.
    #[error("none of the {listed} images listed is evaluated here; names must be those of the ground truth")]
    NoneKnown {
        /// Number of lines.
        listed: usize,
    },
}

/// Values a column may have.
pub const MAX_VALUES: usize = 64;

/// What images get that the table does not list.
pub const NOT_LISTED: &str = "(not listed)";

/// Slices by every column of a CSV whose first column `image` holds image names as the ground truth spells them, or only
/// their file names where these are all different. Lines of other images are passed over: one table may serve every split.
///
/// # Errors
/// When the text is no such table, repeats an image, lists none of `images`, or a column has too many values.
pub fn from_csv(text: &str, images: &[&str]) -> Result<Vec<Slice>, SliceError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let syntax = |e: &csv::Error| SliceError::Syntax {
        line: e.position().map_or(1, csv::Position::line),
        reason: match e.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} columns, but the heading has {expected_len}")
            }
            _ => "not readable as comma-separated text".to_owned(),
        },
    };
    let headings: Vec<String> = reader.headers().map_err(|e| syntax(&e))?.iter().map(str::to_owned).collect();
    let first = headings.first().map_or("", |h| h.trim_start_matches('\u{feff}'));
    // `picture` is what it was called before.
    if !matches!(first, "image" | "picture") {
        return Err(SliceError::FirstColumn { found: first.to_owned() });
    }
    if headings.len() < 2 {
        return Err(SliceError::NoColumns);
    }
    let index: HashMap<&str, u32> = images.iter().zip(0..).map(|(name, i)| (*name, i)).collect();
    let mut by_file: HashMap<&str, Option<u32>> = HashMap::new();
    for (name, i) in images.iter().zip(0..) {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        by_file.entry(file).and_modify(|at| *at = None).or_insert(Some(i));
    }
    let find = |name: &str| index.get(name).copied().or_else(|| by_file.get(name).copied().flatten());
    let mut values = vec![vec![NOT_LISTED.to_owned(); images.len()]; headings.len() - 1];
    let mut seen = std::collections::HashSet::new();
    let mut known = 0;
    for record in reader.records() {
        let record = record.map_err(|e| syntax(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let name = record.get(0).unwrap_or_default().to_owned();
        let image = find(&name);
        if let Some(image) = image {
            known += 1;
            for (column, value) in values.iter_mut().zip(record.iter().skip(1)) {
                column[image as usize] = if value.is_empty() { "(empty)".to_owned() } else { value.to_owned() };
            }
        }
        // Of one image under two spellings the last would silently win.
        if !seen.insert(image.map_or_else(|| name.clone(), |p| images[p as usize].to_owned())) {
            return Err(SliceError::Repeated { line, name });
        }
    }
    if known == 0 {
        return Err(SliceError::NoneKnown { listed: seen.len() });
    }
    let mut slices = Vec::new();
    for (column, values) in headings.iter().skip(1).zip(values) {
        let before = slices.len();
        slices.extend(group(column, values.iter().map(String::as_str)));
        if slices.len() - before > MAX_VALUES {
            return Err(SliceError::TooManyValues { column: column.clone() });
        }
    }
    Ok(slices)
}

/// Slices by the number of true boxes (crowds left out) in an image.
#[must_use]
pub fn by_density(set: &DetectionSet) -> Vec<Slice> {
    let mut boxes = vec![0_u32; set.images().len()];
    for truth in set.truths().iter().filter(|t| !t.crowd) {
        boxes[truth.image as usize] += 1;
    }
    // The names sort in the order of the numbers.
    let value = |&n: &u32| match n {
        0 => "  0 facings",
        1..=9 => "  1-9 facings",
        10..=29 => " 10-29 facings",
        30..=59 => " 30-59 facings",
        60..=119 => " 60-119 facings",
        _ => "120+ facings",
    };
    let mut slices = group("density", boxes.iter().map(value));
    for slice in &mut slices {
        slice.value = slice.value.trim_start().to_owned();
    }
    slices
}

fn group<'a>(column: &str, values: impl Iterator<Item = &'a str>) -> Vec<Slice> {
    let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (value, image) in values.zip(0..) {
        groups.entry(value).or_default().push(image);
    }
    let slice = |(value, images): (&str, _)| Slice { column: column.to_owned(), value: value.to_owned(), images };
    groups.into_iter().map(slice).collect()
}

/// Resamples of a slice: enough for an interval, and a slice is one of many.
const MAX_RESAMPLES: u32 = 200;

/// `N` metrics of a slice with intervals from resampling its own images. `metrics` takes weights of all `units` images.
pub fn metrics_of<const N: usize>(
    slice: &Slice,
    units: usize,
    bootstrap: Bootstrap,
    metrics: impl Fn(&[u32]) -> [Option<f64>; N] + Sync,
) -> [(Option<f64>, Option<Interval>); N] {
    let spread = |weights: &[u32]| {
        let mut all = vec![0; units];
        for (&image, &weight) in slice.images.iter().zip(weights) {
            all[image as usize] = weight;
        }
        metrics(&all)
    };
    let points = spread(&vec![1; slice.images.len()]);
    let fewer = Bootstrap { resamples: bootstrap.resamples.min(MAX_RESAMPLES), ..bootstrap };
    // One image resampled is itself: an interval of width zero would claim certainty.
    let intervals =
        if slice.images.len() > 1 { fewer.intervals(slice.images.len(), spread) } else { [const { None }; N] };
    std::array::from_fn(|i| (points[i], points[i].and_then(|p| intervals[i].map(|v| v.around(p)))))
}
