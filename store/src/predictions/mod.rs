//! What was answered: one row an answer, and how sure it was, by day and SKU. Others build on it by pages of time.
//!
//! | file | what |
//! |---|---|
//! | `model` | an answer as it is kept |
//! | `write` | many at once, in one change |
//! | `read` | pages by time |
//! | `signals` | histograms of similarity and confidence, by day and SKU |
//! | `drift` | how far two histograms are apart |
//! | `judged` | how a release did, and what people said of it |
//! | `retention` | what is too old is forgotten |

mod drift;
mod judged;
mod model;
mod read;
mod retention;
mod signals;
mod write;

pub use drift::{Drift, SkuDrift, population_stability_index};
pub use judged::{Answered, Judgement};
pub use model::{BINS, Histogram, NO_SKU, NewPrediction, Prediction, Signal};
pub use read::{Cursor, PredictionPage, PredictionRange};
