//! `shelf dataset hash`.

use std::path::PathBuf;

use clap::Args;
use dataset::Verdict;
use dataset::hash::{Comparison, Manifest, inside};
use serde_json::json;

use super::{bar::Bar, plural, write_json};

/// Hash every file of a folder, or show what changed since
#[derive(Args)]
#[command(after_help = "Exit code: 0 done or equal, 1 different, 2 not possible.

  shelf dataset hash data --output data.manifest.json
  shelf dataset hash data --compare data.manifest.json")]
pub(crate) struct HashArgs {
    /// Folder of the data set
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Write the manifest: every file with its SHA-256, and the root digest
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compare with an earlier manifest; exit code 1 when different
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Write the comparison (or the root digest) as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &HashArgs) -> anyhow::Result<Verdict> {
    let old = args.compare.as_deref().map(Manifest::read).transpose()?;
    // The files this command reads and writes are no part of the data, should they lie in its folder.
    let own = [&args.output, &args.compare, &args.json].into_iter().flatten();
    let mut excluded: Vec<String> = own.filter_map(|file| inside(&args.root, file)).collect();
    excluded.extend(old.iter().flat_map(|old| old.excluded().iter().cloned()));
    let new = Manifest::of_folder(&args.root, &excluded, &Bar::default())?;
    if let Some(path) = &args.output {
        new.write(path)?;
    }
    for link in new.links() {
        eprintln!("note: {} is a link to {}: it counts as a link, what it leads to does not", link.path, link.target);
    }
    let files = plural(new.files().len(), "file", "files");
    let Some(old) = old else {
        println!("{}  {} ({files}, {:.1} MB)", new.root(), args.root.display(), new.bytes() as f64 / 1e6);
        if let Some(path) = &args.json {
            write_json(path, &json!({ "root": new.root(), "files": new.files().len(), "bytes": new.bytes() }))?;
        }
        return Ok(Verdict::Passed);
    };
    let comparison = Comparison::between(&old, &new);
    for path in &comparison.added {
        println!("added    {path}");
    }
    for path in &comparison.removed {
        println!("removed  {path}");
    }
    for path in &comparison.changed {
        println!("changed  {path}");
    }
    for moved in &comparison.moved {
        println!("moved    {} -> {}", moved.from, moved.to);
    }
    if comparison.is_same() {
        println!("same: {} ({files})", new.root());
    } else {
        let Comparison { added, removed, changed, moved } = &comparison;
        println!(
            "{} added, {} removed, {} changed, {} moved: {} became {}",
            added.len(),
            removed.len(),
            changed.len(),
            moved.len(),
            old.root().short(),
            new.root().short()
        );
    }
    if let Some(path) = &args.json {
        let same = comparison.is_same();
        write_json(path, &json!({ "same": same, "old": old.root(), "new": new.root(), "differences": comparison }))?;
    }
    Ok(Verdict::passed_if(comparison.is_same()))
}
