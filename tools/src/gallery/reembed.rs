//! `shelf gallery reembed`: the same gallery by another embedder.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use classifier::gallery::reembed::{
    FolderImages, ImageSource, LossReason, Lost, ReembedError, ReembedOptions, reembed as embed_again,
};
use classifier::gallery::{Exemplar, snapshot, thumbnails};
use store::{Objects, StoreError};
use tokio::runtime::{Handle, Runtime};
use vision::Embedder as _;

use super::{GalleryArgs, advance, counted, progress_bar};
use crate::environment::Environment;

/// Embed every exemplar's image again with another embedder
///
/// Images are found by their content, so they may have been moved or renamed. SKUs and exemplars keep their numbers.
/// The new
/// gallery is written beside the old one and takes its place at once when all is done; until then, and after any error,
/// the old
/// one is as it was.
#[derive(Args)]
#[command(after_help = "  shelf gallery reembed --weights models/next.onnx --data-path skus/
  shelf gallery reembed --weights models/next.onnx --data-path skus/ --output-dir next_gallery
  shelf gallery reembed --data-path skus/ crops/ --from-store --max-missing 10")]
pub(crate) struct ReembedArgs {
    /// Weights of the new embedder [default: embedder.model of the configuration]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folders with the images that were enrolled
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "from_store")]
    data_path: Vec<PathBuf>,
    /// Look among the review queue's images, too: crops that people labelled lie there
    #[arg(long)]
    from_store: bool,
    /// How many exemplars may be left out because their image is missing or has changed
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_missing: usize,
    /// Folder to write, in place of the gallery's own
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    place: GalleryArgs,
}

pub(super) fn reembed(args: &ReembedArgs, environment: &Environment) -> anyhow::Result<()> {
    let mut config = environment.pipeline_config(args.place.config.as_ref())?;
    let mut are_new = false;
    if let Some(weights) = &args.weights {
        are_new = !is_same(weights, &config.embedder_model);
        config.embedder_model.clone_from(weights);
    }
    let folder = args.place.folder(environment)?;
    let target = args.output_dir.as_ref().unwrap_or(&folder);
    let old = snapshot::read(&folder)?;
    snapshot::prepare(target)?;
    let embedder = pipeline::load::load_embedder(&config)?;
    let runtime = Runtime::new().context("cannot start the asynchronous runtime")?;
    let kept = if args.from_store {
        let settings = environment.store_settings(&environment.review_config(args.place.config.as_ref())?);
        let objects = Objects::open(&settings.objects, &settings.s3)?;
        Some(KeptImages { objects, runtime: runtime.handle().clone() })
    } else {
        None
    };
    let folders = FolderImages::open(&args.data_path, &config.limits).context("--data-path cannot be read")?;
    for skipped in folders.skipped() {
        eprintln!("skipped {}: {}", skipped.path.display(), skipped.reason);
    }
    let options = ReembedOptions { limits: config.limits, max_lost: args.max_missing, ..ReembedOptions::default() };
    let bar = progress_bar();
    let done = embed_again(&old, &Both { folders, kept }, &embedder, &options, &mut |p| advance(&bar, p));
    bar.finish_and_clear();
    let (mut data, lost) = match done {
        Ok(done) => done,
        Err(error) => return Err(explain(error)),
    };
    let is_replaced = is_same(target, &folder);
    if !is_replaced {
        data.detach();
    }
    snapshot::write(&mut data, target)?;
    if !is_replaced && let Err(error) = thumbnails::carry(&folder, target, &data) {
        eprintln!("{}: thumbnails cannot be kept: {error}", target.display());
    }
    tell(&lost);
    let left_out = if lost.is_empty() { String::new() } else { format!(", {} left out", lost.len()) };
    println!(
        "{}: {} of {}, embedded by {}{left_out}",
        target.display(),
        counted(data.exemplars().len(), "exemplar"),
        counted(data.skus().len(), "SKU"),
        embedder.describe()
    );
    if is_replaced && are_new {
        println!(
            "now name {} in embedder.model or AI_V2_CLASSIFIER_MODEL: this gallery is refused under any other embedder",
            config.embedder_model.display()
        );
    }
    Ok(())
}

/// Names all that is lost, and what to do about it.
fn explain(error: ReembedError) -> anyhow::Error {
    let ReembedError::TooManyLost { lost, .. } = &error else { return error.into() };
    tell(lost);
    let remedy = format!(
        "nothing was written: name the folders of these images with --data-path, look in the review queue with \
         --from-store, or leave them out with --max-missing {}",
        lost.len()
    );
    anyhow::Error::new(error).context(remedy)
}

fn tell(lost: &[Lost]) {
    for Lost { exemplar, origin, reason } in lost {
        eprintln!("exemplar {} ({origin}): {reason}", exemplar.0);
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The review queue's images.
struct KeptImages {
    objects: Objects,
    runtime: Handle,
}

/// What lies in the folders, and what the review queue keeps.
struct Both {
    folders: FolderImages,
    kept: Option<KeptImages>,
}

impl ImageSource for Both {
    fn fetch(&self, exemplar: &Exemplar) -> Result<Vec<u8>, LossReason> {
        match (self.folders.fetch(exemplar), &self.kept) {
            (Err(reason), Some(kept)) => match kept.runtime.block_on(kept.objects.get(exemplar.sha256)) {
                Ok(bytes) => Ok(bytes.into()),
                // That nothing is kept says less than what is wrong in the folders.
                Err(StoreError::NotFound { .. }) => Err(reason),
                Err(error) => Err(LossReason::Kept(error.into())),
            },
            (answer, _) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use store::S3Access;
    use vision::{DecodeLimits, ExemplarId, Sha256, SkuId};

    use super::*;

    #[test]
    fn what_folders_cannot_give_the_store_may_have() {
        let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join("a.jpg");
        let exemplar = |image: &[u8]| Exemplar {
            id: ExemplarId(1),
            sku: SkuId(1),
            origin: "a.jpg".to_owned(),
            sha256: Sha256::of(image),
        };
        let (gone, other) = (exemplar(b"gone"), exemplar(b"other"));
        fs::write(&file, b"gone").unwrap();
        let folders = FolderImages::open(&[folder.path().to_owned()], &DecodeLimits::default()).unwrap();
        fs::remove_file(&file).unwrap();
        let runtime = Runtime::new().unwrap();
        let objects = Objects::open(place.path().to_str().unwrap(), &S3Access::default()).unwrap();
        let kept = KeptImages { objects: objects.clone(), runtime: runtime.handle().clone() };
        let both = Both { folders, kept: Some(kept) };

        // The store has nothing: what is wrong in the folder is told.
        assert!(matches!(both.fetch(&gone), Err(LossReason::Unreadable { .. })));
        assert!(matches!(both.fetch(&other), Err(LossReason::Missing)));
        fs::write(&file, b"a third").unwrap();
        assert!(matches!(both.fetch(&other), Err(LossReason::Changed { .. })));

        for image in ["gone", "other"] {
            runtime.block_on(objects.put(image.into())).unwrap();
        }
        assert_eq!(both.fetch(&gone).unwrap(), b"gone");
        assert_eq!(both.fetch(&other).unwrap(), b"other");

        // It has something, but damaged.
        let name = other.sha256.to_string();
        fs::write(place.path().join("objects").join(&name[..2]).join(&name), b"damaged").unwrap();
        assert!(matches!(both.fetch(&other), Err(LossReason::Kept(_))));
    }
}
