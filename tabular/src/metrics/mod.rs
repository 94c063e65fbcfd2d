//! How good predictions are: equal to scikit-learn's numbers.

mod classification;
mod curves;
mod regression;
mod thresholds;

pub use classification::{
    Average, ClassScores, Classification, accuracy, average_precision_recall, classification, confusion, log_loss,
    roc_auc, roc_auc_binary,
};
pub use curves::{ClassCurves, Curves, curves};
pub use regression::{Regression, regression};
pub use thresholds::{Threshold, Thresholds, thresholds};
