//! Data-set tools on real folders.

mod check;
mod convert;
mod crops;
mod hash;
mod shared;
mod split;
