//! What the server says of a table's columns.

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// Columns of numbers, as pandas calls their types.
const NUMBERS: [&str; 3] = ["int64", "float64", "bool"];
/// Maximum number of features and of classes: a network for a microcontroller.
const MAX_COLUMNS: usize = 4096;

/// Answer of `GET /datasets/{id}/schema`. What else it holds is not needed here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Schema {
    pub(super) features: Vec<Feature>,
    #[serde(default)]
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) classes: Option<Vec<String>>,
}

/// A column to learn from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Feature {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A table that a network can learn from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) features: Vec<String>,
    pub(super) label: String,
    pub(super) classes: Vec<String>,
}

impl Columns {
    /// What the answer says, when a network can learn from it.
    ///
    /// # Errors
    /// Naming the column that cannot be learned from.
    pub(super) fn read(answer: &[u8]) -> anyhow::Result<Self> {
        let schema: Schema =
            serde_json::from_slice(answer).context("the schema of the data set cannot be understood")?;
        let Some(label) = schema.label else { bail!("the data set has no label: upload it with `target_column`") };
        let Some(classes) = schema.classes.filter(|classes| classes.len() >= 2) else {
            bail!("the label {label:?} has no classes, or only one: a network tells two classes or more apart")
        };
        if schema.features.is_empty() || schema.features.len() > MAX_COLUMNS || classes.len() > MAX_COLUMNS {
            bail!("the data set has {} features and {} classes", schema.features.len(), classes.len());
        }
        for Feature { name, kind } in &schema.features {
            if !NUMBERS.contains(&kind.as_str()) {
                bail!("the feature {name:?} is of type {kind}: only numbers can be learned from; remove or encode it");
            }
        }
        let features: Vec<String> = schema.features.into_iter().map(|feature| feature.name).collect();
        let mut names: Vec<&String> = features.iter().chain([&label]).collect();
        names.sort_unstable();
        let mut sorted = classes.clone();
        sorted.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) || sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            bail!("the schema names a column or a class twice");
        }
        Ok(Self { features, label, classes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_learned_from_is_named() {
        let good = r#"{"features": [{"name": "a", "type": "int64"}], "label": "y", "classes": ["0", "1"], "rows": 3}"#;
        assert_eq!(Columns::read(good.as_bytes()).expect("sound").features, ["a"]);
        for (from, to, part) in [
            ("int64", "object", "\"a\""),
            ("\"label\": \"y\"", "\"label\": null", "target_column"),
            ("[\"0\", \"1\"]", "[\"0\"]", "classes"),
            ("[\"0\", \"1\"]", "[\"0\", \"0\"]", "twice"),
            ("\"label\": \"y\"", "\"label\": \"a\"", "twice"),
            ("{\"name\"", "{\"nam\"", "schema"),
        ] {
            let error = Columns::read(good.replace(from, to).as_bytes()).expect_err(to);
            assert!(format!("{error:#}").contains(part), "{to}: {error:#}");
        }
    }
}
