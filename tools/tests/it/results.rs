//! Published metrics: each says how it was made, and `make bench` renews it or says why not.

use std::fs;
use std::path::Path;

#[test]
fn every_metric_says_how_it_was_made_and_is_known_to_bench() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bench = fs::read_to_string(root.join("scripts/bench.sh")).expect("the script");
    // `renew NAME`, `renew_from PATH NAME`, `leave NAME`, or in the list of a loop.
    let known: Vec<&str> = bench
        .lines()
        .filter(|l| !l.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_')))
        .collect();
    let mut seen = 0;
    for entry in fs::read_dir(root.join("docs/results")).expect("the folder").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "csv")
            || path.file_stem().is_some_and(|stem| stem == "history")
        {
            continue;
        }
        seen += 1;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(known.contains(&stem), "scripts/bench.sh neither renews nor leaves {stem}.csv");
        let text = fs::read_to_string(&path).expect("readable");
        assert!(text.starts_with('#'), "{stem}.csv does not begin by saying how it was made");
        assert!(text.lines().any(|line| !line.starts_with('#') && line.contains(',')), "{stem}.csv holds no metrics");
    }
    assert!(seen > 20, "only {seen} files were seen: the check has gone blind");
}
