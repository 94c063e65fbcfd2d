//! What makes models rather than runs them: data sets, evaluation, training. Left out where a program only serves.

#[cfg(feature = "workbench")]
mod enabled;
#[cfg(feature = "workbench")]
pub(crate) use enabled::{Workbench, run};

#[cfg(not(feature = "workbench"))]
mod disabled;
#[cfg(not(feature = "workbench"))]
pub(crate) use disabled::{Workbench, run};
