//! Where and when a photo was taken, as the client says it.

use store::model::Timestamp;

use crate::wire::parameters::RecognizeQuery;

/// Where and when a photo was taken; what the client does not say is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Occasion {
    pub(crate) store: Option<String>,
    pub(crate) shelf: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) taken_at: Option<Timestamp>,
}

impl Occasion {
    /// Of a query; `store` is the header's, where there is one.
    pub(crate) fn of(query: &RecognizeQuery, store: Option<&str>) -> Self {
        let store = store.map(str::to_owned).or_else(|| query.store.clone());
        Self { store, shelf: query.shelf.clone(), taken_at: query.taken_at }
    }
}
