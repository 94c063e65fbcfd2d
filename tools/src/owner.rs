//! Whose things a command is about, and in whose name it changes them.

use clap::Args;
use store::Store;
use store::access::{Organisation, Role};
use store::audit::Actor;

/// Whoever sits at the machine.
pub(crate) const TERMINAL: &str = "terminal";

/// Which organisation.
#[derive(Args)]
pub(crate) struct Owner {
    /// Organisation
    #[arg(long, value_name = "NAME", default_value = "default")]
    org: String,
}

impl Owner {
    pub(crate) async fn find(&self, store: &Store) -> anyhow::Result<Organisation> {
        Ok(store.organisation(&self.org).await?)
    }
}

/// Whoever may read the database's file may do everything.
pub(crate) fn actor(organisation: &Organisation) -> Actor {
    let organisation = organisation.id.clone();
    Actor { organisation, name: TERMINAL.to_owned(), role: Role::Admin, request: String::new() }
}

/// Milliseconds since 1970 for people: RFC 3339 in UTC.
pub(crate) fn time(at: store::model::Timestamp) -> String {
    vision::time::timestamp(at.max(0).unsigned_abs() / 1000)
}
