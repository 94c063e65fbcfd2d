//! What happens while a job is done: written down by the one who does it, taken by the one who says that it lives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use store::jobs::NewEvent;
use tabular::learn::Step;

/// Steps of a learning that are kept.
const MAX_STEPS: usize = 500;
/// Longest line, in characters.
const MAX_LINE: usize = 2_000;

/// What happened since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    events: Vec<NewEvent>,
    checkpoint: Option<String>,
}

impl Journal {
    /// A line for people.
    pub(crate) fn line(&self, line: &str) {
        let line: String = line.chars().take(MAX_LINE).collect();
        self.pages().events.push(NewEvent { kind: "log", body: json!({"line": line}).to_string() });
    }

    /// A step of learning; of very many some.
    pub(crate) fn step(&self, step: Step) {
        let every = step.of.div_ceil(MAX_STEPS).max(1);
        if step.step.is_multiple_of(every) || step.step == step.of {
            self.pages().events.push(NewEvent { kind: "step", body: json!(step).to_string() });
        }
    }

    /// What whoever takes the job next can go on from.
    pub(crate) fn checkpoint(&self, checkpoint: String) {
        self.pages().checkpoint = Some(checkpoint);
    }

    /// What happened since.
    pub(crate) fn take(&self) -> (Vec<NewEvent>, Option<String>) {
        let mut pages = self.pages();
        (std::mem::take(&mut pages.events), pages.checkpoint.take())
    }

    /// What could not be delivered: it comes before what happened meanwhile.
    pub(crate) fn put_back(&self, mut events: Vec<NewEvent>, checkpoint: Option<String>) {
        let mut pages = self.pages();
        events.append(&mut pages.events);
        pages.events = events;
        pages.checkpoint = pages.checkpoint.take().or(checkpoint);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
