//! Models at hand: those that were asked last, as many as fit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tabular::TrainedModel;

/// Models by id. What was asked longest ago goes first.
#[derive(Debug)]
pub(crate) struct Cache {
    limit: u64,
    shelf: Mutex<Shelf>,
    /// Held while a model is loaded: many who ask for the same one load it once.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Shelf {
    models: HashMap<String, Held>,
    bytes: u64,
    asked: u64,
}

#[derive(Debug)]
struct Held {
    model: Arc<TrainedModel>,
    bytes: u64,
    asked: u64,
}

impl Cache {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, shelf: Mutex::default(), loading: tokio::sync::Mutex::default() }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<TrainedModel>> {
        let mut shelf = self.shelf();
        shelf.asked += 1;
        let asked = shelf.asked;
        let held = shelf.models.get_mut(id)?;
        held.asked = asked;
        Some(Arc::clone(&held.model))
    }

    /// Puts a model away, of so many bytes as a file. One that is larger than all that may be held is not.
    pub(crate) fn put(&self, id: &str, model: &Arc<TrainedModel>, bytes: u64) {
        if bytes > self.limit {
            return;
        }
        let mut shelf = self.shelf();
        shelf.asked += 1;
        let held = Held { model: Arc::clone(model), bytes, asked: shelf.asked };
        if let Some(before) = shelf.models.insert(id.to_owned(), held) {
            shelf.bytes -= before.bytes;
        }
        shelf.bytes += bytes;
        while shelf.bytes > self.limit {
            let oldest = shelf.models.iter().min_by_key(|(_, held)| held.asked).map(|(id, _)| id.clone());
            let Some(gone) = oldest.and_then(|id| shelf.models.remove(&id)) else { break };
            shelf.bytes -= gone.bytes;
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tabular::{Algorithm, ReadOptions, Task, TrainOptions, read_csv, train};
    use vision::Cancel;

    use super::*;

    #[test]
    fn what_was_asked_longest_ago_goes_first() {
        let csv: String = (0..40).map(|row| format!("{row},{}\n", row * 2)).collect();
        let table = read_csv(format!("x,y\n{csv}").as_bytes(), &ReadOptions::default()).expect("a table").table;
        let options = TrainOptions::new("y", Task::Regression, Algorithm::Ridge);
        let model = Arc::new(train(&table, &options, &Cancel::never(), &|_| {}).expect("trained").model);
        let cache = Cache::new(100);
        cache.put("a", &model, 40);
        cache.put("b", &model, 40);
        assert!(cache.get("a").is_some());
        cache.put("c", &model, 40);
        assert!(cache.get("b").is_none(), "asked longest ago");
        assert!(cache.get("a").is_some() && cache.get("c").is_some());
        cache.put("d", &model, 101);
        assert!(cache.get("d").is_none() && cache.get("a").is_some(), "what never fits moves nothing");
        cache.put("a", &model, 60);
        assert!(cache.get("a").is_some() && cache.get("c").is_some());
    }
}
