//! A task of an export, and which of its annotations counts. Whoever reads Label Studio reads it through here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::error::{ConvertError, Fault, Location};
use super::super::loose::{self, Id, Number, Row};
use crate::files::into_text;

#[derive(Deserialize)]
pub(super) struct Task {
    pub(super) id: Option<Id>,
    pub(super) data: BTreeMap<String, Json>,
    // Before version 1.0 they were called completions.
    #[serde(default, alias = "completions")]
    annotations: Option<Vec<Annotation>>,
}

#[derive(Deserialize)]
pub(super) struct Annotation {
    // Before version 1.0 it was called so.
    #[serde(alias = "skipped")]
    was_cancelled: Option<bool>,
    ground_truth: Option<bool>,
    #[serde(default)]
    result: Option<Vec<Region>>,
}

#[derive(Deserialize)]
pub(super) struct Region {
    #[serde(default)]
    pub(super) id: Option<Json>,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) from_name: Option<String>,
    pub(super) original_width: Option<Number>,
    pub(super) original_height: Option<Number>,
    pub(super) image_rotation: Option<Number>,
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Value {
    pub(super) x: Option<Number>,
    pub(super) y: Option<Number>,
    pub(super) width: Option<Number>,
    pub(super) height: Option<Number>,
    pub(super) rotation: Option<Number>,
    rectanglelabels: Option<Vec<String>>,
    labels: Option<Vec<String>>,
    choices: Option<Vec<String>>,
    pub(super) text: Option<Json>,
}

impl Value {
    /// What the box is called.
    pub(super) fn labels(&self) -> &[String] {
        let named = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let list = if named(&self.rectanglelabels) { &self.rectanglelabels } else { &self.labels };
        list.as_deref().unwrap_or_default()
    }

    pub(super) fn choices(&self) -> &[String] {
        self.choices.as_deref().unwrap_or_default()
    }
}

/// What a task comes to.
pub(super) enum Verdict {
    /// Nobody has annotated it.
    Untouched,
    /// Whoever did has skipped it.
    Skipped,
    /// The annotation that counts, and how many others there are.
    Chosen(Vec<Region>, usize),
}

impl Task {
    /// Of several annotations what somebody has declared the truth counts, else the first. What was cancelled is no label:
    /// whoever skips a task leaves there what they had clicked.
    pub(super) fn verdict(&mut self) -> Verdict {
        let annotations = self.annotations.take().unwrap_or_default();
        if annotations.is_empty() {
            return Verdict::Untouched;
        }
        let mut done: Vec<Annotation> =
            annotations.into_iter().filter(|annotation| annotation.was_cancelled != Some(true)).collect();
        let truth = done.iter().position(|annotation| annotation.ground_truth == Some(true)).unwrap_or(0);
        if done.is_empty() {
            return Verdict::Skipped;
        }
        let chosen = done.swap_remove(truth);
        Verdict::Chosen(chosen.result.unwrap_or_default(), done.len())
    }
}

/// Reads the tasks of an export ("JSON", not "JSON-MIN").
pub(super) fn tasks(path: &Path, bytes: Vec<u8>) -> Result<Vec<Row<Task>>, ConvertError> {
    let text = into_text(path, bytes)?;
    let fault = |fault: Fault| ConvertError::at(path, Location::Whole, fault);
    let json = |source| fault(Fault::Json { expected: "Label Studio's JSON export", source });
    let tasks: Vec<Row<Task>> = loose::parse(&text).map_err(json)?;
    if tasks.iter().any(|task| task.0.is_err()) && tasks.iter().all(|task| task.0.is_err()) && is_min(&text) {
        return Err(fault(Fault::JsonMin));
    }
    Ok(tasks)
}

/// Whether it is the short export: tasks without `data`, with what only an annotation has.
fn is_min(text: &str) -> bool {
    let rows: Result<Vec<BTreeMap<String, Json>>, _> = loose::parse(text);
    let only_there = ["annotation_id", "annotator", "lead_time", "annotation"];
    rows.is_ok_and(|rows| {
        rows.iter().all(|row| !row.contains_key("data") && only_there.iter().any(|key| row.contains_key(*key)))
    })
}
