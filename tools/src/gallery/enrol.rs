//! `shelf gallery build` and `add`: images become exemplars.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use classifier::gallery::enrol::{self, EnrolError, EnrolOptions, EnrolReport, REDUNDANT_FROM, Redundancy, Redundant};
use classifier::gallery::{GalleryData, snapshot, thumbnails};
use pipeline::PipelineConfig;
use review::ReviewConfig;
use vision::Sha256;

use super::{GalleryArgs, advance, counted, progress_bar};
use crate::environment::Environment;
use crate::recognize::fraction;

/// Redundant images that are named one by one; of more, one of each SKU is.
const REDUNDANT_NAMED: usize = 20;

/// Images that look like one that their SKU has already.
#[derive(Args)]
struct RedundancyArgs {
    /// Also enrol images that look like one their SKU already has
    #[arg(long)]
    keep_redundant: bool,
    /// Cosine similarity from which two images of a SKU look the same
    #[arg(long, value_name = "SIMILARITY", default_value_t = REDUNDANT_FROM, value_parser = fraction)]
    redundant_from: f32,
}

/// Build a gallery from a folder with one folder of images per SKU
#[derive(Args)]
#[command(after_help = "The folder holds one folder per SKU, named by its code:

  skus/sku_001_absolut_vodka/front.jpg
  skus/sku_001_absolut_vodka/side.jpg
  skus/sku_002_campari/1.jpg

Three images per SKU are a good start. An existing gallery is replaced. An image that looks like one
its SKU already has adds nothing: it is reported and left out.")]
pub(crate) struct BuildArgs {
    /// Folder of SKU folders
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Name of the gallery [default: the name of the folder]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    redundancy: RedundancyArgs,
    #[command(flatten)]
    place: GalleryArgs,
}

/// Add images to one SKU, or a folder of SKU folders
#[derive(Args)]
#[command(after_help = "  shelf gallery add --sku sku_001_absolut_vodka photos/front.jpg photos/side.jpg
  shelf gallery add more-skus/
  shelf gallery add more-skus/ --redundant-from 0.95    # leave out more of what looks alike
  shelf gallery add more-skus/ --keep-redundant         # name it, but leave nothing out")]
pub(crate) struct AddArgs {
    /// Code of the SKU the images show; it is created when new. Without it, PATH is a folder of SKU folders
    #[arg(long)]
    sku: Option<String>,
    /// Images, or one folder
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    redundancy: RedundancyArgs,
    #[command(flatten)]
    place: GalleryArgs,
}

impl RedundancyArgs {
    fn options(&self, config: &PipelineConfig) -> EnrolOptions {
        let redundancy = Redundancy { from: self.redundant_from, keep: self.keep_redundant };
        EnrolOptions { limits: config.limits, redundancy, ..EnrolOptions::default() }
    }
}

pub(super) fn build(args: &BuildArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
    let review = environment.review_config(args.place.config.as_ref())?;
    let folder = args.place.folder(environment)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => args
            .root
            .canonicalize()
            .ok()
            .and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_default(),
    };
    snapshot::prepare(&folder)?;
    let embedder = pipeline::load::load_embedder(&config)?;
    let options = args.redundancy.options(&config);
    let bar = progress_bar();
    let built = enrol::build(&args.root, &name, &embedder, &options, &mut |p| advance(&bar, p));
    bar.finish_and_clear();
    let (mut data, report) = built.map_err(explain)?;
    snapshot::write(&mut data, &folder)?;
    keep_thumbnails(&folder, &data, &report, &config);
    show_in_review(&data, &report, &review, environment);
    print_report(&report, options.redundancy, &data, &folder);
    Ok(())
}

pub(super) fn add(args: &AddArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
    let review = environment.review_config(args.place.config.as_ref())?;
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    let embedder = pipeline::load::load_embedder(&config)?;
    let options = args.redundancy.options(&config);
    let report = match (&args.sku, args.paths.as_slice()) {
        (Some(code), paths) => {
            let files = crate::photos::collect(paths)?;
            enrol::add_files(&mut data, code, &files, &embedder, &options)
        }
        (None, [root]) => {
            let bar = progress_bar();
            let report = enrol::add_folder(&mut data, root, &embedder, &options, &mut |p| advance(&bar, p));
            bar.finish_and_clear();
            report
        }
        (None, _) => bail!("which SKU do these images show? Name it with --sku, or give one folder of SKU folders"),
    };
    let report = report.map_err(explain)?;
    snapshot::write(&mut data, &folder)?;
    keep_thumbnails(&folder, &data, &report, &config);
    show_in_review(&data, &report, &review, environment);
    print_report(&report, options.redundancy, &data, &folder);
    Ok(())
}

/// Keeps a small image of every exemplar in the gallery's folder. A gallery is sound without, so trouble is only told.
fn keep_thumbnails(folder: &Path, data: &GalleryData, report: &EnrolReport, config: &PipelineConfig) {
    match thumbnails::keep(folder, data, &report.images, &config.limits) {
        Ok((_, failed)) => {
            for file in failed {
                eprintln!("no thumbnail of {}: it cannot be read again, or has changed meanwhile", file.display());
            }
        }
        Err(error) => eprintln!("{}: thumbnails cannot be kept: {error}", folder.display()),
    }
}

/// Puts the enrolled images where the review page finds them. A gallery is sound without, so trouble is only told.
fn show_in_review(data: &GalleryData, report: &EnrolReport, review: &ReviewConfig, environment: &Environment) {
    if !review.enabled {
        return;
    }
    let mut wanted: HashSet<Sha256> = data.exemplars().iter().map(|exemplar| exemplar.sha256).collect();
    let settings = environment.store_settings(review);
    let work = async {
        let objects = store::Objects::open(&settings.objects, &settings.s3)?;
        // What was enrolled before is put there again: the review may not have been enabled then.
        for (digest, file) in &report.images {
            if wanted.remove(digest) {
                let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
                objects.put(bytes.into()).await?;
            }
        }
        anyhow::Ok(())
    };
    let done = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(work));
    if let Err(error) = done {
        eprintln!("the review page will not show these images: {error:#}");
    }
}

/// "Nothing usable" says why for the first files, not only that.
fn explain(error: EnrolError) -> anyhow::Error {
    if let EnrolError::NothingUsable { report, .. } = &error {
        for skipped in report.skipped.iter().take(10) {
            eprintln!("skipped {}: {}", skipped.path.display(), skipped.reason);
        }
    }
    error.into()
}

/// One by one while they are few, else by SKU.
fn print_redundant(all: &[Redundant]) {
    let mut by_sku: BTreeMap<&str, Vec<&Redundant>> = BTreeMap::new();
    for redundant in all {
        by_sku.entry(&redundant.code).or_default().push(redundant);
    }
    for (code, those) in by_sku {
        let named = if all.len() > REDUNDANT_NAMED { 1 } else { those.len() };
        for Redundant { path, of, similarity, .. } in &those[..named] {
            eprintln!(
                "redundant: {} looks like {of} (similarity {similarity:.3}), which {code} has already",
                path.display()
            );
        }
        if those.len() > named {
            eprintln!("redundant: {} more images of {code} look like others it has", those.len() - named);
        }
    }
}

fn print_report(report: &EnrolReport, redundancy: Redundancy, data: &GalleryData, folder: &Path) {
    for skipped in &report.skipped {
        eprintln!("skipped {}: {}", skipped.path.display(), skipped.reason);
    }
    for conflict in &report.conflicts {
        let ((one, one_file), (other, other_file)) = (&conflict.first, &conflict.second);
        eprintln!("label conflict: {one} ({one_file}) and {other} ({other_file}) are the same image");
    }
    print_redundant(&report.redundant);
    for code in &report.empty {
        eprintln!("no usable image for {code}");
    }
    let redundant = match (report.redundant.len(), redundancy.keep) {
        (0, _) => String::new(),
        (count, true) => format!(", {count} of them redundant"),
        (count, false) => format!(", {count} redundant left out (--keep-redundant adds them)"),
    };
    println!(
        "added {}{redundant}; {} now holds {}, {}",
        counted(report.added, "exemplar"),
        folder.display(),
        counted(data.skus().len(), "SKU"),
        counted(data.exemplars().len(), "exemplar")
    );
}
