//! `shelf org validate`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tabular::{TrainedModel, validate};
use vision::files::{read_text_bounded, write_atomic};

use super::Common;
use super::config::{OrgConfig, ValidationConfig};
use super::places::{Places, shown};
use super::publish::{METADATA, MODEL, publish, reading};
use crate::table::input::{read_file, write_json};
use crate::table::report::{write_charts, write_report};
use crate::table::validate::told;

/// Judge a version by rows that it has not seen; publish it when it meets its minimums
#[derive(Args)]
#[command(after_help = "Metrics, latency, robustness, thresholds; charts and a page go to artifacts/ORG/VERSION/
validation_plots. validationConfig.minimum and .maximum are bounds of metrics; a version within them
becomes models/ORG/current, one that misses them ends with 1 and changes nothing.

  shelf org validate acme.json data/acme/test.csv")]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    common: Common,
    /// Rows that are judged by: data/ORG/test.csv
    #[arg(value_name = "TEST")]
    test: PathBuf,
    /// Which version; the last one when it is not said
    #[arg(long, value_name = "VERSION")]
    of: Option<String>,
    /// Judge only: what serves stays
    #[arg(long)]
    no_publish: bool,
}

pub(super) fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let config = OrgConfig::read(&args.common.config)?;
    let places = Places::of(&config);
    let version = places.trained(args.of.as_deref())?;
    let folder = places.version(&version);
    let model = TrainedModel::read(&folder.join(MODEL))?;
    let table = read_file(&args.test, &reading(&model))?;
    let found = validate(&model, &table, config.train_config.seed)?;
    println!("{version}:");
    told(&model, &found);
    let results = serde_json::to_value(&found)?;
    let missed = missed(&config.validation_config, &results);
    let plots = places.artifacts(&version, "validation_plots")?;
    write_charts(&plots, &found)?;
    let facts =
        [format!("Version {version} of {}, table {} ({}).", config.organization_id, shown(&args.test), table.sha256())];
    write_report(
        Some(&plots.join("report.html")),
        &found,
        &format!("{} of {}", model.algorithm, model.target),
        &facts,
    )?;
    let verdict =
        json!({ "passed": missed.is_empty(), "missed": missed, "test_sha256": table.sha256(), "results": results });
    write_json(Some(&plots.join("validation.json")), &verdict)?;
    for line in &missed {
        eprintln!("missed: {line}");
    }
    if !missed.is_empty() {
        eprintln!("{version} is not published");
        return Ok(ExitCode::FAILURE);
    }
    if args.no_publish {
        return Ok(ExitCode::SUCCESS);
    }
    if found.validation_summary.learned_from_this {
        eprintln!("error: {version} learned from this very table: it is not published by it");
        return Ok(ExitCode::FAILURE);
    }
    let metadata = with_metrics(&read_text_bounded(&folder.join(METADATA), 1 << 24)?, &verdict)?;
    write_atomic(&folder.join(METADATA), |writer| std::io::Write::write_all(writer, &metadata))?;
    publish(&places, &version, &metadata)?;
    println!("{version} serves: {}", shown(&places.current()));
    Ok(ExitCode::SUCCESS)
}

/// The metadata with what the version was judged to be.
fn with_metrics(metadata: &str, verdict: &Value) -> anyhow::Result<Vec<u8>> {
    let mut metadata: Value = serde_json::from_str(metadata).context("the metadata of the version cannot be read")?;
    let evaluation = verdict["results"]["evaluation"].as_object();
    let metrics = evaluation.into_iter().flatten().filter(|(_, value)| value.is_number());
    metadata["metrics"] = metrics.map(|(name, value)| (name.clone(), value.clone())).collect();
    metadata["testSha256"] = verdict["test_sha256"].clone();
    Ok(serde_json::to_vec_pretty(&metadata)?)
}

/// What lies beyond its bounds; a metric that is not known misses every bound.
fn missed(bounds: &ValidationConfig, results: &Value) -> Vec<String> {
    let value = |name: &str| match name {
        "latency_p99_us" => results["latency"]["p99_us"].as_f64(),
        name => results["evaluation"][name].as_f64(),
    };
    let shown = |name: &str| value(name).map_or_else(|| "not known".to_owned(), |value| format!("{value:.4}"));
    let low = bounds.minimum.iter().filter(|(name, bound)| value(name).is_none_or(|value| value < **bound));
    let high = bounds.maximum.iter().filter(|(name, bound)| value(name).is_none_or(|value| value > **bound));
    low.map(|(name, bound)| format!("{name} is {}, the minimum is {bound}", shown(name)))
        .chain(high.map(|(name, bound)| format!("{name} is {}, the maximum is {bound}", shown(name))))
        .collect()
}
