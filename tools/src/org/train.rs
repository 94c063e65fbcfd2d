//! `shelf org train`.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tabular::{Algorithm, ReadOptions, TrainOptions, train};
use vision::files::{FolderDraft, read_text_bounded, write_atomic};
use vision::{Cancel, Sha256};

use super::Common;
use super::config::OrgConfig;
use super::places::{Places, shown};
use super::publish::{METADATA, MODEL, write_onnx};
use super::tune::BEST;
use crate::table::input::{read_file, write_json};
use crate::table::report::write_charts;
use crate::table::show::show;

/// Train the next version
#[derive(Args)]
#[command(
    after_help = "Learns from data/ORG/train.csv, with the hyperparameters that `shelf org tune` found for this
version where it did. Writes models/ORG/versions/vN: model.json, model.onnx (compared in ONNX
Runtime), scaler.json, metadata.json. Nothing serves before `shelf org validate` lets it.

  shelf org train acme.json"
)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    common: Common,
}

/// What the search left behind.
#[derive(Deserialize)]
struct Best {
    hyperparameters: Map<String, Value>,
    algorithm: Algorithm,
    data: Sha256,
}

pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let config = OrgConfig::read(&args.common.config)?;
    let places = Places::of(&config);
    let path = places.data().join("train.csv");
    if !path.exists() {
        bail!("{} is not there: `shelf org data-prep` makes it", shown(&path));
    }
    let table = read_file(&path, &ReadOptions::default())?;
    let version = places.next()?;
    let mut options = config.options();
    let tuned = tuned(&places.left_by(&version, "hyperparameter_results").join(BEST), &options, &table.sha256())?;
    if let Some(found) = &tuned {
        options.hyperparameters.clone_from(found);
    }
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}  ETA {eta}").expect("it is well-formed");
    let bar = ProgressBar::new(0).with_style(style).with_message(options.algorithm.name());
    let start = Instant::now();
    let training = train(&table, &options, &Cancel::never(), &|step| {
        bar.set_length(step.of as u64);
        bar.set_position(step.step as u64);
    })?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let logs = places.artifacts(&version, "training_logs")?;
    let draft = FolderDraft::begin(&places.version(&version))?;
    training.model.write(&draft.path().join(MODEL))?;
    let exported = write_onnx(draft.path(), &training.model, Some(&table))?;
    let metadata = json!({
        "organizationId": config.organization_id, "version": version, "createdAt": vision::time::now(),
        "algorithm": options.algorithm, "taskType": options.task_type, "targetColumn": options.target_column,
        "hyperparameters": options.hyperparameters, "tuned": tuned.is_some(), "classes": training.model.classes,
        "features": training.training_summary.features, "trainSamples": training.training_summary.train_samples,
        "validationSamples": training.training_summary.validation_samples, "trainingSeconds": seconds,
        "data": { "sha256": table.sha256(), "rows": table.rows() }, "configSha256": config.digest,
        "files": exported,
    });
    let text = serde_json::to_vec_pretty(&metadata)?;
    draft.write(METADATA, &text)?;
    write_json(Some(&logs.join("training.json")), &training)?;
    write_log(&logs.join("steps.csv"), &training.training_history)?;
    write_charts(&logs, &training)?;
    let folder = draft.commit()?;
    println!(
        "{version}: {} learned from {} rows and {} features in {seconds:.1} s{}",
        options.algorithm,
        training.training_summary.train_samples,
        training.training_summary.features.len(),
        if tuned.is_some() { ", hyperparameters from the search" } else { "" }
    );
    if let Some(validation) = &training.validation {
        println!("on {} validation rows:", training.training_summary.validation_samples);
        show(validation);
    }
    println!("{}", shown(&folder));
    Ok(())
}

/// What the search found for this version: on this very table, for this algorithm.
fn tuned(path: &Path, options: &TrainOptions, data: &Sha256) -> anyhow::Result<Option<Map<String, Value>>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text_bounded(path, 1 << 20)?;
    let best: Best = serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?;
    if best.algorithm != options.algorithm || best.data != *data {
        eprintln!(
            "warning: {} was found for another {}; it is not used: `shelf org tune` again",
            path.display(),
            if best.algorithm == options.algorithm { "table" } else { "algorithm" }
        );
        return Ok(None);
    }
    Ok(Some(best.hyperparameters))
}

fn write_log(path: &Path, steps: &[tabular::learn::Step]) -> anyhow::Result<()> {
    let shown = |loss: Option<f64>| loss.map_or_else(String::new, |loss| loss.to_string());
    write_atomic(path, |writer| {
        writeln!(writer, "step,train_loss,validation_loss")?;
        steps.iter().try_for_each(|step| {
            writeln!(writer, "{},{},{}", step.step, shown(step.train_loss), shown(step.validation_loss))
        })
    })?;
    Ok(())
}
