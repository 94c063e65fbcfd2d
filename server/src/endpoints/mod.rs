//! A file per endpoint: request, response and handler.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod classes;
pub(crate) mod health;
pub(crate) mod livez;
pub(crate) mod metrics;
pub(crate) mod ml;
pub(crate) mod predict;
pub(crate) mod readyz;
pub(crate) mod recognize;
pub(crate) mod recognize_batch;
pub(crate) mod review;
pub(crate) mod skus;
pub(crate) mod verify;
