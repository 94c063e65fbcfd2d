//! One page with all that is known of a model: it opens in any browser, from a file, without a network.

use std::fmt::Write as _;

use vision::plot::escape;

use super::charts::charts;
use super::outcome::Outcome;

const STYLE: &str = include_str!("page.css");

/// Metrics, as they are called and what the outcome calls them.
const METRICS: &[(&str, &str)] = &[
    ("accuracy", "accuracy"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("roc_auc", "ROC-AUC"),
    ("log_loss", "log loss"),
    ("r2", "R2"),
    ("rmse", "RMSE"),
    ("mae", "MAE"),
    ("mape", "MAPE"),
    ("explained_variance", "explained variance"),
];

/// What a metric is called for people.
#[must_use]
pub fn title(metric: &str) -> &str {
    METRICS.iter().find(|(key, _)| *key == metric).map_or(metric, |(_, title)| title)
}

/// The page. `title` says what was judged, `facts` are lines of their own below it.
#[must_use]
pub fn page(outcome: &Outcome, title: &str, facts: &[String]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><p class=\"over\">Shelfsight model</p><h1>{title}</h1>",
        title = escape(title)
    );
    for fact in facts.iter().cloned().chain(known(outcome)) {
        let _ = write!(out, "<p class=\"fact\">{}</p>", escape(&fact));
    }
    if outcome.validation_summary.as_ref().is_some_and(|summary| summary.learned_from_this) {
        out.push_str("<p class=\"warning\">The model learned from this very table: these metrics say nothing about other rows.</p>");
    }
    out.push_str("<div class=\"metrics\">");
    for (key, name) in METRICS {
        if let Some(value) = outcome.number(key) {
            let _ = write!(out, "<div><b>{value:.4}</b><span>{name}</span></div>");
        }
    }
    out.push_str("</div><div class=\"charts\">");
    for chart in charts(outcome) {
        let _ = write!(out, "<figure id=\"{}\">{}</figure>", chart.name, chart.svg());
    }
    let _ = writeln!(
        out,
        "</div><footer>Made by <code>shelf</code> {}.</footer></main></body></html>",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn known(outcome: &Outcome) -> Vec<String> {
    let mut facts = Vec::new();
    let without =
        |rows: usize| if rows == 0 { String::new() } else { format!("; {rows} rows without a target left out") };
    if let Some(summary) = &outcome.training_summary {
        facts.push(format!(
            "Learned from {} rows, chosen by {}, judged by {} others{}.",
            summary.train_samples,
            summary.validation_samples,
            summary.test_samples,
            without(summary.rows_without_target)
        ));
        if !summary.left_out.is_empty() {
            facts.push(format!("Columns that tell nothing: {}.", summary.left_out.join(", ")));
        }
    }
    if let Some(summary) = &outcome.validation_summary {
        facts.push(format!("Judged by {} rows{}.", summary.rows, without(summary.rows_without_target)));
    }
    if let Some(latency) = &outcome.latency {
        facts.push(format!(
            "A row takes {:.0} µs (99 of 100 at most {:.0} µs); {:.0} rows a second at once.",
            latency.p50_us, latency.p99_us, latency.rows_per_second
        ));
    }
    if let Some(thresholds) = &outcome.thresholds {
        let best = |what: &str, one: &super::outcome::Threshold| {
            format!(
                "{what} at {:.3} (precision {:.3}, recall {:.3}, F1 {:.3})",
                one.threshold, one.precision, one.recall, one.f1
            )
        };
        facts.push(format!(
            "Thresholds of {}: {}; {}.",
            outcome.class(1),
            best("best F1", &thresholds.best_f1),
            best("best Youden's J", &thresholds.best_youden)
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_shows_what_there_is_and_nothing_of_a_name_is_markup() {
        let outcome = json!({
            "evaluation": { "accuracy": 0.75, "roc_auc": null, "confusion_matrix": [[3, 1], [0, 4]] },
            "curves": { "classes": [{ "class": 1, "roc": [[0.0, 0.0], [0.25, 1.0], [1.0, 1.0]], "precision_recall": [[1.0, 0.8]] }] },
            "robustness": [{ "disturbance": "noise", "level": 0.3, "score": 0.7 }, { "disturbance": "missing", "level": 0.3, "score": null }],
            "training_history": [{ "step": 1, "of": 2, "train_loss": 0.5, "validation_loss": null }, { "step": 2, "of": 2, "train_loss": 0.4, "validation_loss": null }],
            "training_summary": { "train_samples": 70, "features": ["<a>", "b"], "feature_importance": [0.75, 0.25], "classes": ["no", "<script>"] },
            "trials": [],
        });
        let outcome = Outcome::of_json(&outcome.to_string()).expect("an outcome");
        let names: Vec<&str> = charts(&outcome).iter().map(|chart| chart.name).collect();
        assert_eq!(names, ["confusion", "roc", "precision-recall", "importance", "learning", "robustness"]);
        let page = page(&outcome, "A & B", &["From a <table>.".to_owned()]);
        assert!(page.contains("<b>0.7500</b><span>accuracy</span>") && !page.contains("ROC-AUC"));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>") && !page.contains("<table>"));
        assert_eq!(page.matches("<figure").count(), names.len());
        assert!(charts(&Outcome::of_json("{}").expect("nothing is an outcome")).is_empty());
    }

    #[test]
    fn residuals_lie_around_nought() {
        let outcome =
            json!({ "evaluation": { "r2": 0.5 }, "curves": { "residuals": [[1.0, 0.5], [2.0, null], [3.0, -0.5]] } });
        let outcome = Outcome::of_json(&outcome.to_string()).expect("an outcome");
        let charts = charts(&outcome);
        assert_eq!(charts.iter().map(|chart| chart.name).collect::<Vec<_>>(), ["residuals"]);
        assert_eq!(charts[0].svg().matches("<circle").count(), 2);
    }
}
