//! Which of two releases people find right more often.

#[cfg(not(feature = "workbench"))]
mod disabled;
#[cfg(feature = "workbench")]
mod enabled;

#[cfg(not(feature = "workbench"))]
pub(super) use disabled::verdict;
#[cfg(feature = "workbench")]
pub(super) use enabled::verdict;
