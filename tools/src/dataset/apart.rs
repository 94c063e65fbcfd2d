//! `shelf dataset apart`.

use std::path::PathBuf;

use clap::Args;
use dataset::Verdict;
use dataset::check::{ApartReport, NearRule, shared};

use super::{Layout, bar::Bar, plural, scan, write_json};
use crate::eval::folder_digest;

/// Show whether what is judged on shares images with what was learned from
#[derive(Args)]
#[command(after_help = "Exit code: 0 nothing shared, 1 shared images, unreadable ones or none at all, 2 not possible.
Looking alike (another photo of the same shelf) is told, and does not fail.

  shelf dataset apart train-photos judged-photos --output apart.json
  shelf release register shelf@1.2 --report report.json --apart apart.json --dataset dev=SHA256")]
pub(crate) struct ApartArgs {
    /// Folder that was learned from
    #[arg(value_name = "LEARNED")]
    learned: PathBuf,
    /// Folder that is judged on
    #[arg(value_name = "JUDGED")]
    judged: PathBuf,
    /// How the folders are labelled
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// Write what was found as JSON, for `shelf release register --apart`
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Pairs that are shown; all are in the document.
const SHOWN: usize = 10;

pub(super) fn run(args: &ApartArgs) -> anyhow::Result<Verdict> {
    let own: Vec<PathBuf> = args.output.iter().cloned().collect();
    let digests = (folder_digest(&args.learned, &own)?, folder_digest(&args.judged, &own)?);
    let (learned, judged) = (scan(&args.learned, args.layout)?, scan(&args.judged, args.layout)?);
    let shared = shared(&learned, &judged, NearRule::default(), &Bar::default())?;
    for (what, pairs) in [("the same photo", &shared.same), ("alike", &shared.alike)] {
        for (judged, learned) in pairs.iter().take(SHOWN) {
            println!("{what}: {judged} is {learned}");
        }
        if pairs.len() > SHOWN {
            println!("{what}: {} more", pairs.len() - SHOWN);
        }
    }
    if shared.unreadable > 0 {
        println!("{} cannot be read", plural(shared.unreadable, "image", "images"));
    }
    if !shared.complete {
        println!("too many images look alike: not every pair was compared");
    }
    println!(
        "{} compared with {}: {} the same, {} alike",
        plural(shared.compared, "image", "images"),
        learned.images.len(),
        shared.same.len(),
        shared.alike.len()
    );
    let apart = shared.is_apart();
    if let Some(path) = &args.output {
        let report =
            ApartReport { format: ApartReport::FORMAT.to_owned(), learned: digests.0, judged: digests.1, shared };
        write_json(path, &serde_json::to_value(&report)?)?;
    }
    Ok(Verdict::passed_if(apart))
}
