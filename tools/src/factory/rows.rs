//! The CSV, read strictly: a network for a device should not learn from what was guessed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, bail};
use csv::{ReaderBuilder, StringRecord};
use tabular::{Column, Matrix, Scaler, ScalingMethod, Split, SplitMethod, SplitOptions, Table};
use train::mlp::Rows;

use super::config::TrainConfig;
use super::schema::Columns;

/// Mistakes that are named; more are counted.
const NAMED: usize = 20;
/// Maximum number of values: what fits into memory several times.
const MAX_VALUES: usize = 200_000_000;

/// Rows as they are in the file, not yet looked at.
pub(super) struct Raw {
    /// Line of the file, fields in the order of features and label.
    rows: Vec<(u64, StringRecord)>,
    places: Vec<usize>,
}

impl Raw {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is no CSV with these columns, or is too large.
    pub(super) fn load(path: &Path, columns: &Columns) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut reader = ReaderBuilder::new().from_reader(file);
        let header = reader.headers().context("the CSV has no header that can be read")?.clone();
        let place = |name: &String| {
            let mut at = header.iter().enumerate().filter(|(_, other)| other == name).map(|(at, _)| at);
            match (at.next(), at.next()) {
                (Some(place), None) => Ok(place),
                (None, _) => bail!("the schema names a column {name:?} that the CSV does not have"),
                _ => bail!("the CSV has two columns {name:?}"),
            }
        };
        let places = columns.features.iter().chain([&columns.label]).map(place).collect::<anyhow::Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.context("the CSV cannot be read")?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record));
            if rows.len().saturating_mul(places.len()) > MAX_VALUES {
                bail!("the table has more than {MAX_VALUES} values");
            }
        }
        Ok(Self { rows, places })
    }
}

/// Rows of numbers, each of a class.
#[derive(Debug)]
pub(super) struct Labelled {
    pub(super) x: Matrix,
    pub(super) classes: Vec<usize>,
    /// Rows of each class.
    pub(super) counts: Vec<usize>,
}

impl Labelled {
    /// Checks every value.
    ///
    /// # Errors
    /// Naming lines whose features are no finite numbers or whose label is no class of the schema.
    pub(super) fn validate(raw: &Raw, columns: &Columns) -> anyhow::Result<Self> {
        let known: BTreeMap<&str, usize> =
            columns.classes.iter().enumerate().map(|(at, class)| (class.as_str(), at)).collect();
        let (mut values, mut classes) = (Vec::with_capacity(raw.rows.len() * columns.features.len()), Vec::new());
        let mut counts = vec![0; columns.classes.len()];
        let (mut mistakes, mut count) = (Vec::new(), 0_usize);
        for (line, record) in &raw.rows {
            match row(record, &raw.places, &known) {
                Ok((row, class)) => {
                    values.extend(row);
                    classes.push(class);
                    counts[class] += 1;
                }
                Err((at, found)) => {
                    count += 1;
                    if mistakes.len() < NAMED {
                        let name = columns.features.get(at).unwrap_or(&columns.label);
                        let found: String = found.chars().take(60).collect();
                        mistakes.push(format!("line {line}: column {name:?} holds {found:?}"));
                    }
                }
            }
        }
        if count > 0 {
            let more =
                if count > mistakes.len() { format!("\n  and {} more", count - mistakes.len()) } else { String::new() };
            bail!(
                "{count} of {} rows cannot be learned from: features must be finite numbers, labels of a class:\n  {}{more}",
                raw.rows.len(),
                mistakes.join("\n  ")
            );
        }
        if counts.iter().filter(|count| **count > 0).count() < 2 {
            bail!("the rows are of fewer than two classes");
        }
        let rows = classes.len();
        Ok(Self { x: Matrix::new(values, rows, columns.features.len()), classes, counts })
    }

    /// Parts by chance, every class in the same ratio in each.
    ///
    /// # Errors
    /// When a part would be empty.
    pub(super) fn split(&self, config: &TrainConfig, columns: &Columns) -> anyhow::Result<Split> {
        let names: Vec<&str> = self.classes.iter().map(|class| columns.classes[*class].as_str()).collect();
        let table = Table::new(vec![Column::text("label", &names)])?;
        let options = SplitOptions {
            test_size: config.data.test_ratio,
            validation_size: config.data.val_ratio,
            method: SplitMethod::Stratified { by: "label".to_owned() },
            seed: config.random_seed,
        };
        Ok(tabular::split(&table, &options)?)
    }

    /// Mean and standard deviation of each feature, of these rows alone.
    pub(super) fn scaler(&self, rows: &[usize]) -> Scaler {
        Scaler::learn(&self.x.take(rows), ScalingMethod::Standard)
    }

    /// These rows, scaled.
    pub(super) fn part(&self, rows: &[usize], scaler: &Scaler) -> Rows {
        let mut x = self.x.take(rows);
        scaler.apply(&mut x);
        Rows {
            x: x.values().iter().map(|value| *value as f32).collect(),
            classes: rows.iter().map(|row| self.classes[*row] as u32).collect(),
        }
    }
}

/// Numbers and class of a row, or the place that cannot be read and what it holds.
fn row(
    record: &StringRecord,
    places: &[usize],
    known: &BTreeMap<&str, usize>,
) -> Result<(Vec<f64>, usize), (usize, String)> {
    let label = places.len() - 1;
    let mut values = Vec::with_capacity(label);
    for (at, place) in places[..label].iter().enumerate() {
        let text = record.get(*place).unwrap_or_default().trim();
        let value = match text {
            "true" | "True" => Some(1.0),
            "false" | "False" => Some(0.0),
            _ => text.parse::<f64>().ok().filter(|value| value.is_finite() && (*value as f32).is_finite()),
        };
        values.push(value.ok_or_else(|| (at, text.to_owned()))?);
    }
    let text = record.get(places[label]).unwrap_or_default();
    let class = known.get(text).or_else(|| known.get(text.trim()));
    class.map(|class| (values, *class)).ok_or_else(|| (label, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Columns { features: words(&["a", "b"]), label: "y".to_owned(), classes: words(&["no", "yes", "never"]) }
    }

    fn read(text: &str) -> anyhow::Result<Labelled> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text)?;
        Labelled::validate(&Raw::load(&path, &columns())?, &columns())
    }

    #[test]
    fn values_are_taken_by_the_names_of_their_columns() {
        let read = read("y,b,other,a\nyes,1.5,x,true\nno,-2,\"a, b\",3e1\n").expect("sound");
        assert_eq!((read.x.row(0), read.x.row(1)), (&[1.0, 1.5][..], &[30.0, -2.0][..]));
        assert_eq!((read.classes, read.counts), (vec![1, 0], vec![1, 1, 0]));
    }

    #[test]
    fn mistakes_are_named_by_line() {
        for (text, part) in [
            ("a,b,y\n1,,yes\n1,2,no\n", "line 2: column \"b\" holds \"\""),
            ("a,b,y\n1,2,yes\nNaN,2,no\n", "line 3: column \"a\" holds \"NaN\""),
            ("a,b,y\n1,2,yes\n1,inf,no\n", "line 3: column \"b\""),
            ("a,b,y\n1,2,perhaps\n1,2,no\n", "line 2: column \"y\" holds \"perhaps\""),
            ("a,y\n1,yes\n", "\"b\" that the CSV does not have"),
            ("a,b,y,a\n1,2,yes,1\n", "two columns \"a\""),
            ("a,b,y\n1,2,yes\n", "fewer than two classes"),
            ("a,b,y\n1,2\n", "cannot be read"),
        ] {
            let error = format!("{:#}", read(text).expect_err(text));
            assert!(error.contains(part), "{text}: {error}");
        }
        let many = format!("a,b,y\n{}", "x,1,yes\n".repeat(50));
        assert!(read(&many).expect_err("all wrong").to_string().contains("and 30 more"));
    }
}
