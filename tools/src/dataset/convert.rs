//! `shelf dataset convert`.

use std::path::PathBuf;

use clap::Args;
use dataset::Verdict;
use dataset::convert::{self, Format, ReadOptions, VocConvention, WriteOptions};
use serde_json::json;

use super::write_json;
use crate::classes::class_names;

/// Convert labels between YOLO, COCO and Pascal VOC; read CVAT, Label Studio and facings.csv
#[derive(Args)]
#[command(after_help = "  shelf dataset convert instances.json --to yolo --output data --copy-pictures photos
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
    /// Hold picture sizes against the pictures in this folder
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// As --pictures, and copy them into the new folder
    #[arg(long, value_name = "DIR", conflicts_with = "pictures")]
    copy_pictures: Option<PathBuf>,
    /// YOLO: keep ids, crowd flags and attributes in comments, which this program reads and others may not
    #[arg(long)]
    keep_ids: bool,
    /// Pascal VOC counts pixels from 1, both edges inside, as the challenge did [default: edges from 0]
    #[arg(long)]
    voc_from_one: bool,
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
    let loaded = convert::read(&args.input, from, &ReadOptions { classes, voc })?;
    let annotations = &loaded.annotations;
    if annotations.images.is_empty() {
        let why: Vec<String> =
            loaded.left_out.iter().map(|(what, count)| format!("; left out: {count} {what}")).collect();
        anyhow::bail!("{} holds no labelled picture{}", args.input.display(), why.concat());
    }
    if let Some(folder) = args.pictures.as_ref().or(args.copy_pictures.as_ref()) {
        convert::check_pictures(annotations, folder)?;
    }
    let options = WriteOptions { keep_ids: args.keep_ids, voc, copy_pictures: args.copy_pictures.clone() };
    convert::write(annotations, &args.output, args.to, &options)?;
    for (what, count) in &loaded.left_out {
        eprintln!("left out: {count} {what}");
    }
    let (images, boxes) = (annotations.images.len(), annotations.boxes());
    println!(
        "{from} -> {}: {images} pictures, {boxes} boxes, {} classes in {}",
        args.to,
        annotations.categories.len(),
        args.output.display()
    );
    if let Some(path) = &args.json {
        let counts = json!({ "images": images, "boxes": boxes, "categories": annotations.categories, "left_out": loaded.left_out });
        write_json(path, &counts)?;
    }
    Ok(Verdict::Clean)
}
