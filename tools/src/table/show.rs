//! Metrics, printed.

use tabular::train::Evaluation;

/// A line for each metric.
pub(crate) fn show(evaluation: &Evaluation) {
    let rows: Vec<(&str, Option<f64>)> = match evaluation {
        Evaluation::Classification(metrics) => vec![
            ("accuracy", Some(metrics.accuracy)),
            ("precision", Some(metrics.precision)),
            ("recall", Some(metrics.recall)),
            ("F1", Some(metrics.f1)),
            ("ROC-AUC", metrics.roc_auc),
        ],
        Evaluation::Regression(metrics) => vec![
            ("R2", Some(metrics.r2)),
            ("RMSE", Some(metrics.rmse)),
            ("MAE", Some(metrics.mae)),
            ("MAPE", Some(metrics.mape)),
            ("explained variance", Some(metrics.explained_variance)),
        ],
    };
    for (name, value) in rows {
        println!("  {name:<18} {}", value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}")));
    }
}
