//! Floor 1: how good answers are. Pure numbers over saved predictions; no network runs here.
//!
//! | module | what |
//! |---|---|
//! | [`sample`] | images, true boxes, found boxes |
//! | [`matching`], [`average_precision`], [`curves`], [`confusion`], [`mod@mistakes`] | detection, equal to pycocotools |
//! | [`heights`] | detection by the height of facings on the network's input |
//! | [`precision_goal`] | from which confidence on a class is right often enough |
//! | [`ultralytics`] | the other AP definition users know, under its own name |
//! | [`identification`], [`open_set`], [`calibration`], [`thresholds`] | which SKU, and when to say "none" |
//! | [`counts`] | how many of each SKU |
//! | [`bootstrap`], [`slices`] | how sure, and where |
//! | [`gate`] | what a release must reach |
//! | [`formats`] | saved ground truth and predictions, strictly read |
//! | [`evaluate`] | all metrics of one kind together |
//! | [`robustness`] | how much worse under blur, glare, noise, ... |
//! | [`report`] | JSON, CSV and one HTML file, with advice |
//!
//! Definitions with formulas and sources are in docs/metrics.md. Everything is deterministic: one seed, one result, whatever
//! the number of threads.

pub mod average_precision;
pub mod bootstrap;
pub mod calibration;
mod cells;
pub mod confusion;
pub mod counts;
pub mod curves;
pub mod evaluate;
pub mod formats;
pub mod gate;
pub mod heights;
pub mod identification;
pub mod matching;
pub mod metric;
pub mod mistakes;
pub mod open_set;
pub mod precision_goal;
pub mod report;
pub mod robustness;
pub mod sample;
pub mod slices;
pub mod thresholds;
pub mod ultralytics;

pub use average_precision::{ClassCurve, CocoSummary, OperatingPoint, summarize};
pub use bootstrap::{Bootstrap, Interval};
pub use calibration::Reliability;
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use counts::{CountRow, CountSummary, CountTable};
pub use evaluate::{
    CountSection, DetectionSection, DetectionSettings, IdentificationSection, evaluate_counts, evaluate_detection,
    evaluate_identification,
};
pub use gate::{Gate, GatedMetric, Targets, verdict};
pub use identification::{Query, QuerySet, Ranked, Stated, confused_pairs, top_k};
pub use matching::{MatchResult, Matches, Outcome, Pairing, SizeRange, match_all, pair};
pub use mistakes::{Mistakes, mistakes};
pub use open_set::OpenSet;
pub use precision_goal::{ClassGoal, PrecisionGoal};
pub use report::Report;
pub use sample::{DetectionSet, ImageInfo, Prediction, Rect, Truth};
pub use slices::Slice;
pub use thresholds::{CalibrationGoal, calibrate};
pub use vision::{Verdict, random};
