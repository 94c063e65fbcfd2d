//! What stands on each shelf at the next visit, and whether it is empty then.
//!
//! A model learns from all past visits of all series what the next one found. How far it is off is measured on later visits than those
//! it learned from, and that is what its intervals are made of (split conformal prediction: Vovk, Gammerman and Shafer 2005; scores by a
//! learned spread: Lei and others 2018). Beside it stand two guesses that anybody can make: the last value, and the mean of the same
//! weekday.

mod conformal;
mod guess;
mod inputs;
mod judge;
mod learned;
mod outlook;
mod run;
mod synthetic;
mod visits;

pub use judge::{Bin, Measured, Quality};
pub use outlook::Outlook;
pub use run::{Forecast, ForecastOptions, forecast};
pub use synthetic::{SyntheticOptions, synthetic_counts};
pub use visits::{COLUMNS, ForecastError, is_synthetic};
