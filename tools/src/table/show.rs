//! Metrics, printed.

use tabular::report::title;
use tabular::train::Evaluation;

/// A line for each metric.
pub(crate) fn show(evaluation: &Evaluation) {
    for (name, value) in evaluation.named() {
        println!("  {:<18} {}", title(name), value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}")));
    }
}
