//! `shelf dataset crop`.

use std::path::PathBuf;

use clap::Args;
use dataset::Verdict;
use dataset::convert::{self, FACINGS_FOLDER, Format, ReadOptions};
use dataset::crops::{CropEncoding, CropOptions, CropReport, cut};
use serde_json::json;
use vision::crop::CropRule;

use super::{bar::Bar, write_json};
use crate::chosen::ChosenArgs;
use crate::classes::class_names;

/// Cut SKU crops out of labelled photos by the pipeline's own crop rule
#[derive(Args)]
#[command(after_help = "  shelf dataset crop shelf/facings.csv --output crops
  shelf dataset crop coolers --split coolers.json --part train --part val --only-named --output crops
  shelf dataset crop instances.json --images photos --sku-attribute sku --output crops")]
pub(crate) struct CropArgs {
    /// Labels in any format `convert` reads
    #[arg(value_name = "PATH")]
    input: PathBuf,
    /// Format of PATH [default: by its content; a folder `facings` of tables named like the images wins over their
    /// labels]
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    #[command(flatten)]
    chosen: ChosenArgs,
    /// Folder of the images [default: PATH, or the folder it lies in]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// New folder: one folder per SKU
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Attribute that names the SKU; objects without it go by their class
    #[arg(long, value_name = "NAME", default_value = "sku")]
    sku_attribute: String,
    /// Leave out objects whose SKU nothing names
    #[arg(long)]
    only_named: bool,
    /// Names for YOLO's class numbers: a list separated by commas, or a file
    #[arg(long, value_name = "NAMES")]
    classes: Option<String>,
    /// Margin added on every side, as a fraction of that side; must match the embedder's model card
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0)]
    margin: f32,
    /// Leave out boxes with a side below this many pixels
    #[arg(long, value_name = "PIXELS", default_value_t = CropOptions::default().min_side)]
    min_side: f64,
    /// Leave out truncated facings
    #[arg(long)]
    skip_truncated: bool,
    /// Save as JPEG of this quality (1 to 100) instead of PNG
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: Option<u8>,
    /// Refuse the set at the first label that would be left out [default: leave it out, count it, say where the first
    /// is]
    #[arg(long)]
    strict: bool,
    /// Write counts as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &CropArgs) -> anyhow::Result<Verdict> {
    anyhow::ensure!((0.0..=1.0).contains(&args.margin), "--margin {} is not within 0 to 1", args.margin);
    let from = match args.from {
        Some(format) => format,
        None if args.input.join(FACINGS_FOLDER).is_dir() => Format::Facings,
        None => convert::detect(&args.input)?,
    };
    let classes = if from == Format::Yolo { class_names(args.classes.as_deref(), &args.input)? } else { None };
    let mut loaded =
        convert::read(&args.input, from, &ReadOptions { classes, strict: args.strict, ..ReadOptions::default() })?;
    if !loaded.left_out.is_empty() {
        eprintln!("{}", loaded.left_out);
    }
    anyhow::ensure!(loaded.annotations.boxes() > 0, "{} holds not one labelled box", args.input.display());
    if let Some(chosen) = args.chosen.read()? {
        loaded.annotations.images.retain(|image| chosen.takes(&image.file));
        if loaded.annotations.images.is_empty() {
            anyhow::bail!("{} holds no labelled image that was asked for", args.input.display());
        }
    }
    let images = match (&args.images, args.input.is_dir()) {
        (Some(folder), _) => folder.clone(),
        (None, true) => args.input.clone(),
        (None, false) => args.input.parent().map_or_else(PathBuf::new, PathBuf::from),
    };
    let options = CropOptions {
        rule: CropRule { margin: args.margin },
        sku_attribute: Some(args.sku_attribute.clone()),
        only_named: args.only_named,
        min_side: args.min_side,
        skip_truncated: args.skip_truncated,
        encoding: args.jpeg.map_or(CropEncoding::Png, CropEncoding::Jpeg),
    };
    let CropReport { skus, too_small, truncated, outside, crowds, unnamed } =
        cut(&loaded.annotations, &images, &args.output, &options, &Bar::default())?;
    for (sku, count) in &skus {
        println!("{count:>7}  {sku}");
    }
    let total: usize = skus.values().sum();
    println!("{total} crops of {} SKUs in {}", skus.len(), args.output.display());
    let left_out = too_small + truncated + outside + crowds + unnamed;
    if left_out > 0 {
        println!(
            "left out: {too_small} too small, {truncated} truncated, {outside} outside their image, {crowds} crowds, \
             {unnamed} unnamed"
        );
    }
    if let Some(path) = &args.json {
        write_json(path, &json!({ "skus": skus, "crops": total, "left_out": left_out }))?;
    }
    Ok(Verdict::Passed)
}
