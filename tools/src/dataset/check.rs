//! `shelf dataset check`.

use std::path::PathBuf;

use clap::Args;
use dataset::check::{self, CheckOptions, FixReport, MIN_IMAGES_PER_SKU, NearRule, fix_labels};
use dataset::{FrozenSplit, Verdict};

use super::{Layout, bar::Bar, scan};
use crate::classes::class_names;

/// Find what is wrong with a data set: images, labels, duplicates across parts, balance
#[derive(Args)]
#[command(after_help = "Exit code: 0 no errors (with --strict: no warnings either), 1 errors found, 2 not possible.

  shelf dataset check data --classes bottle,can,glass,unknown_container
  shelf dataset check data --split data.split.json --json check.json
  shelf dataset check data --groups groups.csv && shelf dataset split data --group-by groups.csv --output data.split.json
  shelf dataset check data --fix --output data-fixed")]
pub(crate) struct CheckArgs {
    /// Folder of the data set: YOLO (images/ and labels/, or labels beside the images) or one folder per SKU
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Class names: a list separated by commas, or a file [default: data.yaml or classes.txt in the data set]
    #[arg(long, value_name = "NAMES")]
    classes: Option<String>,
    /// Frozen split that says which part an image is in [default: folders called train, val, test]
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Report SKU folders with fewer images
    #[arg(long, value_name = "N", default_value_t = MIN_IMAGES_PER_SKU)]
    min_images_per_sku: usize,
    /// Maximum number of bits, of 64, in which the perceptual hashes of near-duplicates differ (0 to 11)
    #[arg(long, value_name = "BITS", default_value_t = NearRule::default().distance)]
    near_distance: u32,
    /// Minimum brightness correlation of near-duplicates
    #[arg(long, value_name = "R", default_value_t = NearRule::default().correlation)]
    near_correlation: f32,
    /// Do not search for near-duplicates that were rotated (up to 14 degrees) or cropped (up to 10 % a side)
    #[arg(long)]
    near_unchanged: bool,
    /// Report exact duplicates only
    #[arg(long)]
    no_near: bool,
    /// Write groups of near-duplicates as a table for `split --group-by`
    #[arg(long, value_name = "FILE.csv", conflicts_with = "no_near")]
    groups: Option<PathBuf>,
    /// Warnings count as errors
    #[arg(long)]
    strict: bool,
    /// Write corrected label files to --output: boxes clipped, repeated lines and boxes without area dropped
    #[arg(long, requires = "output")]
    fix: bool,
    /// Where --fix writes: a new folder, or the data set itself to change it in place
    #[arg(long, value_name = "DIR", requires = "fix")]
    output: Option<PathBuf>,
    /// How the folder is labelled
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// Write all findings as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<Verdict> {
    let data = scan(&args.root, args.layout)?;
    let near =
        NearRule { distance: args.near_distance, correlation: args.near_correlation, changed: !args.near_unchanged };
    let options = CheckOptions {
        classes: class_names(args.classes.as_deref(), &args.root)?,
        split: args.split.as_deref().map(FrozenSplit::read).transpose()?,
        min_images_per_sku: args.min_images_per_sku,
        near: (!args.no_near).then_some(near),
    };
    let report = check::check(&data, &options, &Bar::default())?;
    println!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    if let Some(path) = &args.groups {
        report.write_groups(&data, path)?;
    }
    if let Some(output) = args.output.as_ref().filter(|_| args.fix) {
        let FixReport { files, changed, clipped, repeated, without_area } = fix_labels(&data, output)?;
        println!(
            "{}: {files} label files written, {changed} changed: {clipped} boxes clipped, {repeated} repeated lines and \
             {without_area} boxes without area dropped",
            output.display()
        );
    }
    Ok(report.verdict(args.strict))
}
