//! `shelf eval classifier`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use eval::evaluate::evaluate_identification;
use eval::formats::identifications::query_set;
use eval::report::Kind;
use eval::report::document::Parts;
use eval::robustness::{Distortion, RobustnessLine, drops};
use eval::{QuerySet, Report, top_k};

use super::gallery::{CropArgs, Live, look_up};
use super::outcome::Outputs;
use super::settings::CommonArgs;
use crate::environment::Environment;

/// Evaluate SKU identification: top-1, per SKU, look-alikes, unknown products
#[derive(Args)]
#[command(after_help = "Exit code: 0 gate passed, 1 gate failed, 2 could not evaluate.

  shelf eval classifier --enrol skus/gallery --query skus/test --report report/
  shelf eval classifier --enrol skus/all --query skus/test --exemplars 3 --unknown skus/others
  shelf eval classifier --predictions look-ups.json
Formats and definitions: docs/metrics.md.")]
pub(crate) struct ClassifierArgs {
    #[command(flatten)]
    crops: CropArgs,
    /// Measure again under blur, JPEG 30, dark, glare, noise, occlusion and downscale
    #[arg(long, requires = "enrol")]
    robustness: bool,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: &ClassifierArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let config = args.common.basic.config(environment)?;
    let outputs = Outputs::prepare(&args.common)?;
    let own = args.common.own_files();
    let found = look_up(&args.crops, (&args.common.basic, &own), (config.as_ref(), environment))?;
    let names: Vec<&str> = found.queries.images().iter().map(String::as_str).collect();
    let folder = args.crops.query.as_deref().or_else(|| args.crops.predictions.as_deref()?.parent());
    let slices = args.common.slices(folder, &names)?;
    let robustness = match &found.live {
        Some(live) if args.robustness => robustness(args, live, &found.queries)?,
        _ => Vec::new(),
    };
    let report = Report::new(Parts {
        kind: Kind::Classifier,
        data_set: found.data_set,
        predictions: found.predictions,
        bootstrap: args.common.bootstrap(),
        targets: args.common.targets(environment)?,
        required: args.common.required(),
        detection: None,
        identification: Some(evaluate_identification(&found.queries, args.common.bootstrap(), &slices)),
        counts: None,
        robustness,
        worst: Vec::new(),
        confusions: Vec::new(),
        warnings: found.warnings,
    });
    outputs.finish(&report, &mut |_| None)
}

fn robustness(args: &ClassifierArgs, live: &Live, clean: &QuerySet) -> anyhow::Result<Vec<RobustnessLine>> {
    let over = (clean.images().len(), args.common.bootstrap());
    let metrics = |set: &QuerySet, weights: Option<&[u32]>| {
        let t = top_k(set, weights);
        [t.top1, t.top5]
    };
    Distortion::ALL
        .into_iter()
        .map(|distortion| {
            let damaged =
                query_set(&live.search(Some(distortion), args.common.basic.seed)?, Path::new("damaged crops"))?;
            Ok(drops(distortion, ["top1", "top5"], over, |w| metrics(clean, w), |w| metrics(&damaged, w)))
        })
        .collect()
}
