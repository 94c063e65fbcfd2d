//! Support vector machines: kernels, one solver, classes by pairs, numbers by a tube.

mod kernel;
mod platt;
mod smo;
mod svc;
mod svr;

pub use kernel::{Gamma, Kernel, KernelName};
pub use svc::{Svc, SvcModel};
pub use svr::{Svr, SvrModel};

/// Rows, at most: time grows with their square or worse.
const MAX_ROWS: usize = 50_000;
