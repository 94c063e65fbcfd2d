//! `shelf table train`.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tabular::{SplitMethod, TrainOptions, train};
use vision::Cancel;

use super::input::{Input, write_json};
use super::learning::{Chosen, Learning};
use super::report::write_report;
use super::show::show;

/// Train a model and judge it by rows that it did not learn from
#[derive(Args)]
#[command(after_help = "The model file holds all that prediction needs: fill values, scales, features, the model.

  shelf table train iris.csv --target species --task classification --algorithm random_forest \\
    --set n_estimators=200 --set max_depth=6 --output iris.model.json
  shelf table train sales.csv --target sold --task regression --algorithm gradient_boosting \\
    --split-by-time day --early-stopping --output sales.model.json --report sales.html")]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    learning: Learning,
    #[command(flatten)]
    chosen: Chosen,
    /// Where to write the model
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Fraction of rows for testing
    #[arg(long, default_value_t = 0.2)]
    test_size: f64,
    /// Fraction of rows for validation
    #[arg(long, default_value_t = 0.1)]
    validation_size: f64,
    /// Test on the latest rows, by this column; otherwise rows are divided by class or range of the target
    #[arg(long, value_name = "COLUMN", conflicts_with = "split_by_group")]
    split_by_time: Option<String>,
    /// Rows with one value of this column stay together
    #[arg(long, value_name = "COLUMN")]
    split_by_group: Option<String>,
    /// Stop when there is no progress on the validation rows
    #[arg(long)]
    early_stopping: bool,
    /// Steps without progress after which to stop
    #[arg(long, default_value_t = 10)]
    patience: usize,
    /// Write a page with charts (HTML)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let by_time = args.split_by_time.clone().map(|by| SplitMethod::Time { by });
    let by_group = args.split_by_group.clone().map(|by| SplitMethod::Grouped { by });
    let options = TrainOptions {
        test_size: args.test_size,
        validation_size: args.validation_size,
        split: by_time.or(by_group),
        early_stopping: args.early_stopping,
        early_stopping_patience: args.patience,
        ..args.learning.options(args.chosen.algorithm, &args.chosen.set)
    };
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}  ETA {eta}").expect("it is well-formed");
    let bar = ProgressBar::new(0).with_style(style).with_message(options.algorithm.name());
    let training = train(&table, &options, &Cancel::never(), &|step| {
        bar.set_length(step.of as u64);
        bar.set_position(step.step as u64);
    })?;
    bar.finish_and_clear();
    training.model.write(&args.output)?;
    let summary = &training.training_summary;
    println!(
        "{} learned from {} rows and {} features, judged by {} rows",
        options.algorithm,
        summary.train_samples,
        summary.features.len(),
        summary.test_samples
    );
    show(&training.evaluation);
    println!("{}", args.output.display());
    let title = format!("{} of {}", options.algorithm, options.target_column);
    let fact = format!("Model {}, table {}.", args.output.display(), table.sha256());
    write_report(args.report.as_deref(), &training, &title, &[fact])?;
    write_json(args.json.as_deref(), &json!({ "status": "completed", "results": training }))
}
