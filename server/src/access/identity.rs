//! Whoever asks.

use std::sync::Arc;

use store::access::{ApiKey, DEFAULT_ORGANISATION, Role};
use store::audit::Actor;

use crate::request_id::RequestId;

/// Whoever asks: handlers find it among a request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Id.
    pub(crate) organisation: Arc<str>,
    pub(crate) role: Role,
    /// Of the key; `local` for who needs none.
    pub(crate) name: Arc<str>,
    /// Whether a key says so.
    by_key: bool,
}

impl Identity {
    /// Who sits at the machine.
    pub(crate) fn local() -> Self {
        Self { organisation: DEFAULT_ORGANISATION.into(), role: Role::Admin, name: "local".into(), by_key: false }
    }

    pub(crate) fn of(key: &ApiKey) -> Self {
        let ApiKey { organisation, role, name, .. } = key;
        Self { organisation: organisation.as_str().into(), role: *role, name: name.as_str().into(), by_key: true }
    }

    /// Whether it is of the organisation whose gallery and queue this server has.
    pub(crate) fn is_at_home(&self) -> bool {
        &*self.organisation == DEFAULT_ORGANISATION
    }

    /// The name of the account, where there is one: nobody who has one goes by another.
    pub(crate) fn account(&self) -> Option<&str> {
        self.by_key.then_some(&*self.name)
    }

    /// For the audit log.
    pub(crate) fn actor(&self, request: &RequestId) -> Actor {
        Actor {
            organisation: self.organisation.to_string(),
            name: self.name.to_string(),
            role: self.role,
            request: request.as_str().to_owned(),
        }
    }
}
