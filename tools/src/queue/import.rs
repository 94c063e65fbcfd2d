//! `shelf queue import`: labels made elsewhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use dataset::convert::cvat_tags;
use serde::Deserialize;
use serde_json::Value;
use store::model::NewSku;
use store::{Answer, Key, LabelRequest};
use vision::Sha256;

use super::label::sku_ref;
use super::{Place, with_store};
use crate::environment::Environment;

/// Largest file read.
const MAX_BYTES: u64 = 256 << 20;

/// Take over labels made elsewhere
#[derive(Args)]
#[command(
    after_help = "A .csv file has a line per label under the header item,kind,sku,comment (kind and comment may be
missing). kind is sku, new_sku (sku is then its name), not_a_container, cannot_tell or skip.

A .json file is an export of Label Studio: tasks whose data has the key item, with one choice each. A choice is the code
or number of a SKU, or not_a_container, cannot_tell, skip.

A .xml file is an export of CVAT ('CVAT for images 1.1'): pictures called by the item's id, with one tag each, which is a
choice as above. `shelf queue export --format tasks` makes pictures and tasks for both programs.

Imported twice, a file changes nothing the second time."
)]
pub(crate) struct ImportArgs {
    /// File to read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who labelled; a file may name others
    #[arg(long, default_value = "import")]
    reviewer: String,
    #[command(flatten)]
    place: Place,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Line {
    item: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    sku: String,
    #[serde(default)]
    comment: String,
}

impl Line {
    /// One choice of a list: a SKU, or one of the other answers.
    fn chosen(item: &str, choice: &str) -> Self {
        let special = matches!(choice, "not_a_container" | "cannot_tell" | "skip");
        let (kind, sku) = if special { (choice, "") } else { ("sku", choice) };
        Self { item: item.to_owned(), kind: kind.to_owned(), sku: sku.to_owned(), comment: String::new() }
    }

    fn answer(&self) -> anyhow::Result<Answer> {
        Ok(match self.kind.as_str() {
            "" | "sku" if !self.sku.is_empty() => Answer::Sku(sku_ref(&self.sku)),
            "new_sku" if !self.sku.is_empty() => Answer::NewSku(NewSku { name: self.sku.clone(), ..NewSku::default() }),
            "not_a_container" => Answer::NotAContainer,
            "cannot_tell" => Answer::CannotTell,
            "skip" => Answer::Skip,
            other => {
                bail!("item {}: kind {other:?} with SKU {:?} says nothing that is understood", self.item, self.sku)
            }
        })
    }
}

pub(super) fn run(args: &ImportArgs, environment: &Environment) -> anyhow::Result<()> {
    let name = args.file.display();
    let size = std::fs::metadata(&args.file).with_context(|| format!("cannot read {name}"))?.len();
    if size > MAX_BYTES {
        bail!("{name} has {size} bytes, more than {MAX_BYTES}: split it");
    }
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {name}"))?;
    let lines = match args.file.extension().and_then(|e| e.to_str()) {
        Some("csv") => csv_lines(&bytes),
        Some("json") => label_studio(&bytes),
        Some("xml") => cvat(&args.file),
        _ => bail!("{name}: a .csv file, a .json export of Label Studio or a .xml export of CVAT is understood"),
    };
    let lines = lines.with_context(|| format!("{name} cannot be understood"))?;
    with_store(&args.place, environment, async |store| {
        let (mut taken, mut refused) = (0, 0);
        for line in &lines {
            let request = LabelRequest {
                item: line.item.clone(),
                reviewer: args.reviewer.clone(),
                answer: line.answer()?,
                comment: Some(line.comment.clone()).filter(|text| !text.is_empty()),
            };
            // Named by its content: the second import of a file finds its labels there.
            let content = format!("{} {line:?}", args.reviewer);
            let key = Key::new(&format!("import-{}", Sha256::of(content.as_bytes())), content.as_str())?;
            match store.label(vec![request], Some(key)).await {
                Ok(_) => taken += 1,
                Err(error @ store::StoreError::Unavailable { .. }) => return Err(error.into()),
                Err(error) => {
                    refused += 1;
                    eprintln!("refused {}: {error}", line.item);
                }
            }
        }
        println!("{taken} labels taken, {refused} refused");
        Ok(())
    })
}

fn csv_lines(bytes: &[u8]) -> anyhow::Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// `[{"data": {"item": ID}, "annotations": [{"result": [{"value": {"choices": [CODE]}}]}]}]`
fn label_studio(bytes: &[u8]) -> anyhow::Result<Vec<Line>> {
    let tasks: Vec<Value> = serde_json::from_slice(bytes)?;
    let mut lines = Vec::new();
    for (number, task) in (1..).zip(&tasks) {
        let Some(item) = task["data"]["item"].as_str() else {
            bail!("task {number}: data has no text under the key item")
        };
        // The last annotation holds; a task nobody annotated is no label.
        let Some(annotation) = task["annotations"].as_array().and_then(|all| all.last()) else { continue };
        let choice =
            annotation["result"].as_array().into_iter().flatten().find_map(|r| r["value"]["choices"][0].as_str());
        lines.extend(choice.map(|choice| Line::chosen(item, choice)));
    }
    Ok(lines)
}

/// `<image name="ITEM.jpg"><tag label="CODE"/></image>`
fn cvat(path: &Path) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for picture in cvat_tags(path)? {
        let item = Path::new(&picture.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match picture.labels.as_slice() {
            [] if picture.shapes == 0 => {}
            [choice] => lines.push(Line::chosen(item, choice)),
            [] => bail!("{}: {} shapes and no tag; a tag says what an item shows", picture.file, picture.shapes),
            many => bail!("{}: {} tags, but an item is one thing", picture.file, many.len()),
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(item: &str, kind: &str, sku: &str) -> Line {
        Line { item: item.into(), kind: kind.into(), sku: sku.into(), comment: String::new() }
    }

    #[test]
    fn all_kinds_of_files_are_read() {
        let csv = csv_lines(b"item,kind,sku\na,sku,cola\nb,not_a_container,\n").expect("it is sound");
        assert_eq!(csv, [line("a", "sku", "cola"), line("b", "not_a_container", "")]);
        assert!(csv_lines(b"what,kind\na,sku\n").is_err());
        let tasks = br#"[
            {"data": {"item": "a"}, "annotations": [{"result": [{"value": {"choices": ["cola"]}}]}]},
            {"data": {"item": "b"}, "annotations": [{"result": [{"value": {"choices": ["not_a_container"]}}]}]},
            {"data": {"item": "c"}, "annotations": []}]"#;
        assert_eq!(label_studio(tasks).expect("it is sound"), csv);
        assert!(label_studio(br#"[{"data": {}}]"#).is_err());
        assert!(label_studio(b"{}").is_err());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let xml = |images: &str| {
            let path = folder.path().join("annotations.xml");
            std::fs::write(&path, format!("<annotations><version>1.1</version>{images}</annotations>"))
                .expect("written");
            cvat(&path)
        };
        let image = |name: &str, inside: &str| {
            format!(r#"<image id="0" name="{name}" width="10" height="20">{inside}</image>"#)
        };
        let tag = |label: &str| format!(r#"<tag label="{label}" source="manual"></tag>"#);
        let all = [image("a.jpg", &tag("cola")), image("batch/b.jpg", &tag("not_a_container")), image("c.jpg", "")];
        assert_eq!(xml(&all.concat()).expect("it is sound"), csv);
        assert!(xml(&image("a.jpg", &(tag("cola") + &tag("fanta")))).is_err());
        let shape = r#"<box label="cola" xtl="0" ytl="0" xbr="5" ybr="5" z_order="0"></box>"#;
        assert!(xml(&image("a.jpg", shape)).is_err());
        assert!(xml(&image("../a.jpg", &tag("cola"))).is_err());
        assert!(line("a", "sku", "").answer().is_err() && line("a", "banana", "x").answer().is_err());
    }
}
