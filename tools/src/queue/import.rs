//! `shelf queue import`: labels made elsewhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use dataset::convert::{cvat_tags, label_studio_choices};
use dataset::files::{into_text, read_bounded};
use dataset::table;
use store::model::NewSku;
use store::{Answer, Key, LabelRequest};
use thiserror::Error;
use vision::Sha256;

use super::{QueueArgs, with_store};
use crate::environment::Environment;

/// Largest file read.
const MAX_BYTES: u64 = 256 << 20;

/// Import labels made with other tools
#[derive(Args)]
#[command(
    after_help = "A .csv file has a line per label under the header item,kind,sku,comment (kind and comment may be
missing). kind is sku, new_sku (sku is then its name), not_a_container, cannot_tell or skip.

A .json file is an export of Label Studio: tasks whose data has the key item, with one choice each. A choice is the code of
a SKU (or its number as #12), or not_a_container, cannot_tell, skip. Of several annotations the ground truth counts, else the
first; cancelled ones never do.

A .xml file is an export of CVAT ('CVAT for images 1.1'): images called by the item's id, with one tag each, which is a
choice as above. `shelf queue export --format tasks` makes images and tasks for both programs.

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
    place: QueueArgs,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    item: String,
    kind: String,
    sku: String,
    comment: String,
}

impl Line {
    /// One choice of a list: a SKU, or one of the other answers.
    fn chosen(item: &str, choice: &str) -> Self {
        let special = matches!(choice, "not_a_container" | "cannot_tell" | "skip");
        let (kind, sku) = if special { (choice, "") } else { ("sku", choice) };
        Self { item: item.to_owned(), kind: kind.to_owned(), sku: sku.to_owned(), comment: String::new() }
    }

    fn answer(&self) -> Result<Answer, NotAnAnswer> {
        let sku = self.sku.trim();
        Ok(match self.kind.trim() {
            "" | "sku" if !sku.is_empty() => Answer::Sku(sku.parse().unwrap_or_else(|never| match never {})),
            "new_sku" if !sku.is_empty() => Answer::NewSku(NewSku { name: sku.to_owned(), ..NewSku::default() }),
            "not_a_container" => Answer::NotAContainer,
            "cannot_tell" => Answer::CannotTell,
            "skip" => Answer::Skip,
            _ => return Err(NotAnAnswer { kind: self.kind.clone(), sku: self.sku.clone() }),
        })
    }
}

/// A line without a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("kind {kind:?} with SKU {sku:?} says nothing that is understood")]
struct NotAnAnswer {
    kind: String,
    sku: String,
}

/// What a file holds: answers, what is none, and what was passed over.
#[derive(Debug, Default)]
struct Sheet {
    lines: Vec<Line>,
    wrong: Vec<String>,
    left_out: Option<String>,
}

pub(super) fn run(args: &ImportArgs, environment: &Environment) -> anyhow::Result<()> {
    let name = args.file.display();
    let bytes = read_bounded(&args.file, MAX_BYTES)?;
    let kind = args.file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let sheet = match kind.as_deref() {
        Some("csv") => csv_lines(&args.file, bytes),
        Some("json") => label_studio(&args.file, bytes),
        Some("xml") => cvat(&args.file),
        _ => bail!("{name}: a .csv file, a .json export of Label Studio or a .xml export of CVAT is understood"),
    };
    let sheet = sheet.with_context(|| format!("{name} cannot be understood"))?;
    with_store(&args.place, environment, async |store| {
        for wrong in &sheet.wrong {
            eprintln!("refused {wrong}");
        }
        if let Some(left_out) = &sheet.left_out {
            eprintln!("{left_out}");
        }
        let (mut taken, mut refused) = (0, sheet.wrong.len());
        for line in &sheet.lines {
            let answer = match line.answer() {
                Ok(answer) => answer,
                Err(error) => {
                    refused += 1;
                    eprintln!("refused {}: {error}", line.item);
                    continue;
                }
            };
            let request = LabelRequest {
                item: line.item.clone(),
                reviewer: args.reviewer.clone(),
                answer,
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
                    eprintln!("refused {}: {error}{}", line.item, hint(&line.sku, &error));
                }
            }
        }
        println!("{taken} labels taken, {refused} refused");
        Ok(())
    })
}

/// A number where a code is meant finds nothing.
pub(super) fn hint(sku: &str, error: &store::StoreError) -> String {
    let unknown = matches!(error, store::StoreError::NotFound { what: "SKU", .. });
    if unknown && !sku.is_empty() && sku.bytes().all(|b| b.is_ascii_digit()) {
        format!(" of that code; the SKU with that number is written #{sku}")
    } else {
        String::new()
    }
}

fn csv_lines(path: &Path, bytes: Vec<u8>) -> anyhow::Result<Sheet> {
    let text = into_text(path, bytes)?;
    let mut reader = table::reader(&text);
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|found| found.eq_ignore_ascii_case(name));
    let item = column("item").context("it has no column item")?;
    let mut sheet = Sheet::default();
    for row in reader.records() {
        match row {
            Ok(row) => {
                let cell = |name| column(name).and_then(|at| row.get(at)).unwrap_or_default().to_owned();
                let item = row.get(item).unwrap_or_default().to_owned();
                sheet.lines.push(Line { item, kind: cell("kind"), sku: cell("sku"), comment: cell("comment") });
            }
            Err(error) => sheet.wrong.push(format!("{}: {error}", path.display())),
        }
    }
    Ok(sheet)
}

/// `[{"data": {"item": ID}, "annotations": [{"result": [{"value": {"choices": [CODE]}}]}]}]`
fn label_studio(path: &Path, bytes: Vec<u8>) -> anyhow::Result<Sheet> {
    let (choices, wrong, left_out) = label_studio_choices(path, bytes, "item")?;
    Ok(Sheet {
        lines: choices.iter().map(|task| Line::chosen(&task.key, &task.choice)).collect(),
        wrong: wrong.iter().map(ToString::to_string).collect(),
        left_out: (!left_out.is_empty()).then(|| left_out.to_string()),
    })
}

/// `<image name="ITEM.jpg"><tag label="CODE"/></image>`
fn cvat(path: &Path) -> anyhow::Result<Sheet> {
    let mut sheet = Sheet::default();
    for image in cvat_tags(path)? {
        let item = Path::new(&image.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let file = &image.file;
        match image.labels.as_slice() {
            [] if image.shapes == 0 => {}
            [choice] => sheet.lines.push(Line::chosen(item, choice)),
            [] => {
                sheet.wrong.push(format!("{file}: {} shapes and no tag; a tag says what an item shows", image.shapes));
            }
            many => sheet.wrong.push(format!("{file}: {} tags, but an item is one thing", many.len())),
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(item: &str, kind: &str, sku: &str) -> Line {
        Line { item: item.into(), kind: kind.into(), sku: sku.into(), comment: String::new() }
    }

    #[test]
    fn all_kinds_of_files_are_read() {
        let table = |text: &str| csv_lines(Path::new("a.csv"), text.as_bytes().to_vec());
        let csv = table("item,kind,sku\na,sku,cola\nb,not_a_container,\n").expect("it is sound").lines;
        assert_eq!(csv, [line("a", "sku", "cola"), line("b", "not_a_container", "")]);
        assert!(table("what,kind\na,sku\n").is_err());
        // A spreadsheet saves it with a mark, semicolons and its own line ends; one bad row is one.
        let excel = table("\u{feff}Item;SKU\r\na;1\r\nb\r\nc;x\r\n").expect("it is sound");
        assert_eq!((excel.lines.len(), excel.wrong.len()), (2, 1));
        let one = excel.lines[0].answer().expect("an answer");
        assert_eq!(one, Answer::Sku(store::SkuRef::Code("1".into())), "a code, though it is a number");
        let tasks = r#"[
            {"data": {"item": "a"}, "annotations": [{"result": [{"value": {"choices": ["cola"]}}]}]},
            {"data": {"item": "b"}, "annotations": [{"result": [{"value": {"choices": ["not_a_container"]}}]}]},
            {"data": {"item": "c"}, "annotations": []}]"#;
        let studio = |text: &str| label_studio(Path::new("a.json"), text.as_bytes().to_vec());
        assert_eq!(studio(tasks).expect("it is sound").lines, csv);
        assert!(
            studio(r#"[{"data": {}, "annotations": [{"result": [{"value": {"choices": ["cola"]}}]}]}]"#)
                .expect("tasks")
                .wrong
                .len()
                == 1
        );
        assert!(studio("{}").is_err());
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
        assert_eq!(xml(&all.concat()).expect("it is sound").lines, csv);
        let wrong = |images: &str| xml(images).expect("read").wrong.len();
        assert_eq!(wrong(&image("a.jpg", &(tag("cola") + &tag("fanta")))), 1);
        let shape = r#"<box label="cola" xtl="0" ytl="0" xbr="5" ybr="5" z_order="0"></box>"#;
        assert_eq!(wrong(&image("a.jpg", shape)), 1);
        assert!(xml(&image("../a.jpg", &tag("cola"))).is_err());
        assert!(line("a", "sku", "").answer().is_err() && line("a", "banana", "x").answer().is_err());
    }
}
