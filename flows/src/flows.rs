//! What every flow works with.

use store::Store;
use store::access::{DEFAULT_ORGANISATION, Role};
use store::audit::Actor;

use crate::config::FlowsConfig;

/// Does flows over a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Flows {
    pub(crate) store: Store,
    pub(crate) config: FlowsConfig,
    pub(crate) actor: Actor,
}

impl Flows {
    /// For the organisation whose photos are kept, in somebody's name.
    #[must_use]
    pub fn new(store: Store, config: FlowsConfig, by: &str) -> Self {
        let organisation = DEFAULT_ORGANISATION.to_owned();
        let actor = Actor { organisation, name: by.to_owned(), role: Role::Admin, request: String::new() };
        Self { store, config, actor }
    }
}
