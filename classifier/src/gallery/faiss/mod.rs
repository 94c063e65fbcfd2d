//! Search by FAISS, where it is built in. The only place that names the crate.

#[cfg(not(feature = "faiss"))]
mod disabled;
#[cfg(feature = "faiss")]
mod enabled;

#[cfg(not(feature = "faiss"))]
pub(crate) use disabled::FaissIndex;
#[cfg(feature = "faiss")]
pub(crate) use enabled::FaissIndex;
#[cfg(feature = "faiss")]
pub use enabled::{blas_threshold, set_blas_threshold};

/// Whether this program was built with FAISS.
pub const AVAILABLE: bool = cfg!(feature = "faiss");
