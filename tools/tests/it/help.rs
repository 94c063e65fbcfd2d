//! What `--help` says is part of the contract.

use std::fs;
use std::path::Path;
use std::process::Command;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["recognize"],
    &["demo"],
    &["serve"],
    &["worker"],
    &["gallery"],
    &["gallery", "build"],
    &["gallery", "add"],
    &["gallery", "remove"],
    &["gallery", "rename"],
    &["gallery", "merge"],
    &["gallery", "list"],
    &["gallery", "inspect"],
    &["gallery", "rebuild"],
    &["gallery", "reembed"],
    &["gallery", "background"],
    &["queue"],
    &["queue", "list"],
    &["queue", "label"],
    &["queue", "stats"],
    &["queue", "export"],
    &["queue", "import"],
    &["models"],
    &["models", "inspect"],
    &["models", "run"],
    &["models", "import"],
    &["release"],
    &["release", "register"],
    &["release", "list"],
    &["release", "show"],
    &["release", "promote"],
    &["release", "demote"],
    &["release", "rollback"],
    &["release", "archive"],
    &["release", "compare"],
    &["release", "export"],
    &["release", "import"],
    &["release", "ab"],
    &["release", "ab", "begin"],
    &["release", "ab", "list"],
    &["release", "ab", "show"],
    &["release", "ab", "end"],
    &["flows"],
    &["flows", "run"],
    &["flows", "list"],
    &["flows", "history"],
    &["keys"],
    &["keys", "create"],
    &["keys", "list"],
    &["keys", "revoke"],
    &["tenant"],
    &["tenant", "create"],
    &["tenant", "list"],
    &["tenant", "export"],
    &["tenant", "delete"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "export"],
    &["dataset"],
    &["dataset", "hash"],
    &["dataset", "split"],
    &["dataset", "check"],
    &["dataset", "convert"],
    &["dataset", "crop"],
    &["dataset", "synth"],
    &["eval"],
    &["eval", "detector"],
    &["eval", "classifier"],
    &["eval", "shelf-counts"],
    &["eval", "heights"],
    &["eval", "tiles"],
    &["calibrate"],
    &["train"],
    &["train", "detector"],
    &["train", "classifier"],
    &["factory"],
    &["factory", "train"],
    &["table"],
    &["table", "describe"],
    &["table", "clean"],
    &["table", "split"],
    &["table", "features"],
    &["table", "select"],
    &["table", "train"],
    &["table", "compare"],
    &["table", "tune"],
    &["table", "validate"],
    &["table", "predict"],
    &["table", "export"],
    &["table", "counts"],
    &["table", "forecast"],
    &["table", "synthetic"],
    &["org"],
    &["org", "data-prep"],
    &["org", "tune"],
    &["org", "train"],
    &["org", "validate"],
    &["org", "convert-onnx"],
    &["top"],
    &["doctor"],
];

#[test]
fn help_is_the_committed_snapshot() {
    let mut text = String::new();
    for command in COMMANDS {
        let output = Command::new(env!("CARGO_BIN_EXE_shelf")).args(*command).arg("--help").output().expect("it runs");
        assert!(output.status.success(), "{command:?} --help fails");
        let help = String::from_utf8(output.stdout).expect("help is text");
        text += &format!("$ shelf {}\n\n{help}\n", [*command, &["--help"]].concat().join(" "));
    }
    // Trailing blanks differ between versions of the formatter and say nothing.
    let text: String = text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/help.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, &text).expect("writable");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "--help differs from tests/snapshots/help.txt; if that is wanted, run `make snapshots`:\n{text}"
    );
}
