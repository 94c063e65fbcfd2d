//! Choices made for whole tasks.

use std::path::Path;

use super::super::error::{ConvertError, Fault, Location};
use super::super::{LeftOut, loose::Row};
use super::task::{Task, Verdict, tasks};

/// What somebody chose for a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChoice {
    /// What the task's data says under the key asked for.
    pub key: String,
    /// The one choice.
    pub choice: String,
}

/// Reads the one choice of each task from the bytes of an export called `path`, by the value its data has under `key`. Tasks that
/// nobody finished are no choices; those with several, or without the key, are left out and counted.
///
/// # Errors
/// When it is no export of Label Studio.
pub fn choices(
    path: &Path,
    bytes: Vec<u8>,
    key: &str,
) -> Result<(Vec<TaskChoice>, Vec<ConvertError>, LeftOut), ConvertError> {
    let (mut found, mut wrong, mut left_out) = (Vec::new(), Vec::new(), LeftOut::default());
    for (at, Row(task)) in tasks(path, bytes)?.into_iter().enumerate() {
        let place = |member| Location::Item("tasks", at, member);
        let chosen = task
            .map_err(|error| ConvertError::at(path, place(""), Fault::Row(error)))
            .and_then(|task| choice(path, place, task, key, &mut left_out));
        match chosen {
            Ok(chosen) => found.extend(chosen),
            Err(error) => wrong.push(error),
        }
    }
    Ok((found, wrong, left_out))
}

fn choice(
    path: &Path,
    place: impl Fn(&'static str) -> Location,
    mut task: Task,
    key: &str,
    left_out: &mut LeftOut,
) -> Result<Option<TaskChoice>, ConvertError> {
    let regions = match task.verdict() {
        Verdict::Untouched => return Ok(None),
        Verdict::Skipped => {
            left_out.note(path, place(""), super::SKIPPED)?;
            return Ok(None);
        }
        Verdict::Chosen(regions, others) => {
            for _ in 0..others {
                left_out.note(path, place(""), super::SECOND_OPINIONS)?;
            }
            regions
        }
    };
    let mut choices: Vec<&String> = regions.iter().flat_map(|region| region.value.choices()).collect();
    choices.dedup();
    let choice = match choices.as_slice() {
        [] => {
            left_out.note(path, place("annotations"), "tasks without a choice")?;
            return Ok(None);
        }
        [one] => one.trim().to_owned(),
        many => return Err(ConvertError::at(path, place("annotations"), Fault::SeveralChoices(many.len()))),
    };
    let key = match task.data.get(key) {
        Some(serde_json::Value::String(text)) => text.trim().to_owned(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => return Err(ConvertError::at(path, place("data"), Fault::NoKey(key.to_owned()))),
    };
    Ok(Some(TaskChoice { key, choice }))
}
