//! `shelf dataset convert`.

use std::path::PathBuf;

use clap::Args;
use dataset::Verdict;
use dataset::convert::{self, Format, ReadOptions, VocConvention, WriteOptions};
use serde_json::json;

use super::{plural, write_json};
use crate::classes::class_names;

/// Convert labels between YOLO, COCO and Pascal VOC; read CVAT, Label Studio and facings.csv
#[derive(Args)]
#[command(after_help = "  shelf dataset convert instances.json --to yolo --output data --copy-images photos
  shelf dataset convert data --to coco --output data.json --classes bottle,can,glass,unknown_container")]
pub(crate) struct ConvertArgs {
    /// YOLO or Pascal VOC folder, COCO or Label Studio JSON, CVAT XML, facings.csv
    #[arg(value_name = "PATH")]
    input: PathBuf,
    /// Format of PATH: yolo, coco, voc, cvat, label-studio, facings [default: by its content]
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// Format to write: yolo, coco or voc
    #[arg(long, value_name = "FORMAT")]
    to: Format,
    /// New folder (YOLO, Pascal VOC) or file (COCO)
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// Names for YOLO's class numbers: a list separated by commas, or a file [default: data.yaml or classes.txt]
    #[arg(long, value_name = "NAMES")]
    classes: Option<String>,
    /// Check image sizes against the images in this folder
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Like --images, and copy the images into the new folder
    #[arg(long, value_name = "DIR", conflicts_with = "images")]
    copy_images: Option<PathBuf>,
    /// YOLO: keep ids, crowd flags and attributes in comments, which this program reads and others may not
    #[arg(long)]
    keep_ids: bool,
    /// Pascal VOC counts pixels from 1, both edges inside, as the challenge did [default: edges from 0]
    #[arg(long)]
    voc_from_one: bool,
    /// Refuse the set at the first thing that would be left out [default: leave it out, count it, say where the first
    /// is]
    #[arg(long)]
    strict: bool,
    /// Write counts as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &ConvertArgs) -> anyhow::Result<Verdict> {
    let from = match args.from {
        Some(format) => format,
        None => convert::detect(&args.input)?,
    };
    let voc = if args.voc_from_one { VocConvention::PixelsFromOne } else { VocConvention::Edges };
    // Only YOLO needs names: another format's folder is not searched for them.
    let classes = if from == Format::Yolo { class_names(args.classes.as_deref(), &args.input)? } else { None };
    let loaded = convert::read(&args.input, from, &ReadOptions { classes, voc, strict: args.strict })?;
    let annotations = &loaded.annotations;
    if !loaded.left_out.is_empty() {
        eprintln!("{}", loaded.left_out);
    }
    if loaded.hidden > 0 {
        eprintln!("passed over: {}", plural(loaded.hidden, "hidden file", "hidden files"));
    }
    let boxes = annotations.boxes();
    anyhow::ensure!(boxes > 0, "{} holds not one labelled box: nothing is written", args.input.display());
    let written = annotations.images.iter().flat_map(|image| &image.objects).filter(|object| !object.crowd).count();
    anyhow::ensure!(
        written > 0 || args.keep_ids || args.to != Format::Yolo,
        "{} holds nothing but {}: nothing is written",
        args.input.display(),
        convert::CROWDS
    );
    if let Some(folder) = args.images.as_ref().or(args.copy_images.as_ref()) {
        convert::check_images(annotations, folder)?;
    }
    let options = WriteOptions { keep_ids: args.keep_ids, voc, copy_images: args.copy_images.clone() };
    let unsaid = convert::write(annotations, &args.output, args.to, &options)?;
    if !unsaid.is_empty() {
        eprintln!("{unsaid}");
    }
    let (images, boxes) = (annotations.images.len(), boxes - unsaid.get(convert::CROWDS));
    println!(
        "{from} -> {}: {images} images, {boxes} boxes, {} classes in {}",
        args.to,
        annotations.categories.len(),
        args.output.display()
    );
    if let Some(path) = &args.json {
        let counts = json!({ "images": images, "boxes": boxes, "categories": annotations.categories, "left_out": loaded.left_out, "not_written": unsaid, "hidden": loaded.hidden });
        write_json(path, &counts)?;
    }
    Ok(Verdict::Passed)
}
