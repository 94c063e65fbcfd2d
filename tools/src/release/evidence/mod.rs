//! From reports of `shelf eval` to what the registry keeps of them.

#[cfg(feature = "workbench")]
mod enabled;
#[cfg(feature = "workbench")]
pub(super) use enabled::read_reports;

#[cfg(not(feature = "workbench"))]
mod disabled;
#[cfg(not(feature = "workbench"))]
pub(super) use disabled::read_reports;
