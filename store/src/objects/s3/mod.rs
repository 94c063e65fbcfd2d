//! Buckets, where the `s3` feature is built in.

#[cfg(feature = "s3")]
mod enabled;
#[cfg(feature = "s3")]
pub(super) use enabled::open;

#[cfg(not(feature = "s3"))]
mod disabled;
#[cfg(not(feature = "s3"))]
pub(super) use disabled::open;
