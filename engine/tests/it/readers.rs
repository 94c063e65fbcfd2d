//! Readers of weights against what bites everyone: each cell of the table in `docs/datasets.md` is held against what they do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use engine::Weights;

use crate::support::fixture;

/// A safetensors file with a tensor of floats, one of halves and one of whole numbers.
fn safetensors() -> Vec<u8> {
    let long = "n".repeat(5000);
    let header = format!(
        r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"{long}":{{"dtype":"F16","shape":[2],"data_offsets":[8,12]}},"steps":{{"dtype":"I64","shape":[1],"data_offsets":[12,20]}}}}"#
    );
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 20]].concat()
}

/// What a reader makes of bytes under a name.
fn outcome(name: &str, bytes: &[u8], link: bool) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    if link {
        fs::write(folder.path().join("elsewhere"), bytes).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    } else {
        fs::write(&path, bytes).unwrap();
    }
    match Weights::open(&path) {
        Ok(weights) if weights.parameters() > 0 => "kept",
        Ok(_) => panic!("{name}: empty and no word"),
        Err(error) => {
            assert!(error.to_string().contains(name), "{error}");
            "refused"
        }
    }
}

fn documented() -> BTreeMap<(String, String), String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/datasets.md")).unwrap();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| what a reader of weights meets |"));
    let head = cells(lines.next().expect("the table is there"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.flat_map(|row| {
        (1..row.len()).map(|at| ((row[0].clone(), head[at].clone()), row[at].clone())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_table_of_weights_says_what_readers_do() {
    let formats = [
        ("ONNX", "onnx", fs::read(fixture("tiny.onnx")).unwrap()),
        ("safetensors", "safetensors", safetensors()),
        (".pth", "pth", fs::read(fixture("state.pth")).unwrap()),
    ];
    let mut found = BTreeMap::new();
    for (at, (column, extension, bytes)) in formats.iter().enumerate() {
        let mut note = |row: &str, outcome: &str| {
            found.insert((row.to_owned(), (*column).to_owned()), outcome.to_owned());
        };
        let name = format!("model.{extension}");
        assert_eq!(outcome(&name, bytes, false), "kept");
        note("its extension in capitals", outcome(&name.to_uppercase().replace("MODEL", "model"), bytes, false));
        note("a link to it", outcome(&name, bytes, true));
        note("an empty file", outcome(&name, b"", false));
        note("the end missing", outcome(&name, &bytes[..bytes.len() - bytes.len() / 3], false));
        note("another of these formats under its name", outcome(&name, &formats[(at + 1) % 3].2, false));
        note("a page of HTML under its name", outcome(&name, b"<!doctype html><html><body>404</body></html>\n", false));
        let whole_numbers = match *column {
            "ONNX" => "–",
            _ => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(&name);
                fs::write(&path, bytes).unwrap();
                assert_eq!(Weights::open(&path).unwrap().skipped().len(), 1, "{column}");
                "left out"
            }
        };
        note("tensors of whole numbers", whole_numbers);
    }
    assert_eq!(found, documented());
}
