//! `shelf table select`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tabular::train::rank_features;
use tabular::{SelectionMethod, SelectionOptions, Task};
use vision::Cancel;

use super::input::{Input, named, write_json};

/// Rank the features of a table by how much they tell of its target
#[derive(Args)]
#[command(after_help = "  shelf table select counts.csv --target state --task classification --method mutual_info \\
    --n-features 10")]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    input: Input,
    /// The column to be told
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// classification or regression
    #[arg(long, value_name = "TASK", value_parser = named::<Task>)]
    task: Task,
    /// correlation, mutual_info, rfe, tree_importance or statistical
    #[arg(long, value_name = "METHOD", value_parser = named::<SelectionMethod>)]
    method: SelectionMethod,
    /// How many features are kept
    #[arg(long, value_name = "N")]
    n_features: usize,
    /// Another seed, another forest
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &SelectArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let options = SelectionOptions { method: args.method, n_features: args.n_features };
    let ranked = rank_features(&table, &args.target, args.task, options, (args.seed, &Cancel::never()))?;
    for feature in &ranked {
        println!("{:>14.6}  {}", feature.importance, feature.name);
    }
    let (names, importance): (Vec<&String>, Vec<f64>) =
        ranked.iter().map(|feature| (&feature.name, feature.importance)).unzip();
    write_json(
        args.json.as_deref(),
        &json!({ "status": "success", "selected_features": names, "feature_importance": importance }),
    )
}
