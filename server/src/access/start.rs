//! Whether a server may start as it is asked to.

use std::net::SocketAddr;
use std::sync::Arc;

use store::{StoreError, StoreHandle};
use thiserror::Error;

use super::limit::{KeyLimits, RateLimit};
use super::{Access, KeyRing};
use crate::config::{AuthMode, ServerConfig};

/// Why a server does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// It would answer the network, and nobody could be let in.
    #[error(
        "{address} needs a key of everybody, and there is none yet. Make one: `shelf keys create NAME --role admin`; or answer this \
         machine alone: `shelf serve --listen 127.0.0.1:{}`. (`auth: off` in server.yaml, or `--auth off`, lets everybody do \
         everything who reaches the address.)", .address.port()
    )]
    NoKey {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// Keys are needed, and there is no place where they would be.
    #[error("{address} needs a key of everybody, and this server has no store that could hold any")]
    NoStore {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// Keys are needed, and cannot be read.
    #[error("{address} needs a key of everybody, and the store that holds them cannot be opened")]
    Store {
        /// Where it would listen.
        address: SocketAddr,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// How a server on `address` tells who asks.
pub(crate) async fn access(
    config: &ServerConfig,
    address: SocketAddr,
    store: Option<&StoreHandle>,
) -> Result<Access, AccessError> {
    let open = match config.auth {
        AuthMode::Off => true,
        AuthMode::Auto => address.ip().to_canonical().is_loopback(),
        AuthMode::Required => false,
    };
    let rate = RateLimit { rate: config.requests_per_key, burst: config.burst_per_key };
    let limits = KeyLimits { rate, at_once: config.concurrent_per_key };
    let ring = store.filter(|_| config.auth != AuthMode::Off);
    let ring = ring.map(|store| Arc::new(KeyRing::new(store.clone(), limits)));
    if !open {
        let ring = ring.as_ref().ok_or(AccessError::NoStore { address })?;
        match ring.look().await {
            Ok(0) => return Err(AccessError::NoKey { address }),
            Ok(keys) => tracing::info!(keys, "everybody needs a key"),
            Err(source) => return Err(AccessError::Store { address, source }),
        }
    } else if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(%address, "auth is off: whoever reaches this address may do everything");
    }
    Ok(Access { open, ring, metrics: config.metrics })
}

#[cfg(test)]
mod tests {
    use store::StoreSettings;
    use store::access::{DEFAULT_ORGANISATION, NewKey, Role};

    use super::super::Identity;
    use super::*;
    use crate::request_id::RequestId;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_network_is_not_answered_without_a_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = StoreSettings {
            database: format!("sqlite:{}", folder.path().join("shelf.db").display()).into(),
            objects: folder.path().join("objects").display().to_string(),
            ..StoreSettings::default()
        };
        let store = StoreHandle::from(settings);
        let check = async |address: &str, auth: AuthMode, store: Option<&StoreHandle>| {
            let config = ServerConfig { auth, ..ServerConfig::default() };
            access(&config, address.parse().expect("an address"), store).await
        };
        let open = |access: Result<Access, AccessError>| access.expect("it starts").open;
        for loopback in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(open(check(loopback, AuthMode::Auto, None).await), "{loopback}");
        }
        for address in ["0.0.0.0:8000", "192.168.1.7:8000", "[::]:8000"] {
            let refused = check(address, AuthMode::Auto, Some(&store)).await.expect_err(address).to_string();
            for word in ["shelf keys create NAME --role admin", "shelf serve --listen 127.0.0.1:8000", "auth: off"] {
                assert!(refused.contains(word), "{refused}");
            }
            assert!(matches!(check(address, AuthMode::Auto, None).await, Err(AccessError::NoStore { .. })));
            assert!(open(check(address, AuthMode::Off, None).await), "as asked for");
        }
        assert!(check("127.0.0.1:1", AuthMode::Required, Some(&store)).await.is_err());
        let opened = store.get().await.expect("opened");
        let actor = Identity::local().actor(&RequestId::part("test"));
        let key = NewKey {
            organisation: DEFAULT_ORGANISATION.into(),
            name: "a".into(),
            role: Role::Viewer,
            expires_at: None,
        };
        opened.create_key(key, &actor).await.expect("made");
        assert!(!open(check("0.0.0.0:8000", AuthMode::Auto, Some(&store)).await));
        opened.revoke_key(DEFAULT_ORGANISATION, "a", &actor).await.expect("revoked");
        assert!(matches!(check("0.0.0.0:8000", AuthMode::Auto, Some(&store)).await, Err(AccessError::NoKey { .. })));
    }

    /// Checks of a key that are timed.
    const CHECKS: u32 = 20_000;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_key_is_checked_in_less_than_fifty_microseconds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = StoreSettings {
            database: format!("sqlite:{}", folder.path().join("shelf.db").display()).into(),
            objects: folder.path().join("objects").display().to_string(),
            ..StoreSettings::default()
        };
        let store = StoreHandle::from(settings);
        let opened = store.get().await.expect("opened");
        let actor = Identity::local().actor(&RequestId::part("test"));
        let mut tokens = Vec::new();
        for number in 0..100 {
            let name = format!("k{number}");
            let key = NewKey { organisation: DEFAULT_ORGANISATION.into(), name, role: Role::Viewer, expires_at: None };
            tokens.push(opened.create_key(key, &actor).await.expect("made").0);
        }
        let config = ServerConfig { auth: AuthMode::Required, requests_per_key: 0.0, ..ServerConfig::default() };
        let address = "127.0.0.1:1".parse().expect("an address");
        let access = access(&config, address, Some(&store)).await.expect("it starts");
        let parts = |token: &str| {
            let request =
                axum::http::Request::builder().uri("/skus").header("authorization", format!("Bearer {token}"));
            request.body(()).expect("a request").into_parts().0
        };
        let requests: Vec<_> = tokens.iter().map(|token| parts(token.expose())).collect();
        let begin = std::time::Instant::now();
        for number in 0..CHECKS as usize {
            drop(access.identify(&requests[number % requests.len()]).await.expect("it holds"));
        }
        let each = begin.elapsed() / CHECKS;
        println!("a key among 100 is checked in {:.2} us", each.as_secs_f64() * 1e6);
        assert!(each < std::time::Duration::from_micros(50), "{each:?}");
    }
}
