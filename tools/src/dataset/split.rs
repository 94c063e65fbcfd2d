//! `shelf dataset split`.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::Args;
use dataset::split::{ExtendOptions, FreezeOptions, Grouping, Ratios, extend, freeze};
use dataset::{DataFolder, FrozenSplit, Verdict};
use serde_json::json;

use super::{Layout, bar::Bar, plural, scan, write_json};

/// Freeze a reproducible split into train, val and test; verify or extend a frozen one
#[derive(Args)]
#[command(after_help = "An image's part follows from the seed and its group alone, so adding files never moves others.
With --stratify the first split is balanced over classes or SKUs, and later additions are balanced with it.
What is frozen never moves. Images with the same bytes always lie in one part.

  shelf dataset split data --stratify --output data.split.json
  shelf dataset split data --verify data.split.json
  shelf dataset split data --extend data.split.json --output data.split.json

Exit code: 0 done or in agreement, 1 the frozen split and the folder disagree, 2 not possible.")]
pub(crate) struct SplitArgs {
    /// Folder of the data set
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Where to write the split
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    output: Option<PathBuf>,
    /// Balance every class or SKU over the parts
    #[arg(long, conflicts_with_all = ["verify", "extend"])]
    stratify: bool,
    /// Which images stay in one part: file, folder, before:TEXT (names agree up to TEXT), or a .csv with the columns
    /// file,group
    #[arg(long, value_name = "RULE", conflicts_with = "verify")]
    group_by: Option<String>,
    /// Ratios of train, val and test
    #[arg(long, default_value = ".70/.15/.15", conflicts_with_all = ["verify", "extend"])]
    ratios: Ratios,
    /// Seed of the split
    #[arg(long, default_value_t = 42, conflicts_with_all = ["verify", "extend"])]
    seed: u64,
    /// Check whether a frozen split and the folder agree
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "extend"])]
    verify: Option<PathBuf>,
    /// With --verify: labels may have changed
    #[arg(long, requires = "verify")]
    allow_label_changes: bool,
    /// Add new images to a frozen split; old ones stay where they are
    #[arg(long, value_name = "FILE")]
    extend: Option<PathBuf>,
    /// With --extend: frozen images may be gone (dropped) or changed (kept in their part)
    #[arg(long, requires = "extend")]
    accept_changes: bool,
    /// How the folder is labelled
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// Refuse at the first label that is not understood, instead of leaving it out
    #[arg(long, conflicts_with = "verify")]
    strict: bool,
    /// Write the outcome as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &SplitArgs) -> anyhow::Result<Verdict> {
    let data = scan(&args.root, args.layout)?;
    if let Some(frozen) = &args.verify {
        return verify(args, frozen, &data);
    }
    let Some(output) = &args.output else { bail!("--output is missing: where shall the split be written?") };
    let grouping = args.group_by.as_deref().map(str::parse::<Grouping>).transpose()?;
    let split = match &args.extend {
        Some(frozen) => {
            let options = ExtendOptions { grouping, accept_changes: args.accept_changes, strict: args.strict };
            extend(&FrozenSplit::read(frozen)?, &data, &options, &Bar::default())?
        }
        None => {
            // A frozen split that is frozen anew is no longer frozen.
            ensure!(
                !output.exists(),
                "{} exists: extend it with --extend {0}, or remove it to split anew",
                output.display()
            );
            let (seed, ratios, stratify, strict) = (args.seed, args.ratios, args.stratify, args.strict);
            let grouping = grouping.unwrap_or(FreezeOptions::default().grouping);
            freeze(&data, &FreezeOptions { seed, ratios, stratify, grouping, strict }, &Bar::default())?
        }
    };
    split.write(output)?;
    if !split.left_out().is_empty() {
        println!("{}", split.left_out());
    }
    let counts = split.counts();
    let total = split.all_files().len();
    for (part, count) in &counts {
        let fraction = *count as f64 / total as f64;
        println!(
            "{part:<6} {count:>7} images  {:>5.1} % (wanted {:.1} %)",
            fraction * 100.0,
            split.ratios().of(*part) * 100.0
        );
    }
    println!("data {}  {}", split.data(), output.display());
    if let Some(path) = &args.json {
        write_json(
            path,
            &json!({ "data": split.data(), "counts": counts, "seed": split.seed(), "left_out": split.left_out().count() }),
        )?;
    }
    Ok(Verdict::Passed)
}

fn verify(args: &SplitArgs, frozen: &Path, data: &DataFolder) -> anyhow::Result<Verdict> {
    let split = FrozenSplit::read(frozen)?;
    let found = split.verify(data, &Bar::default())?;
    for disagreement in &found {
        println!("{disagreement}");
    }
    let serious = found.iter().filter(|d| !(args.allow_label_changes && d.is_about_a_label())).count();
    if found.is_empty() {
        println!("in agreement: {}, data {}", plural(split.all_files().len(), "image", "images"), split.data());
    } else {
        println!("{}, {serious} of them not allowed", plural(found.len(), "disagreement", "disagreements"));
    }
    if let Some(path) = &args.json {
        write_json(path, &json!({ "agrees": serious == 0, "data": split.data(), "disagreements": found }))?;
    }
    Ok(Verdict::passed_if(serious == 0))
}
