//! TLS towards databases and S3: by ring, chosen once per process.

/// Before a connection that may speak TLS is opened. Chosen already, it stays.
#[cfg(feature = "tls")]
pub(crate) fn prepare() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Connections that want TLS say that this build has none.
#[cfg(not(feature = "tls"))]
pub(crate) const fn prepare() {}
