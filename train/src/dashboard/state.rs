//! What has been published so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// Changes a slow browser may lag behind before it gets everything anew.
const KEPT_CHANGES: usize = 256;

pub(super) struct Shared {
    state: Mutex<State>,
    changes: broadcast::Sender<String>,
    stop: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default, Serialize)]
struct State {
    title: String,
    description: String,
    /// By name: (epoch, value).
    curves: BTreeMap<String, Vec<(u64, f64)>>,
    progress: Value,
    /// By file name: how often it was written.
    images: BTreeMap<String, u64>,
    #[serde(skip)]
    paths: BTreeMap<String, PathBuf>,
    stopping: bool,
    ended: Option<String>,
}

impl Shared {
    pub(super) fn new(title: &str, stop: Box<dyn Fn() + Send + Sync>) -> Self {
        let state = State { title: title.to_owned(), ..State::default() };
        Self { state: Mutex::new(state), changes: broadcast::Sender::new(KEPT_CHANGES), stop }
    }

    pub(super) fn describe(&self, text: &str) {
        self.change(|state| {
            text.clone_into(&mut state.description);
            json!({ "description": text })
        });
    }

    pub(super) fn point(&self, epoch: u64, values: &[(&str, Option<f64>)]) {
        self.change(|state| {
            let finite = values.iter().filter_map(|&(name, value)| Some((name, value.filter(|v| v.is_finite())?)));
            let added: BTreeMap<&str, [(u64, f64); 1]> = finite.map(|(name, value)| (name, [(epoch, value)])).collect();
            for (name, [point]) in &added {
                state.curves.entry((*name).to_owned()).or_default().push(*point);
            }
            json!({ "points": added })
        });
    }

    pub(super) fn progress(&self, epoch: (u64, u64), batch: (usize, usize), line: &str) {
        self.change(|state| {
            state.progress = json!({ "epoch": epoch, "batch": batch, "line": line });
            json!({ "progress": state.progress })
        });
    }

    pub(super) fn image(&self, path: &Path) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
        self.change(|state| {
            let version = state.images.entry(name.to_owned()).or_default();
            *version += 1;
            let change = json!({ "image": { "name": name, "version": *version } });
            state.paths.insert(name.to_owned(), path.to_owned());
            change
        });
    }

    pub(super) fn ended(&self, why: &str) {
        self.change(|state| {
            state.ended = Some(why.to_owned());
            json!({ "ended": why })
        });
    }

    pub(super) fn stop(&self) {
        self.change(|state| {
            state.stopping = true;
            json!({ "stopping": true })
        });
        (self.stop)();
    }

    pub(super) fn image_path(&self, name: &str) -> Option<PathBuf> {
        self.lock().paths.get(name).cloned()
    }

    /// Everything so far, as one change.
    pub(super) fn everything(&self) -> String {
        json!({ "everything": &*self.lock() }).to_string()
    }

    /// Everything so far, and what comes after it, nothing left out between.
    pub(super) fn follow(&self) -> (String, broadcast::Receiver<String>) {
        let state = self.lock();
        (json!({ "everything": &*state }).to_string(), self.changes.subscribe())
    }

    /// Changes the state and tells everybody, in one order for all.
    fn change(&self, change: impl FnOnce(&mut State) -> Value) {
        let mut state = self.lock();
        let change = change(&mut state);
        // Nobody may be listening.
        let _ = self.changes.send(change.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
