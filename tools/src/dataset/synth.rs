//! `shelf dataset synth`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use dataset::Verdict;
use synth::{SynthConfig, SynthReport, WriteOptions, write_dataset};
use vision::config::Keys;

use super::{bar::Bar, plural, write_json};

/// Render photos of synthetic shelves, with exact boxes, SKUs, counts and planograms
#[derive(Args)]
#[command(after_help = "The set depends only on configuration and seed. It serves tests and training;
metrics on it say nothing about real shelves.

  shelf dataset synth --photos 1000 --output shelves
  shelf dataset synth --config synth.yaml --paste data --output shelves")]
pub(crate) struct SynthArgs {
    /// New folder: images, labels, skus.csv, instances.csv, counts.json, planogram.json
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// YAML file with any of the keys of synth.json's `config` [default: built-in values]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Number of photos (overrides the configuration)
    #[arg(long, value_name = "N")]
    photos: Option<u32>,
    /// Seed of the set (overrides the configuration)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Maximum number of crops per SKU (overrides the configuration)
    #[arg(long, value_name = "N")]
    crops_per_sku: Option<u32>,
    /// Paste instances cut out of the real labelled images in this YOLO folder (may be repeated)
    #[arg(long, value_name = "DIR")]
    paste: Vec<PathBuf>,
    /// Replace a folder that an earlier run has made
    #[arg(long)]
    force: bool,
    /// Refuse at the first label that is not understood, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// Write counts as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &SynthArgs) -> anyhow::Result<Verdict> {
    let mut config = match &args.config {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let config = serde_saphyr::from_str::<SynthConfig>(&text)
                .with_context(|| format!("{} is not a configuration of `shelf dataset synth`", path.display()))?;
            for key in serde_saphyr::from_str::<Keys>(&text).unwrap_or_default().old(SynthConfig::RENAMED) {
                tracing::warn!("{}: {key}", path.display());
            }
            config
        }
        None => SynthConfig::default(),
    };
    config.photos = args.photos.unwrap_or(config.photos);
    config.seed = args.seed.unwrap_or(config.seed);
    config.crops_per_sku = args.crops_per_sku.unwrap_or(config.crops_per_sku);
    let options = WriteOptions { paste: args.paste.clone(), force: args.force, strict: args.strict };
    let report = write_dataset(&config, &options, &args.output, &Bar::default())?;
    let SynthReport { photos, labelled, hidden, skus, pasted, refused, left_out, classes, crops } = &report;
    println!(
        "{} with {labelled} labelled facings ({hidden} too hidden for a label) of {skus} SKUs, {pasted} of them pasted, in {}",
        plural(usize::try_from(*photos)?, "photo", "photos"),
        args.output.display()
    );
    if !refused.is_empty() {
        let reasons: Vec<String> = refused.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        println!("boxes that gave no cut-out: {}", reasons.join(", "));
    }
    if let Some(left_out) = left_out {
        println!("{left_out}");
    }
    for (class, count) in classes {
        println!("{count:>9}  {class}");
    }
    if *crops > 0 {
        println!("{crops:>9}  crops");
    }
    if let Some(path) = &args.json {
        write_json(path, &serde_json::to_value(&report)?)?;
    }
    Ok(Verdict::Passed)
}
