//! `shelf table tune`.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tabular::fold::FoldKind;
use tabular::search::{Method, SearchOptions, tune};
use tabular::train::CrossValidation;
use vision::Cancel;

use super::input::{Input, named, write_json};
use super::learning::{Chosen, Learning};

/// Search for the hyperparameters with the best cross-validated score
#[derive(Args)]
#[command(
    after_help = "Trials whose first folds are worse than the median of those before are given up. Hyperparameters
that are --set stay as they are unless they are searched for.

  shelf table tune iris.csv --target species --task classification --algorithm svm --trials 50"
)]
pub(crate) struct TuneArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    learning: Learning,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    folds: Folds,
    /// grid_search, random_search or optuna (TPE)
    #[arg(long, value_name = "METHOD", default_value = "optuna", value_parser = named::<Method>)]
    method: Method,
    /// Trials, at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    trials: usize,
    /// Write all trials as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How cross-validation divides rows.
#[derive(Args)]
pub(super) struct Folds {
    /// Folds
    #[arg(long, value_name = "N", default_value_t = 5)]
    cv: usize,
    /// stratified, k_fold or time_series (rows in order of time)
    #[arg(long, value_name = "KIND", default_value = "stratified", value_parser = named::<FoldKind>)]
    folds: FoldKind,
}

impl Folds {
    pub(super) fn folding(&self) -> CrossValidation {
        CrossValidation { cv: self.cv, kind: self.folds }
    }
}

pub(super) fn run(args: &TuneArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let options = args.learning.options(args.chosen.algorithm, &args.chosen.set);
    let search =
        SearchOptions { tuning_method: args.method, n_trials: args.trials, folding: args.folds.folding(), space: None };
    let style = ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len}  ETA {eta}").expect("it is well-formed");
    let bar = ProgressBar::new(args.trials as u64).with_style(style);
    let mut best = f64::NEG_INFINITY;
    let found = tune(&table, &options, &search, &Cancel::never(), |trial| {
        if let Some(score) = trial.mean_score.filter(|score| trial.folds == args.folds.cv && *score > best) {
            best = score;
            bar.set_message(format!("best {score:.4}"));
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    println!("best of {} trials: {:.4}", found.trials.len(), found.best.mean_score.unwrap_or(f64::NAN));
    for (name, value) in &found.best.hyperparameters {
        println!("  --set {name}={value}");
    }
    write_json(args.json.as_deref(), &json!({ "status": "completed", "results": found }))
}
