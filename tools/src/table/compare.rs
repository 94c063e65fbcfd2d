//! `shelf table compare`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tabular::Algorithm;
use tabular::train::{CrossValidation, compare};
use vision::Cancel;

use super::input::{Input, write_json};
use super::learning::Learning;
use super::tune::Folds;

/// Compare algorithms by cross-validation, best first
#[derive(Args)]
#[command(after_help = "The score is accuracy, or R2. All algorithms are judged by the same folds.

  shelf table compare iris.csv --target species --task classification --models knn,svm --cv 10")]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    learning: Learning,
    #[command(flatten)]
    folds: Folds,
    /// Which algorithms; by default all that do the task and whose library is there, without ensembles of others
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    models: Vec<Algorithm>,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let table = args.input.read()?;
    let ensembles = [Algorithm::Voting, Algorithm::Stacking, Algorithm::Bagging];
    let all = Algorithm::ALL.iter().filter(|a| a.does(args.learning.task) && !ensembles.contains(a) && a.is_there());
    let models = if args.models.is_empty() { all.copied().collect() } else { args.models.clone() };
    let options = args.learning.options(Algorithm::DecisionTree, &[]);
    let folding: CrossValidation = args.folds.folding();
    let comparison = compare(&table, &options, &models, folding, &Cancel::never())?;
    for one in &comparison {
        println!("{:<18} {:.4} ± {:.4}", one.model.name(), one.mean_score, one.std_score);
    }
    write_json(args.json.as_deref(), &json!({ "status": "success", "comparison": comparison }))
}
