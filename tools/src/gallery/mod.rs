//! `shelf gallery`: enrol SKUs, look at them, put them right.

mod background;
mod edit;
mod enrol;
mod health;
mod rebuild;
mod reembed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use classifier::gallery::{DecisionRule, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::environment::Environment;

/// Build and change the gallery of SKUs that facings are compared with
#[derive(Subcommand)]
pub(crate) enum GalleryCommand {
    Build(enrol::BuildArgs),
    Add(enrol::AddArgs),
    Remove(edit::RemoveArgs),
    Rename(edit::RenameArgs),
    Merge(edit::MergeArgs),
    List(health::ListArgs),
    Inspect(health::InspectArgs),
    Rebuild(rebuild::RebuildArgs),
    Reembed(reembed::ReembedArgs),
    Background(background::BackgroundArgs),
}

/// Which gallery, and by which embedder.
#[derive(Args)]
struct GalleryArgs {
    /// Folder of the gallery [default: AI_V2_EMBEDDINGS_PATH, else gallery.path of the configuration]
    #[arg(long, value_name = "DIR")]
    gallery: Option<PathBuf>,
    /// Pipeline configuration [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(command: GalleryCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        GalleryCommand::Build(args) => enrol::build(&args, environment)?,
        GalleryCommand::Add(args) => enrol::add(&args, environment)?,
        GalleryCommand::Remove(args) => edit::remove(&args, environment)?,
        GalleryCommand::Rename(args) => edit::rename(&args, environment)?,
        GalleryCommand::Merge(args) => edit::merge(&args, environment)?,
        GalleryCommand::List(args) => health::list(&args, environment)?,
        GalleryCommand::Inspect(args) => health::inspect(&args, environment)?,
        GalleryCommand::Rebuild(args) => rebuild::rebuild(&args, environment)?,
        GalleryCommand::Reembed(args) => reembed::reembed(&args, environment)?,
        GalleryCommand::Background(args) => background::background(&args, environment)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl GalleryArgs {
    fn folder(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        match &self.gallery {
            Some(folder) => Ok(folder.clone()),
            None => Ok(environment.pipeline_config(self.config.as_ref())?.gallery_path),
        }
    }

    /// How neighbours become a SKU where the gallery is used, and thresholds of single SKUs, by code; a gallery that was named
    /// needs no configuration.
    fn rule(&self, environment: &Environment) -> anyhow::Result<(DecisionRule, BTreeMap<String, f32>)> {
        let is_alone = self.gallery.is_some() && self.config.is_none();
        if is_alone && !environment.config_path(None).exists() {
            return Ok(Default::default());
        }
        let config = environment.pipeline_config(self.config.as_ref())?;
        Ok((config.rule, config.sku_thresholds))
    }
}

/// `1 exemplar`, `2 exemplars`: nouns that take an s.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images  {per_sec}  ETA {eta}")
        .expect("the template is well-formed");
    ProgressBar::new(0).with_style(style)
}

fn advance(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total as u64);
    bar.set_position(progress.done as u64);
}
