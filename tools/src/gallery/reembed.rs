//! `shelf gallery reembed`: the same gallery by another embedder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use classifier::gallery::reembed::{
    FolderPictures, LossReason, Lost, Pictures, ReembedError, ReembedOptions, reembed as embed_again,
};
use classifier::gallery::{Exemplar, snapshot};
use store::Objects;
use tokio::runtime::{Handle, Runtime};
use vision::Embedder as _;

use super::{Place, advance, progress_bar};
use crate::environment::Environment;

/// Embed every exemplar's picture again, by another embedder
///
/// Pictures are found by their content, so they may have been moved or renamed. SKUs and exemplars keep their numbers. The new
/// gallery is written beside the old one and takes its place at once when all is done; until then, and after any error, the old
/// one is as it was.
#[derive(Args)]
#[command(after_help = "  shelf gallery reembed --weights models/next.onnx --data-path skus/
  shelf gallery reembed --weights models/next.onnx --data-path skus/ --from-store --output-dir data/next_gallery
  shelf gallery reembed --weights models/next.onnx --data-path skus/ --max-missing 10")]
pub(crate) struct ReembedArgs {
    /// Weights of the new embedder [default: embedder.model of the configuration]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folders with the pictures that were enrolled
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "from_store")]
    data_path: Vec<PathBuf>,
    /// Look for pictures in the review queue's, too: crops that people labelled lie there
    #[arg(long)]
    from_store: bool,
    /// Exemplars that may be left out because their picture is missing or has changed
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_missing: usize,
    /// Folder to write, in place of the gallery's own
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn reembed(args: &ReembedArgs, environment: &Environment) -> anyhow::Result<()> {
    let mut config = environment.pipeline_config(args.place.config.as_ref())?;
    if let Some(weights) = &args.weights {
        config.embedder_model.clone_from(weights);
    }
    let folder = args.place.folder(environment)?;
    let target = args.output_dir.as_ref().unwrap_or(&folder);
    let old = snapshot::read(&folder)?;
    snapshot::prepare(target)?;
    let embedder = pipeline::load::load_embedder(&config)?;
    let runtime = Runtime::new().context("cannot start the asynchronous runtime")?;
    let kept = if args.from_store {
        let settings = environment.store_settings(&config);
        let objects = Objects::open(&settings.objects, &settings.s3)?;
        Some(KeptPictures { objects, runtime: runtime.handle().clone() })
    } else {
        None
    };
    let folders = FolderPictures::open(&args.data_path, &config.limits).context("--data-path cannot be read")?;
    let options = ReembedOptions { limits: config.limits, max_lost: args.max_missing, ..ReembedOptions::default() };
    let bar = progress_bar();
    let done = embed_again(&old, &Both { folders, kept }, &embedder, &options, &mut |p| advance(&bar, p));
    bar.finish_and_clear();
    let (mut data, lost) = match done {
        Ok(done) => done,
        Err(ReembedError::TooManyLost { lost, total, allowed }) => {
            tell(&lost);
            bail!(
                "{} of {total} exemplars have no picture any more, at most {allowed} may be left out: name the folders they lie \
                 in by --data-path (--from-store: the review queue's), or leave them out by --max-missing {}; {} is as it was",
                lost.len(),
                lost.len(),
                folder.display()
            );
        }
        Err(error) => return Err(error.into()),
    };
    if !is_same(target, &folder) {
        data.detach();
    }
    snapshot::write(&mut data, target)?;
    tell(&lost);
    let left_out = if lost.is_empty() { String::new() } else { format!(", {} left out", lost.len()) };
    println!(
        "{}: {} exemplars of {} SKUs, embedded by {}{left_out}",
        target.display(),
        data.exemplars().len(),
        data.skus().len(),
        embedder.describe()
    );
    Ok(())
}

fn tell(lost: &[Lost]) {
    for Lost { exemplar, origin, reason } in lost {
        eprintln!("exemplar {} ({origin}): {reason}", exemplar.0);
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The review queue's pictures.
struct KeptPictures {
    objects: Objects,
    runtime: Handle,
}

/// What lies in the folders, and what the review queue keeps.
struct Both {
    folders: FolderPictures,
    kept: Option<KeptPictures>,
}

impl Pictures for Both {
    fn fetch(&self, exemplar: &Exemplar) -> Result<Vec<u8>, LossReason> {
        let in_folders = self.folders.fetch(exemplar);
        match (in_folders, &self.kept) {
            (Err(LossReason::Missing | LossReason::Changed { .. }), Some(kept)) => {
                let bytes = kept.runtime.block_on(kept.objects.get(exemplar.sha256));
                bytes.map(Vec::from).map_err(|error| LossReason::Kept(error.into()))
            }
            (answer, _) => answer,
        }
    }
}
