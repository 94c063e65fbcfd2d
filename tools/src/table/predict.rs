//! `shelf table predict`.

use std::path::PathBuf;

use clap::Args;
use tabular::{Column, Predictions, Table, TrainedModel};

use super::input::{Input, write_json, write_table};

/// Tell what the rows of a table are, by a trained model
#[derive(Args)]
#[command(after_help = "Columns are found by name; those that the model does not know are passed on. Where classes are
told, a column proba_CLASS holds the probability of each.

  shelf table predict new.csv --model iris.model.json --output told.csv")]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    input: Input,
    /// The model that `shelf table train` wrote
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Where to write the table with the predictions; without it they are printed, one a line
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the predictions as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    let model = TrainedModel::read(&args.model)?;
    let table = args.input.read()?;
    let told = model.predict(&table)?;
    match &args.output {
        Some(path) => {
            write_table(path, &with(&table, &model, &told)?)?;
            println!("{} rows  {}", table.rows(), path.display());
        }
        None => match &told {
            Predictions::Classes { prediction, .. } => prediction.iter().for_each(|class| println!("{class}")),
            Predictions::Values { prediction } => prediction.iter().for_each(|value| println!("{value}")),
        },
    }
    write_json(args.json.as_deref(), &told)
}

/// The table with the predictions after its own columns.
fn with(table: &Table, model: &TrainedModel, told: &Predictions) -> anyhow::Result<Table> {
    let mut columns = table.columns().to_vec();
    match told {
        Predictions::Values { prediction } => columns.push(Column::numbers("prediction", prediction.clone())),
        Predictions::Classes { prediction, prediction_proba } => {
            let words: Vec<&str> = prediction.iter().map(String::as_str).collect();
            columns.push(Column::text("prediction", &words));
            let names = model.classes.iter().flat_map(|classes| &classes.0).enumerate();
            for (class, name) in names {
                let probabilities = prediction_proba.iter().map(|row| row[class]).collect();
                columns.push(Column::numbers(&format!("proba_{name}"), probabilities));
            }
        }
    }
    Ok(Table::new(columns)?)
}
