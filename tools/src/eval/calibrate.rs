//! `shelf calibrate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use eval::report::{Calibration, calibration_html};
use eval::thresholds::{InForce, Thresholds, Trade};
use eval::{CalibrationGoal, QuerySet, calibrate};
use pipeline::config::{Overrides, PipelineConfig};
use serde_json::json;

use super::config_edit::with_thresholds;
use super::gallery::{CropArgs, look_up};
use super::outcome::{check_report_folder, check_writable_file, write, write_report};
use super::settings::{BasicArgs, as_written};
use crate::environment::Environment;

/// Choose similarity thresholds for a false-accept rate, for all SKUs and per SKU, and write them into the pipeline
/// configuration
#[derive(Args)]
#[command(
    after_help = "A false accept is an image that is not of a SKU, but whose best candidate is that SKU, at or above
the threshold. Images of unknown products show it directly; an image of an enrolled SKU shows it
with its own SKU struck from the list. Calibrate on other images than you evaluate on.

  shelf calibrate --enrol skus/gallery --query skus/val --unknown skus/others --far 0.01
  shelf calibrate --predictions look-ups.json --far 0.01 --write"
)]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    crops: CropArgs,
    /// False-accept rate: fraction of impostors that may be accepted
    #[arg(long, default_value_t = 0.01, value_name = "FRACTION")]
    far: f64,
    /// Minimum number of impostors for a SKU to get its own threshold
    #[arg(long, default_value_t = 100, value_name = "N")]
    min_impostors: usize,
    /// One threshold for all SKUs, no thresholds per SKU
    #[arg(long)]
    global_only: bool,
    /// Write the thresholds into the pipeline configuration (its comments stay)
    #[arg(long)]
    write: bool,
    /// Write a report into this folder: calibration.html (one file with everything inside), calibration.json
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    basic: BasicArgs,
}

/// What `--report` writes.
const REPORT_FILES: [&str; 2] = ["calibration.html", "calibration.json"];

pub(crate) fn run(args: &CalibrateArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = args.basic.config(environment)?;
    let path = environment.config_path(args.basic.pipeline_config.as_ref());
    ensure!(
        !args.write || config.is_some(),
        "--write needs a pipeline configuration, and {} is not there",
        path.display()
    );
    for file in args.basic.json.iter().chain(args.write.then_some(&path)) {
        check_writable_file(file)?;
    }
    let in_report = args.report.iter().flat_map(|folder| REPORT_FILES.map(|name| folder.join(name)));
    let own: Vec<PathBuf> = args.basic.json.iter().cloned().chain(in_report).collect();
    if let Some(folder) = &args.report {
        check_report_folder(folder)?;
    }
    let found = look_up(&args.crops, (&args.basic, &own), (config.as_ref(), environment))?;
    let goal = CalibrationGoal {
        false_accept_rate: args.far,
        min_impostors: if args.global_only { usize::MAX } else { args.min_impostors },
    };
    let before = config.as_ref().map(|c| in_force(c, &found.queries));
    let thresholds = calibrate(&found.queries, goal, before.as_ref())?;
    let chosen = Chosen::of(&thresholds, &found.queries);
    print(args, &thresholds, &chosen, &found.queries);
    for warning in &found.warnings {
        println!("\n  WARNING: {warning}");
    }
    if args.basic.json.is_some() || args.report.is_some() {
        let json = json!({
            "format": "shelf-calibration",
            "version": 1,
            "data": found.data_set.digest,
            "data_set": found.data_set,
            "predictions": found.predictions,
            "false_accept_rate": args.far,
            "threshold": chosen.global,
            "sku_thresholds": chosen.skus,
            "trades": thresholds,
            "skus": found.queries.skus(),
        });
        let json = format!("{}\n", serde_json::to_string_pretty(&json)?);
        if let Some(file) = &args.basic.json {
            write(file, &json)?;
        }
        if let Some(folder) = &args.report {
            let page = Calibration {
                data_set: &found.data_set,
                predictions: &found.predictions,
                queries: &found.queries,
                wanted: args.far,
                min_impostors: args.min_impostors,
                thresholds: &thresholds,
                warnings: &found.warnings,
            };
            write_report(folder, REPORT_FILES.into_iter().zip([calibration_html(&page), json]))?;
        }
    }
    if args.write {
        chosen.write_into(&path)?;
        println!("\nwritten into {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// What the configuration says now.
fn in_force(config: &PipelineConfig, queries: &QuerySet) -> InForce {
    let own = queries.skus().iter().zip(0..).filter_map(|(code, sku)| Some((sku, config.sku_thresholds.get(code)?)));
    InForce {
        threshold: as_written(config.rule.threshold),
        skus: own.map(|(sku, threshold)| (sku, as_written(*threshold))).collect(),
    }
}

/// Thresholds as the configuration takes them.
struct Chosen {
    global: f32,
    skus: BTreeMap<String, f32>,
}

impl Chosen {
    fn of(thresholds: &Thresholds, queries: &QuerySet) -> Self {
        let own = thresholds.skus.iter().filter(|s| s.own);
        Self {
            global: thresholds.global.threshold as f32,
            skus: own.map(|s| (queries.skus()[s.sku as usize].clone(), s.trade.threshold as f32)).collect(),
        }
    }

    fn write_into(&self, path: &PathBuf) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let edited = with_thresholds(&text, self.global, &self.skus)
            .with_context(|| format!("{} cannot be edited", path.display()))?;
        // What is written must be what is meant: read it back before it replaces anything.
        let parsed = PipelineConfig::parse(&edited, Path::new("edited configuration"), &Overrides::default())?;
        ensure!(
            parsed.rule.threshold == self.global && parsed.sku_thresholds == self.skus,
            "{} cannot be edited safely; set the thresholds by hand",
            path.display()
        );
        write(path, &edited)
    }
}

fn print(args: &CalibrateArgs, thresholds: &Thresholds, chosen: &Chosen, queries: &QuerySet) {
    println!("wanted false-accept rate {}", args.far);
    println!(
        "\n  {:<26} {:>9} {:>14} {:>11} {:>14} {:>9}",
        "", "threshold", "false accepts", "identified", "misidentified", "rejected"
    );
    let row = |name: &str, trade: &Trade| {
        println!(
            "  {name:<26} {:>9.4} {:>14.4} {:>11.4} {:>14.4} {:>9.4}",
            trade.threshold, trade.false_accept_rate, trade.identified, trade.misidentified, trade.rejected
        );
    };
    if let Some(before) = &thresholds.before {
        row("now in force", before);
    }
    row("one for all", &thresholds.global);
    if !chosen.skus.is_empty() {
        row("one per SKU, together", &thresholds.together);
        println!("\n  SKUs with a threshold of their own ({} impostors or more):", args.min_impostors);
        for sku in thresholds.skus.iter().filter(|s| s.own) {
            row(&queries.skus()[sku.sku as usize], &sku.trade);
        }
    }
    let without = thresholds.skus.iter().filter(|s| !s.own).count();
    if without > 0 && !args.global_only {
        println!("\n  {without} SKUs saw fewer impostors than {} and use the one for all.", args.min_impostors);
    }
}
