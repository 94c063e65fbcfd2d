//! `shelf gallery`: enrol SKUs, look at them, take them away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use classifier::EmbedderIdentity;
use classifier::gallery::enrol::{self, EnrolError, EnrolOptions, EnrolReport, Progress};
use classifier::gallery::{GalleryData, GalleryError, inspect, snapshot};
use indicatif::{ProgressBar, ProgressStyle};
use pipeline::PipelineConfig;
use pipeline::review::LiveGallery;
use vision::{ExemplarId, Sha256, Sku, SkuId};

use crate::environment::Environment;

/// Build and change the gallery of SKUs that facings are compared with
#[derive(Subcommand)]
pub(crate) enum GalleryCommand {
    Build(BuildArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    List(ListArgs),
    Inspect(InspectArgs),
    Rebuild(RebuildArgs),
}

/// Which gallery, and by which embedder.
#[derive(Args)]
struct Place {
    /// Folder of the gallery [default: AI_V2_EMBEDDINGS_PATH, else gallery.path of the configuration]
    #[arg(long, value_name = "DIR")]
    gallery: Option<PathBuf>,
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Build a gallery from a folder with one folder of pictures per SKU
#[derive(Args)]
#[command(after_help = "The folder holds one folder per SKU, named by its code:

  skus/sku_001_absolut_vodka/front.jpg
  skus/sku_001_absolut_vodka/side.jpg
  skus/sku_002_campari/1.jpg

Three pictures per SKU are a good start; what is there is replaced.")]
pub(crate) struct BuildArgs {
    /// Folder of SKU folders
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Name of the gallery [default: the name of the folder]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Add pictures to one SKU, or a folder of SKU folders
#[derive(Args)]
pub(crate) struct AddArgs {
    /// Code of the SKU the pictures show; it is created when new. Without it, PATH is a folder of SKU folders
    #[arg(long)]
    sku: Option<String>,
    /// Pictures, or one folder
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Remove a SKU with all its exemplars, or single exemplars
#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Code or number of the SKU
    #[arg(long, required_unless_present = "exemplar")]
    sku: Option<String>,
    /// Number of an exemplar, as `shelf gallery list --exemplars` shows it
    #[arg(long, value_name = "ID", conflicts_with = "sku")]
    exemplar: Vec<u64>,
    #[command(flatten)]
    place: Place,
}

/// List SKUs and how many exemplars each has
#[derive(Args)]
pub(crate) struct ListArgs {
    /// List the exemplars too
    #[arg(long)]
    exemplars: bool,
    #[command(flatten)]
    place: Place,
}

/// Show how well the SKUs hold together and apart: look-alikes first
#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    place: Place,
}

/// Build the gallery again from what people labelled
///
/// The review queue's store holds every exemplar, enrolled or labelled. What is written is, bit for bit, what a server
/// that follows the store has in memory.
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Take everything from the review queue's store (DATABASE_URL, else review.database of the configuration)
    #[arg(long, required = true)]
    from_store: bool,
    /// Folder to write, in place of the gallery's own
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: GalleryCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        GalleryCommand::Build(args) => build(&args, environment)?,
        GalleryCommand::Add(args) => add(&args, environment)?,
        GalleryCommand::Remove(args) => remove(&args, environment)?,
        GalleryCommand::List(args) => list(&args, environment)?,
        GalleryCommand::Inspect(args) => show_health(&args, environment)?,
        GalleryCommand::Rebuild(args) => rebuild(&args, environment)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Place {
    fn folder(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        match &self.gallery {
            Some(folder) => Ok(folder.clone()),
            None => Ok(environment.pipeline_config(self.config.as_ref())?.gallery_path),
        }
    }
}

fn build(args: &BuildArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
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
    let embedder = pipeline::load::load_embedder(&config)?;
    let options = EnrolOptions { limits: config.limits, ..EnrolOptions::default() };
    let bar = progress_bar();
    let built = enrol::build(&args.root, &name, &embedder, &options, &mut |p| advance(&bar, p));
    bar.finish_and_clear();
    let (mut data, report) = built.map_err(explain)?;
    snapshot::write(&mut data, &folder)?;
    show_in_review(&data, &[&args.root], &config, environment);
    print_report(&report, &data, &folder);
    Ok(())
}

fn add(args: &AddArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    let embedder = pipeline::load::load_embedder(&config)?;
    let options = EnrolOptions { limits: config.limits, ..EnrolOptions::default() };
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
        (None, _) => bail!("which SKU do these pictures show? Name it with --sku, or give one folder of SKU folders"),
    };
    let report = report.map_err(explain)?;
    snapshot::write(&mut data, &folder)?;
    show_in_review(&data, &args.paths.iter().collect::<Vec<_>>(), &config, environment);
    print_report(&report, &data, &folder);
    Ok(())
}

/// Puts the enrolled pictures where the review page finds them. A gallery is sound without, so trouble is only told.
fn show_in_review(data: &GalleryData, paths: &[&PathBuf], config: &PipelineConfig, environment: &Environment) {
    if !config.review.enabled {
        return;
    }
    let wanted: BTreeSet<Sha256> = data.exemplars().iter().map(|exemplar| exemplar.sha256).collect();
    let settings = environment.store_settings(config);
    let work = async {
        let objects = store::Objects::open(&settings.objects, &settings.s3)?;
        for path in paths {
            let below = data.exemplars().iter().map(|exemplar| path.join(&exemplar.origin));
            for file in below.chain([path.to_path_buf()]).filter(|file| file.is_file()) {
                let bytes = std::fs::read(file)?;
                if wanted.contains(&Sha256::of(&bytes)) {
                    objects.put(bytes.into()).await?;
                }
            }
        }
        anyhow::Ok(())
    };
    let done = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(work));
    if let Err(error) = done {
        eprintln!("the review page will not show these pictures: {error:#}");
    }
}

fn remove(args: &RemoveArgs, environment: &Environment) -> anyhow::Result<()> {
    let folder = args.place.folder(environment)?;
    let mut data = snapshot::read(&folder)?;
    if let Some(which) = &args.sku {
        let sku = find_sku(&data, which)?;
        let exemplars = data.remove_sku(sku.id)?;
        println!("removed {} ({}) with {exemplars} exemplars", sku.code, sku.name);
    }
    for &id in &args.exemplar {
        let exemplar = data.remove_exemplar(ExemplarId(id))?;
        println!("removed exemplar {id} ({})", exemplar.origin);
    }
    snapshot::write(&mut data, &folder)?;
    Ok(())
}

fn rebuild(args: &RebuildArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.pipeline_config(args.place.config.as_ref())?;
    let folder = args.place.folder(environment)?;
    let settings = environment.store_settings(&config);
    // Which embedder is in use stands in the gallery; without one, the embedder itself says.
    let (name, embedder) = match snapshot::read(&folder) {
        Ok(data) => (data.name().to_owned(), data.embedder().clone()),
        Err(GalleryError::Missing { .. }) => {
            let embedder = pipeline::load::load_embedder(&config)?;
            ("empty".to_owned(), EmbedderIdentity::of(&embedder))
        }
        Err(error) => return Err(error.into()),
    };
    let mut live = LiveGallery::new(&name, embedder, pipeline::load::index_options(&config), config.sku_thresholds);
    let runtime = tokio::runtime::Runtime::new().context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let store = store::Store::open(&settings).await.context("the review queue cannot be opened")?;
        let changes = store.changes_since(0, live.embedder()).await?;
        if changes.exemplars.is_empty() {
            bail!("the store knows nothing of this gallery yet: start `shelf serve` once, which takes it over");
        }
        live.apply(&changes)?;
        let mut data = live.data().clone();
        let target = args.to.as_ref().unwrap_or(&folder);
        snapshot::write(&mut data, target)?;
        if let Some(digest) = data.digest() {
            let counts = (data.skus().len(), data.exemplars().len());
            store.record_gallery(digest, live.embedder(), changes.change, counts).await?;
            println!("{}: {} SKUs, {} exemplars, digest {digest}", target.display(), counts.0, counts.1);
        }
        store.close().await;
        Ok(())
    })
}

fn find_sku(data: &GalleryData, which: &str) -> anyhow::Result<Sku> {
    let by_number = || which.parse().ok().and_then(|number| data.sku(SkuId(number)));
    let sku = data.sku_by_code(which).or_else(by_number);
    let sku =
        sku.with_context(|| format!("the gallery has no SKU {which:?}; `shelf gallery list` shows what it has"))?;
    Ok((**sku).clone())
}

fn list(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    let data = snapshot::read(&args.place.folder(environment)?)?;
    println!("{:>6}  {:>9}  {:<32}  name", "id", "exemplars", "code");
    for sku in data.skus() {
        let own = || data.exemplars().iter().filter(|e| e.sku == sku.id);
        println!("{:>6}  {:>9}  {:<32}  {}", sku.id.0, own().count(), sku.code, sku.name);
        if args.exemplars {
            for exemplar in own() {
                println!("{:>6}  exemplar {:<6}  {}", "", exemplar.id.0, exemplar.origin);
            }
        }
    }
    println!("{} SKUs, {} exemplars by {}", data.skus().len(), data.exemplars().len(), data.embedder().description);
    Ok(())
}

fn show_health(args: &InspectArgs, environment: &Environment) -> anyhow::Result<()> {
    let data = snapshot::read(&args.place.folder(environment)?)?;
    let mut health = inspect::inspect(&data);
    health.sort_by(|a, b| {
        let twin = |h: &inspect::SkuHealth| h.nearest.map_or(f32::NEG_INFINITY, |(_, similarity)| similarity);
        twin(b).total_cmp(&twin(a))
    });
    let code = |id: SkuId| data.sku(id).map_or_else(|| id.to_string(), |sku| sku.code.clone());
    println!("gallery {}, created {}, by {}", data.name(), data.created(), data.embedder().description);
    println!("cohesion: how alike a SKU's exemplars are; twin: the SKU it is most easily confused with\n");
    println!("{:<32}  {:>9}  {:>8}  twin", "code", "exemplars", "cohesion");
    for h in health {
        let cohesion = h.cohesion.map_or_else(|| "-".to_owned(), |c| format!("{c:.3}"));
        let twin = h.nearest.map_or_else(|| "-".to_owned(), |(id, similarity)| format!("{similarity:.3} {}", code(id)));
        println!("{:<32}  {:>9}  {cohesion:>8}  {twin}", code(h.sku), h.exemplars);
    }
    Ok(())
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

fn print_report(report: &EnrolReport, data: &GalleryData, folder: &Path) {
    for skipped in &report.skipped {
        eprintln!("skipped {}: {}", skipped.path.display(), skipped.reason);
    }
    for conflict in &report.conflicts {
        let ((one, one_file), (other, other_file)) = (&conflict.first, &conflict.second);
        eprintln!("label conflict: the same picture is enrolled under {one} ({one_file}) and {other} ({other_file})");
    }
    for code in &report.empty {
        eprintln!("no usable picture for {code}");
    }
    println!(
        "added {} exemplars; {} now holds {} SKUs, {} exemplars",
        report.added,
        folder.display(),
        data.skus().len(),
        data.exemplars().len()
    );
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} pictures  {per_sec}  ETA {eta}")
        .expect("the template is well-formed");
    ProgressBar::new(0).with_style(style)
}

fn advance(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total as u64);
    bar.set_position(progress.done as u64);
}
