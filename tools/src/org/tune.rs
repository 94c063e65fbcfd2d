//! `shelf org tune`.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tabular::ReadOptions;
use tabular::search::{SearchOptions, tune};
use vision::Cancel;

use super::Common;
use super::config::OrgConfig;
use super::places::{Places, shown};
use crate::table::input::{read_file, write_json};
use crate::table::report::write_charts;

/// File with the hyperparameters that were best.
pub(super) const BEST: &str = "best.json";

/// Search for the hyperparameters of the next version
#[derive(Args)]
#[command(
    after_help = "trainConfig.tuning says by which method (grid_search, random_search, optuna), in how many trials and
folds. The best are what `shelf org train` takes for the next version.

  shelf org tune acme.json data/acme/train.csv"
)]
pub(crate) struct TuneArgs {
    #[command(flatten)]
    common: Common,
    /// The rows that are learned from: data/ORG/train.csv
    #[arg(value_name = "DATA")]
    data: PathBuf,
}

pub(super) fn run(args: &TuneArgs) -> anyhow::Result<()> {
    let config = OrgConfig::read(&args.common.config)?;
    let table = read_file(&args.data, &ReadOptions::default())?;
    let tuning = config.train_config.tuning;
    let search =
        SearchOptions { tuning_method: tuning.method, n_trials: tuning.trials, folding: config.folding(), space: None };
    let style = ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len}  ETA {eta}").expect("it is well-formed");
    let bar = ProgressBar::new(tuning.trials as u64).with_style(style);
    let found = tune(&table, &config.options(), &search, &Cancel::never(), |_| bar.inc(1))?;
    bar.finish_and_clear();
    let places = Places::of(&config);
    let folder = places.artifacts(&places.next()?, "hyperparameter_results")?;
    write_json(Some(&folder.join("trials.json")), &found)?;
    write_charts(&folder, &found)?;
    let best = json!({
        "hyperparameters": found.best.hyperparameters, "mean_score": found.best.mean_score,
        "algorithm": config.train_config.algorithm, "data": table.sha256(), "config_sha256": config.digest,
    });
    write_json(Some(&folder.join(BEST)), &best)?;
    println!("best of {} trials: {:.4}", found.trials.len(), found.best.mean_score.unwrap_or(f64::NAN));
    for (name, value) in &found.best.hyperparameters {
        println!("  {name} = {value}");
    }
    println!("{}", shown(&folder));
    Ok(())
}
