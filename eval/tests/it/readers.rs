//! Readers of saved results against what bites everyone: each cell of the table in `docs/datasets.md` is held against what they do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use eval::formats::coco::parse_truth;
use eval::formats::{FormatError, read_bounded, shelf_counts};

const TRUTH: &str = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 20},
{"id": 2, "file_name": "b.jpg", "width": 40, "height": 20}],
"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10], "area": 200, "iscrowd": 0},
{"id": 2, "image_id": 2, "category_id": 1, "bbox": [2, 5, 20, 10], "area": 200, "iscrowd": 0}],
"categories": [{"id": 1, "name": "bottle"}]}
"#;

const RESULTS: &str = r#"[{"image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10], "score": 0.9},
{"image_id": 2, "category_id": 1, "bbox": [2, 5, 20, 10], "score": 0.8}]
"#;

const COUNTS: &str = "{\"a.jpg\": {\"cola\": 2},\n\"b.jpg\": {\"tea\": 1}}\n";

/// A way to make a file odd.
enum Odd {
    Bytes(fn(&str) -> Vec<u8>),
    Swap(&'static str, &'static str),
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn outcome(text: &str, odd: &Odd, parse: fn(&[u8], &Path) -> Result<usize, FormatError>) -> &'static str {
    let bytes = match odd {
        Odd::Bytes(make) => make(text),
        Odd::Swap(from, to) => {
            assert!(text.contains(from), "{from} is not in {text}");
            text.replace(from, to).into_bytes()
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, bytes).unwrap();
    match read_bounded(&path).and_then(|bytes| parse(&bytes, &path)) {
        Ok(2) => "kept",
        Ok(count) => panic!("{count} of 2, and no word"),
        Err(error) => {
            assert!(error.to_string().contains("a.json"), "{error}");
            "refused"
        }
    }
}

fn truth(bytes: &[u8], path: &Path) -> Result<usize, FormatError> {
    parse_truth(bytes, path).map(|truth| truth.truths.len())
}

fn results(bytes: &[u8], path: &Path) -> Result<usize, FormatError> {
    let truth = parse_truth(TRUTH.as_bytes(), path).expect("it is sound");
    truth.parse_results(bytes, path).map(|found| found.len())
}

fn counts(bytes: &[u8], path: &Path) -> Result<usize, FormatError> {
    shelf_counts::parse_short(bytes, path).map(|shelves| shelves.images.len())
}

#[test]
fn the_table_of_results_says_what_readers_do() {
    let every =
        |text: &'static str, parse: fn(&[u8], &Path) -> Result<usize, FormatError>, own: &[(&'static str, Odd)]| {
            let common = [
                ("UTF-8 with a byte-order mark", Odd::Bytes(|text| format!("\u{feff}{text}").into_bytes())),
                ("UTF-16", Odd::Bytes(utf16)),
                ("Windows line ends", Odd::Bytes(|text| text.replace('\n', "\r\n").into_bytes())),
                ("an empty file", Odd::Bytes(|_| Vec::new())),
                ("the end missing", Odd::Bytes(|text| text.as_bytes()[..text.len() - 4].to_vec())),
            ];
            let all = common.iter().chain(own);
            all.map(|(row, odd)| (*row, outcome(text, odd, parse))).collect::<Vec<_>>()
        };
    let columns = [
        (
            "COCO truth",
            every(
                TRUTH,
                truth,
                &[
                    ("one bad row", Odd::Swap("[2, 5, 20, 10]", "[2, 5, 20]")),
                    ("numbers as text", Odd::Swap("[2, 5, 20, 10]", "[\"2\", 5, 20, 10]")),
                    ("ids that are words", Odd::Swap("\"image_id\": 2", "\"image_id\": \"b\"")),
                    ("an id given twice", Odd::Swap("{\"id\": 2, \"image", "{\"id\": 1, \"image")),
                    ("an id nobody has", Odd::Swap("\"image_id\": 2", "\"image_id\": 9")),
                    ("NaN", Odd::Swap("[2, 5", "[NaN, 5")),
                    (
                        "a turned box",
                        Odd::Swap("\"area\": 200, \"iscrowd\": 0}],", "\"attributes\": {\"rotation\": \"37.5\"}}],"),
                    ),
                    ("optional fields missing", Odd::Swap(", \"area\": 200, \"iscrowd\": 0", "")),
                ],
            ),
        ),
        (
            "COCO results",
            every(
                RESULTS,
                results,
                &[
                    ("one bad row", Odd::Swap("[2, 5, 20, 10]", "[2, 5, 20]")),
                    ("numbers as text", Odd::Swap("0.8", "\"0.8\"")),
                    ("ids that are words", Odd::Swap("\"image_id\": 2", "\"image_id\": \"b\"")),
                    ("an id nobody has", Odd::Swap("\"image_id\": 2", "\"image_id\": 9")),
                    ("NaN", Odd::Swap("0.8", "NaN")),
                ],
            ),
        ),
        (
            "counts",
            every(
                COUNTS,
                counts,
                &[
                    ("one bad row", Odd::Swap("{\"tea\": 1}", "[1]")),
                    ("numbers as text", Odd::Swap("\"tea\": 1", "\"tea\": \"1\"")),
                    ("an id given twice", Odd::Swap("\"b.jpg\"", "\"a.jpg\"")),
                    ("NaN", Odd::Swap("\"tea\": 1", "\"tea\": NaN")),
                ],
            ),
        ),
    ];
    let mut found = BTreeMap::new();
    for (column, cells) in columns {
        found.extend(cells.into_iter().map(|(row, outcome)| ((row.to_owned(), column.to_owned()), outcome.to_owned())));
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/datasets.md")).unwrap();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| what a reader of results meets |"));
    let head = cells(lines.next().expect("the table is there"));
    let mut documented = BTreeMap::new();
    for row in lines.skip(1).take_while(|line| line.starts_with('|')).map(cells) {
        for at in (1..row.len()).filter(|at| row[*at] != "–") {
            documented.insert((row[0].clone(), head[at].clone()), row[at].clone());
        }
    }
    assert_eq!(found, documented);
}
