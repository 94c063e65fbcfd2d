//! `shelf table validate`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tabular::{TrainedModel, Validation, validate};

use super::input::{Input, write_json};
use super::report::write_report;
use super::show::show;

/// Judge a trained model by a table that it has not seen
#[derive(Args)]
#[command(
    after_help = "Metrics, how long a row takes, what noise and missing cells cost, thresholds where there are two
classes. --report writes a page with ROC, precision and recall, confusion matrix or residuals.

  shelf table validate new.csv --model iris.model.json --report iris.html"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    input: Input,
    /// The model that `shelf table train` wrote
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Another seed, other noise
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write a page with charts (HTML)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &ValidateArgs) -> anyhow::Result<()> {
    let model = TrainedModel::read(&args.model)?;
    let table = args.input.read()?;
    let found = validate(&model, &table, args.seed)?;
    told(&model, &found);
    let fact = format!("Model {} ({}), table {}.", args.model.display(), model.target, table.sha256());
    write_report(args.report.as_deref(), &found, &format!("{} of {}", model.algorithm, model.target), &[fact])?;
    write_json(args.json.as_deref(), &json!({ "status": "success", "results": found }))
}

/// Prints what was found.
pub(crate) fn told(model: &TrainedModel, found: &Validation) {
    println!("{} judged by {} rows", model.algorithm, found.validation_summary.rows);
    if found.validation_summary.learned_from_this {
        eprintln!("warning: the model learned from this very table: these metrics say nothing about other rows");
    }
    show(&found.evaluation);
    println!("  {:<18} {:.0} µs (p99 {:.0} µs)", "latency of a row", found.latency.p50_us, found.latency.p99_us);
    if let Some(thresholds) = &found.thresholds {
        let best = thresholds.best_f1;
        println!(
            "  {:<18} {:.4} (precision {:.4}, recall {:.4}, F1 {:.4})",
            "best threshold", best.threshold, best.precision, best.recall, best.f1
        );
    }
}
