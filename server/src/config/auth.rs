//! Who needs a key, as written.

use serde::Deserialize;

/// Who needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// Everybody, unless the server listens on a loopback address.
    #[default]
    Auto,
    /// Everybody, even this machine: right behind a proxy on it.
    Required,
    /// Nobody: whoever reaches the address may do everything.
    Off,
}

/// Whether `/metrics` needs a key where everybody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsAccess {
    /// Any key of the server's organisation.
    #[default]
    Key,
    /// None.
    Open,
}
