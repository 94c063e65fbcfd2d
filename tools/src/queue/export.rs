//! `shelf queue export`: labels as a training set, with where each came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use dataset::split::assign::by_hash;
use dataset::split::{Part, Ratios};
use serde_json::json;
use store::model::{Item, ItemStatus, LabelKind};
use store::{ItemFilter, ItemSort, Store};
use vision::{BBox, Sha256};

use super::{QueueArgs, with_store};
use crate::environment::Environment;

/// Shape of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// PART/SKU/ITEM.jpg: crops, for the embedder
    Imagefolder,
    /// images/ and labels/ with data.yaml: photos, for the detector
    Yolo,
    /// images/ and annotations_PART.json: photos, for the detector
    Coco,
    /// ITEM.jpg of what waits, and tasks.json: to be labelled in CVAT or Label Studio and taken back by import
    Tasks,
}

/// Export labels as a training set
///
/// A photo and all its crops lie in one part, which follows from its content alone: a later export never moves it.
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// New folder to write
    #[arg(value_name = "DIR")]
    out: PathBuf,
    /// Shape of the data set
    #[arg(long, value_enum, default_value = "imagefolder")]
    format: Format,
    /// Ratios of train, val and test
    #[arg(long, default_value = ".70/.15/.15")]
    ratios: Ratios,
    /// Seed of the division into parts; use the same for all exports of one set
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    place: QueueArgs,
}

/// A labelled facing.
struct Sample {
    item: Item,
    kind: LabelKind,
    /// Folder of its SKU.
    sku: Option<String>,
    bbox: BBox,
    part: Part,
    reviewer: String,
    at: i64,
    label: i64,
}

pub(super) fn run(args: &ExportArgs, environment: &Environment) -> anyhow::Result<()> {
    if args.out.exists() && fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; an export is written to a new folder", args.out.display());
    }
    // Beside its place, then renamed: an export that broke off is no data set.
    let name = args.out.file_name().context("the folder to write needs a name")?;
    let beside = args.out.with_file_name(format!("{}.partial", name.to_string_lossy()));
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir_all(&beside).with_context(|| format!("cannot write {}", beside.display()))?;
    let written = with_store(&args.place, environment, async |store| {
        if args.format == Format::Tasks {
            return tasks(&store, &beside).await;
        }
        let samples = samples(&store, args).await?;
        match args.format {
            Format::Imagefolder => image_folder(&store, &samples, &beside).await?,
            Format::Yolo | Format::Coco | Format::Tasks => photos(&store, &samples, &beside, args.format).await?,
        }
        provenance(&samples, &beside, args)?;
        Ok(samples.len())
    })?;
    let _ = fs::remove_dir(&args.out);
    fs::rename(&beside, &args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    let what = if args.format == Format::Tasks { "items that wait" } else { "labels" };
    println!("{written} {what} written to {}", args.out.display());
    Ok(())
}

/// All answers that hold, oldest item first; what people could not tell is left out.
async fn samples(store: &Store, args: &ExportArgs) -> anyhow::Result<Vec<Sample>> {
    let filter = ItemFilter { status: Some(ItemStatus::Labelled), ..ItemFilter::default() };
    let (mut samples, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(&filter, ItemSort::Oldest, cursor.as_deref(), 200).await?;
        let skus: Vec<_> = page.items.iter().filter_map(|item| item.verdict.as_ref()?.sku).collect();
        let skus = store.skus(&skus).await?;
        for item in page.items {
            let Some(verdict) = item.verdict.clone() else { continue };
            if verdict.kind == LabelKind::CannotTell {
                continue;
            }
            let labels = store.history(&item.id).await?;
            let corrected = labels.iter().find(|label| label.seq == verdict.label).and_then(|label| label.bbox);
            let sku = verdict.sku.and_then(|id| skus.iter().find(|sku| sku.id == id)).map(|sku| sku.code.clone());
            samples.push(Sample {
                kind: verdict.kind,
                sku,
                bbox: corrected.unwrap_or(item.bbox),
                part: by_hash(&item.photo, args.seed, &args.ratios),
                reviewer: verdict.by,
                at: verdict.at,
                label: verdict.label,
                item,
            });
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(samples),
        }
    }
}

/// What waits, most urgent first, for people who label elsewhere.
async fn tasks(store: &Store, out: &Path) -> anyhow::Result<usize> {
    let (mut tasks, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(&ItemFilter::default(), ItemSort::Priority, cursor.as_deref(), 200).await?;
        for item in page.items {
            let name = format!("{}.jpg", item.id);
            fs::write(out.join(&name), store.objects().get(item.crop.parse()?).await?)?;
            // Label Studio serves files below its root under this address.
            let image = format!("/data/local-files/?d={name}");
            tasks.push(json!({"data": {"image": image, "item": item.id, "class": item.class}}));
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    fs::write(out.join("tasks.json"), serde_json::to_vec_pretty(&tasks)?)?;
    Ok(tasks.len())
}

async fn image_folder(store: &Store, samples: &[Sample], out: &Path) -> anyhow::Result<()> {
    for sample in samples {
        let folder = match (&sample.sku, sample.kind) {
            // The stored crop is that of the wrong box; the photo and the box are in provenance.csv.
            (_, LabelKind::WrongBox) => continue,
            (Some(code), _) => code.as_str(),
            (None, _) => "_not_a_container",
        };
        let folder = out.join(sample.part.as_str()).join(folder);
        fs::create_dir_all(&folder)?;
        let bytes = store.objects().get(sample.item.crop.parse()?).await?;
        fs::write(folder.join(format!("{}.jpg", sample.item.id)), bytes)?;
    }
    Ok(())
}

async fn photos(store: &Store, samples: &[Sample], out: &Path, format: Format) -> anyhow::Result<()> {
    let mut by_photo: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_photo.entry(&sample.item.photo).or_default().push(sample);
    }
    let classes: BTreeSet<&str> = samples.iter().map(|sample| sample.item.class.as_str()).collect();
    let classes: Vec<&str> = classes.into_iter().collect();
    let class_of = |sample: &Sample| classes.iter().position(|class| *class == sample.item.class).unwrap_or_default();
    let mut coco: BTreeMap<Part, (Vec<serde_json::Value>, Vec<serde_json::Value>)> = BTreeMap::new();
    for (photo, samples) in &by_photo {
        let (part, size) = (samples[0].part, samples[0].item.photo_size);
        let bytes = store.objects().get(photo.parse()?).await?;
        let extension = match bytes.first() {
            Some(0x89) => "png",
            Some(b'R') => "webp",
            _ => "jpg",
        };
        let name = format!("{photo}.{extension}");
        let folder = out.join("images").join(part.as_str());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(&name), bytes)?;
        let real = samples.iter().filter(|sample| sample.kind != LabelKind::NotAContainer);
        if format == Format::Yolo {
            let mut text = String::new();
            for sample in real {
                let (b, (w, h)) = (sample.bbox, (size.0 as f32, size.1 as f32));
                let (x, y) = ((b.x1 + b.x2) / 2.0 / w, (b.y1 + b.y2) / 2.0 / h);
                writeln!(text, "{} {x:.6} {y:.6} {:.6} {:.6}", class_of(sample), (b.x2 - b.x1) / w, (b.y2 - b.y1) / h)?;
            }
            let labels = out.join("labels").join(part.as_str());
            fs::create_dir_all(&labels)?;
            fs::write(labels.join(format!("{photo}.txt")), text)?;
        } else {
            let (images, annotations) = coco.entry(part).or_default();
            let image = images.len() + 1;
            images.push(json!({"id": image, "file_name": name, "width": size.0, "height": size.1}));
            for sample in real {
                let b = sample.bbox;
                let (w, h) = (b.x2 - b.x1, b.y2 - b.y1);
                annotations.push(json!({
                    "id": annotations.len() + 1, "image_id": image, "category_id": class_of(sample) + 1,
                    "bbox": [b.x1, b.y1, w, h], "area": w * h, "iscrowd": 0, "sku": sample.sku, "label": sample.label,
                }));
            }
        }
    }
    if format == Format::Yolo {
        let mut text = "# Boxes that people looked at; other containers on these photos have none.\n".to_owned();
        // Without `path` the folder of this file counts, wherever a trainer is started. Trainers want a folder for both train
        // and val, and none that is not there.
        let there = |part: Part| by_photo.values().any(|samples| samples[0].part == part);
        let any = Part::ALL.into_iter().find(|part| there(*part)).unwrap_or(Part::Train);
        for part in Part::ALL {
            let wanted = matches!(part, Part::Train | Part::Val);
            match (there(part), wanted) {
                (true, _) => writeln!(text, "{part}: images/{part}")?,
                (false, true) => writeln!(text, "{part}: images/{any} # no photo fell into {part}")?,
                (false, false) => {}
            }
        }
        writeln!(text, "names: {}", serde_json::to_string(&classes)?)?;
        fs::write(out.join("data.yaml"), text)?;
    }
    let categories: Vec<_> = (1..).zip(&classes).map(|(id, name)| json!({"id": id, "name": name})).collect();
    for (part, (images, annotations)) in coco {
        let document = json!({"images": images, "annotations": annotations, "categories": categories});
        fs::write(out.join(format!("annotations_{part}.json")), serde_json::to_vec(&document)?)?;
    }
    Ok(())
}

/// A cell that spreadsheets show and do not run: what begins like a formula gets an apostrophe before it.
fn as_text(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell.to_owned() }
}

/// Which label stands behind each sample, and one digest over all of them: the version of the set.
fn provenance(samples: &[Sample], out: &Path, args: &ExportArgs) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "item",
        "part",
        "kind",
        "sku",
        "class",
        "x1",
        "y1",
        "x2",
        "y2",
        "photo",
        "label",
        "reviewer",
        "at_ms",
        "recognition",
    ])?;
    for sample in samples {
        let b = sample.bbox;
        writer.write_record([
            sample.item.id.clone(),
            sample.part.to_string(),
            sample.kind.to_string(),
            as_text(sample.sku.as_deref().unwrap_or_default()),
            as_text(&sample.item.class),
            b.x1.to_string(),
            b.y1.to_string(),
            b.x2.to_string(),
            b.y2.to_string(),
            sample.item.photo.clone(),
            sample.label.to_string(),
            as_text(&sample.reviewer),
            sample.at.to_string(),
            sample.item.recognition.clone(),
        ])?;
    }
    let text = writer.into_inner().context("the provenance cannot be written")?;
    let count = |part| samples.iter().filter(|sample| sample.part == part).count();
    let about = json!({
        "version": Sha256::of(&text).to_string(), "labels": samples.len(), "seed": args.seed,
        "train": count(Part::Train), "val": count(Part::Val), "test": count(Part::Test),
    });
    fs::write(out.join("provenance.csv"), text)?;
    fs::write(out.join("export.json"), serde_json::to_vec_pretty(&about)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::as_text;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, shown) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("cola", "cola"),
            ("", ""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(as_text(cell), shown);
        }
    }
}
