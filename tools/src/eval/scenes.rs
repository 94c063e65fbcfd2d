//! A folder of photos with what is truly on them, in whichever of the accepted forms.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use dataset::convert::{FACINGS_FOLDER, table_of};
use dataset::{LayoutKind, yolo};
use eval::formats::{Facing, Shelf, Shelves, read_bounded, read_true_shelves, shelf_counts};
use eval::{Rect, Stated};
use serde::Deserialize;

use crate::chosen::Chosen;

/// Photos and their truth, in the same order.
pub(super) struct Scenes {
    pub(super) truth: Shelves,
    pub(super) files: Vec<PathBuf>,
}

/// Files at the top that say everything.
const TABLES: [&str; 3] = ["counts.json", "ground_truth.json", "shelf-counts.json"];

/// Reads a folder, of it the images that are `chosen`. In this order of preference: one JSON of shelf counts at the top; `images/`
/// and `facings/` with a table for each image; folders with one photo each and `facings.csv` or `expected_counts.json`; `images/`
/// and `labels/` whose lines name the SKU in a comment (`# cola_can`), or whose classes are the SKUs.
///
/// # Errors
/// When none of these is there, or a file is wrong.
pub(super) fn read(root: &Path, codes: &[String], chosen: Option<&Chosen>) -> anyhow::Result<Scenes> {
    let Scenes { truth, files } = read_all(root, codes)?;
    let Some(chosen) = chosen else { return Ok(Scenes { truth, files }) };
    let taken = truth.images.into_iter().zip(files).filter(|(shelf, _)| chosen.takes(&shelf.name));
    let (images, files): (Vec<Shelf>, Vec<PathBuf>) = taken.unzip();
    ensure!(!images.is_empty(), "no image of {} is in the part that was asked for", root.display());
    Ok(Scenes { truth: Shelves { images, enrolled: truth.enrolled }, files })
}

fn read_all(root: &Path, codes: &[String]) -> anyhow::Result<Scenes> {
    ensure!(root.is_dir(), "{} is no folder", root.display());
    if let Some(table) = TABLES.iter().map(|name| root.join(name)).find(|path| path.is_file()) {
        return from_table(root, &table);
    }
    if root.join(FACINGS_FOLDER).is_dir() {
        return from_tables(root);
    }
    let single = from_single_folders(root)?;
    if !single.files.is_empty() {
        return Ok(single);
    }
    from_labels(root, codes)
}

fn from_table(root: &Path, table: &Path) -> anyhow::Result<Scenes> {
    let truth = read_true_shelves(table)?;
    let mut files = Vec::with_capacity(truth.images.len());
    for shelf in &truth.images {
        let name = dataset::files::safe_relative(&shelf.name)
            .with_context(|| format!("{}: image {:?}", table.display(), shelf.name))?;
        let places = [root.join(&name), root.join("images").join(&name)];
        let found = places.into_iter().find(|path| path.is_file());
        files.push(found.with_context(|| format!("{} names {}, which is not there", table.display(), shelf.name))?);
    }
    Ok(Scenes { truth, files })
}

/// A table for each image. An image without one would count as empty, and is refused.
fn from_tables(root: &Path) -> anyhow::Result<Scenes> {
    let data = super::boxes::scan(root, LayoutKind::Boxes)?;
    let mut scenes = Scenes { truth: Shelves::default(), files: Vec::new() };
    for image in &data.images {
        let table = table_of(root, &image.path).with_context(|| {
            format!(
                "{} has no table {FACINGS_FOLDER}/NAME.csv that says what stands on it",
                data.locate(&image.path).display()
            )
        })?;
        let file = data.locate(&image.path);
        let facings = read_facings(&table)?;
        scenes.truth.images.push(Shelf {
            name: image.path.clone(),
            sha256: None,
            size: Some(dataset::image_file::upright_size(&file)?),
            counts: Shelf::count(&facings),
            facings: Some(facings),
        });
        scenes.files.push(file);
    }
    Ok(scenes)
}

/// The folder itself and its subfolders, each with one photo and what it shows.
fn from_single_folders(root: &Path) -> anyhow::Result<Scenes> {
    let mut scenes = Scenes { truth: Shelves::default(), files: Vec::new() };
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let data = super::boxes::scan(root, LayoutKind::Folders)?;
    for image in &data.images {
        let folder = image.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders.entry(folder.to_owned()).or_default().push(image.path.clone());
    }
    for (folder, photos) in &folders {
        let place = data.locate(folder);
        let (facings, counts) = (place.join("facings.csv"), place.join("expected_counts.json"));
        if !facings.is_file() && !counts.is_file() {
            continue;
        }
        let [photo] = photos.as_slice() else {
            bail!(
                "{} holds {} images, so it is not clear which of them its counts are of",
                place.display(),
                photos.len()
            )
        };
        let mut shelf = if counts.is_file() {
            shelf_counts::parse_single(&read_bounded(&counts)?, &counts, photo)?
        } else {
            Shelf { name: photo.clone(), ..Shelf::default() }
        };
        if facings.is_file() {
            let listed = read_facings(&facings)?;
            let counted = Shelf::count(&listed);
            ensure!(
                !counts.is_file() || shelf.counts == counted,
                "{} and {} do not say the same",
                facings.display(),
                counts.display()
            );
            shelf.counts = counted;
            shelf.facings = Some(listed);
        }
        scenes.truth.images.push(shelf);
        scenes.files.push(data.locate(photo));
    }
    Ok(scenes)
}

#[derive(Deserialize)]
struct FacingRow {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
    class: String,
    sku: Option<String>,
}

fn read_facings(path: &Path) -> anyhow::Result<Vec<Facing>> {
    let text = dataset::files::into_text(path, read_bounded(path)?)?;
    let mut reader = dataset::table::reader(&text);
    let mut facings = Vec::new();
    for row in reader.deserialize() {
        let row: FacingRow = row.with_context(|| format!("{} is no table of facings", path.display()))?;
        let rect = Rect::new(row.x, row.y, row.w, row.h);
        let rect = rect.check().with_context(|| format!("{}: facing {}", path.display(), facings.len() + 1))?;
        let sku = row.sku.filter(|sku| !sku.is_empty());
        facings.push(Facing {
            rect,
            class: row.class,
            sku,
            crowd: false,
            confidence: 1.0,
            candidates: Vec::new(),
            stated: Stated::default(),
        });
    }
    ensure!(!facings.is_empty(), "{} lists no facing", path.display());
    Ok(facings)
}

fn from_labels(root: &Path, codes: &[String]) -> anyhow::Result<Scenes> {
    let folder = super::boxes::scan(root, LayoutKind::Boxes)?;
    let names = crate::classes::class_names(None, root)?;
    let mut scenes = Scenes { truth: Shelves::default(), files: Vec::new() };
    let mut named = 0;
    for image in &folder.images {
        let file = folder.locate(&image.path);
        let (width, height) = dataset::image_file::upright_size(&file)?;
        let mut facings = Vec::new();
        for line in image.label.iter().map(|l| yolo::read(&folder.locate(l))).collect::<Result<Vec<_>, _>>()?.concat() {
            let [x1, y1, x2, y2] = line.label.edges();
            let (w, h) = (f64::from(width), f64::from(height));
            let class = names.as_ref().and_then(|n| n.get(line.label.class)).map(str::to_owned);
            // What a comment names counts whether it is enrolled or not: leaving it out would flatter the counts. A class is
            // a SKU only where one is enrolled under its name.
            let enrolled = class.clone().filter(|class| codes.contains(class));
            let sku = line.comment.as_deref().and_then(named_sku).or(enrolled);
            named += usize::from(sku.is_some());
            facings.push(Facing {
                rect: Rect::from_corners(x1 * w, y1 * h, x2 * w, y2 * h),
                sku,
                class: class.unwrap_or_else(|| format!("class {}", line.label.class)),
                crowd: false,
                confidence: 1.0,
                candidates: Vec::new(),
                stated: Stated::default(),
            });
        }
        scenes.truth.images.push(Shelf {
            name: image.path.clone(),
            sha256: None,
            size: Some((width, height)),
            counts: Shelf::count(&facings),
            facings: Some(facings),
        });
        scenes.files.push(file);
    }
    ensure!(
        named > 0,
        "nothing in {} says which SKUs are on the photos. Accepted: counts.json (shelf-counts, see docs/metrics.md); images/ and facings/ with a table each; folders \
         with one photo and facings.csv or expected_counts.json; or labels whose lines end in `# SKU`",
        root.display()
    );
    Ok(scenes)
}

/// The SKU that a label's comment names: `cola_can`, `sku: cola_can`, or the attributes that `shelf dataset convert` keeps
/// there. A comment of several words is a remark.
fn named_sku(comment: &str) -> Option<String> {
    let comment = comment.trim();
    if comment.starts_with('{') {
        let kept: serde_json::Value = serde_json::from_str(comment).ok()?;
        return kept.pointer("/attributes/sku")?.as_str().map(str::to_owned);
    }
    let code = comment.strip_prefix("sku").and_then(|rest| rest.strip_prefix([':', '='])).unwrap_or(comment).trim();
    (!code.is_empty() && !code.contains(char::is_whitespace)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::named_sku;

    #[test]
    fn comments_name_skus_or_are_remarks() {
        let check =
            |comment: &str, expected: Option<&str>| assert_eq!(named_sku(comment).as_deref(), expected, "{comment}");
        check(" cola_can", Some("cola_can"));
        check("sku: cola_can", Some("cola_can"));
        check("sku=cola_can ", Some("cola_can"));
        check("sku_001_absolut", Some("sku_001_absolut"));
        check(r#"{"id":3,"attributes":{"sku":"cola"}}"#, Some("cola"));
        check(r#"{"id":3}"#, None);
        check("behind the price tag", None);
        check("", None);
    }
}
