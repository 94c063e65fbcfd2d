//! Every reader against what bites everyone: the table in `docs/datasets.md` says what is kept, left out and refused, and each of its
//! cells is held against what the reader does. A cell without a case, or a case without a cell, fails too.

mod cases;
mod outcome;
mod row;
mod set;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dataset::ClassNames;
use dataset::convert::{Format, ReadOptions, read};

use cases::{class_names, coco, cvat, facings, image_folder, label_studio, voc, yolo};
use outcome::{NOT_THERE, of_boxes, of_folders, of_names};

/// Cells of the table by row and column, as the document has them.
fn documented() -> BTreeMap<(String, String), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/datasets.md");
    let text = fs::read_to_string(path).unwrap();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| what a label reader meets |"));
    let head = cells(lines.next().expect("the table is there"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.flat_map(|row| {
        assert_eq!(row.len(), head.len(), "{row:?}");
        let columns = head.clone();
        (1..row.len()).map(move |at| ((row[0].clone(), columns[at].clone()), row[at].clone())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_table_of_readers_says_what_they_do() {
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut note = |column: &str, row: &str, outcome: &str| {
        let before = found.insert((row.to_owned(), column.to_owned()), outcome.to_owned());
        assert_eq!(before, None, "{column}, {row}: two cases");
    };
    let boxes = [
        ("YOLO", Format::Yolo, yolo()),
        ("COCO", Format::Coco, coco()),
        ("VOC", Format::Voc, voc()),
        ("CVAT", Format::Cvat, cvat()),
        ("Label Studio", Format::LabelStudio, label_studio()),
        ("CSV", Format::Facings, facings()),
    ];
    for (column, format, cases) in boxes {
        for (row, set) in cases {
            note(column, row, of_boxes(format, &set, row));
        }
    }
    for (row, set) in class_names() {
        note("class names", row, of_names(&set));
    }
    for (row, set) in image_folder() {
        note("image folder", row, of_folders(&set, row));
    }
    let documented = documented();
    let mut wrong = Vec::new();
    for (place, cell) in &documented {
        let outcome = found.get(place).map_or(NOT_THERE, String::as_str);
        if outcome != cell {
            wrong.push(format!("{}, {}: the document says {cell}, it is {outcome}", place.1, place.0));
        }
    }
    wrong.extend(
        found
            .keys()
            .filter(|place| !documented.contains_key(*place))
            .map(|place| format!("{place:?} is not in the document")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One bad row among ten thousand is counted with its line, and the rest is read; strict, it is an error.
#[test]
fn one_bad_row_among_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let row = |id: u32| {
        let bbox = if id == 7_000 { "[1, 2, 3]" } else { "[1, 2, 3, 4]" };
        format!(r#"{{"id": {id}, "image_id": 1, "category_id": 1, "bbox": {bbox}}}"#)
    };
    let rows: Vec<String> = (0..10_000).map(row).collect();
    let text = format!(
        r#"{{"images": [{{"id": 1, "file_name": "a.png", "width": 40, "height": 20}}], "annotations": [{}],
            "categories": [{{"id": 1, "name": "bottle"}}]}}"#,
        rows.join(",")
    );
    fs::write(&path, text).unwrap();
    let loaded = read(&path, Format::Coco, &ReadOptions::default()).unwrap();
    assert_eq!((loaded.annotations.boxes(), loaded.left_out.total()), (9_999, 1));
    let said = loaded.left_out.to_string();
    assert!(said.contains("annotations[7000].bbox: a box has 4 numbers, this one 3"), "{said}");
    let strict = ReadOptions { strict: true, ..Default::default() };
    assert!(read(&path, Format::Coco, &strict).unwrap_err().to_string().contains("annotations[7000].bbox"));
}

/// Broken in hundreds of ways, no file makes a reader panic, and none of what is kept is unsound.
#[test]
fn mutated_files_never_make_a_reader_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let formats = [
        (Format::Coco, coco()),
        (Format::Voc, voc()),
        (Format::Cvat, cvat()),
        (Format::LabelStudio, label_studio()),
        (Format::Facings, facings()),
    ];
    for (format, cases) in formats {
        let sound: Vec<Vec<u8>> = cases.iter().filter_map(|(_, set)| set.files.get(set.main).cloned()).collect();
        for number in 0..500 {
            let mut bytes = sound[number % sound.len()].clone();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(5) {
                    0 if !bytes.is_empty() => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"\"<>{}[],:-0.eN#\n\0\xff"[next(18)]),
                    3 if !bytes.is_empty() => {
                        let end = (at + next(40)).min(bytes.len());
                        bytes.drain(at..end);
                    }
                    _ => {
                        let end = (at + next(80)).min(bytes.len());
                        let piece = bytes[at.min(end)..end].to_vec();
                        let to = next(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                }
            }
            let _ = dataset::convert::read_bytes(Path::new("mutated"), bytes.clone(), format, &ReadOptions::default());
            let _ = ClassNames::parse(Path::new("data.yaml"), bytes);
        }
    }
}
