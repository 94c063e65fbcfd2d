//! Data-set tools on real folders.

mod hash;
mod shared;
mod split;
