//! LightGBM and XGBoost themselves: their shared libraries train, loaded when they are first needed. What they learned is read into trees
//! of our own, so that predicting, explaining and exporting need neither library, and a model file is checked as any other.
//!
//! `unsafe` is in the two files `api.rs` alone, one for each library, with the bounds of every call.

mod lightgbm;
mod place;
mod rounds;
mod xgboost;

pub use lightgbm::LightGbm;
pub use xgboost::XgBoost;

pub(super) use lightgbm::is_there as lightgbm_is_there;
pub(super) use xgboost::is_there as xgboost_is_there;
