//! At which scales a detector looks: `shelf eval heights` and `shelf eval tiles`.

mod curve;
pub(super) mod heights;
mod sets;
pub(super) mod tiles;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use detector::YoloDetector;
use eval::{Prediction, Truth};
use pipeline::config::PipelineConfig;

use self::sets::{PhotoSet, SetFile};
use super::settings::default_config;
use crate::environment::Environment;

/// What both commands take.
#[derive(Args)]
struct ScaleArgs {
    /// Sets of labelled photos: a YAML list of root, name, unlabelled, split, part, mosaic, limit
    #[arg(long, value_name = "FILE")]
    sets: PathBuf,
    /// Weights to measure [default: detector.model of the configuration]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Pipeline configuration: models, thresholds [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, visible_alias = "config", value_name = "FILE")]
    pipeline_config: Option<PathBuf>,
    /// Only sets whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// What is measured with, and on what.
struct Bench {
    config: PipelineConfig,
    detector: YoloDetector,
    sets: Vec<PhotoSet>,
}

impl ScaleArgs {
    fn bench(&self, environment: &Environment) -> anyhow::Result<Bench> {
        let path = environment.config_path(self.pipeline_config.as_ref());
        let mut config = if self.pipeline_config.is_some() || path.exists() {
            environment.pipeline_config(self.pipeline_config.as_ref())?
        } else if self.weights.is_some() {
            default_config(environment)?
        } else {
            bail!("no configuration names a detector: give --weights or --pipeline-config")
        };
        if let Some(weights) = &self.weights {
            config.detector_model.clone_from(weights);
        }
        let detector = pipeline::load::load_detector(&config)?;
        let names = vision::Detector::classes(&detector);
        let file = SetFile::read(&self.sets)?;
        let wanted = |name: &str| self.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
        let sets = file.sets(names, wanted)?;
        if sets.is_empty() {
            bail!("{} names no set that was asked for", self.sets.display());
        }
        Ok(Bench { config, detector, sets })
    }

    /// For the head of what is written: as a reader would type it.
    fn command(&self, name: &str, rest: &str) -> String {
        let weights = self.weights.as_ref().map(|path| format!(" --weights {}", path.display()));
        format!("shelf eval {name} --sets {}{}{rest}", self.sets.display(), weights.unwrap_or_default())
    }
}

/// Whether a box counts when classes do not: one of a class that is not labelled here, and on no labelled object, is
/// neither
/// right nor wrong.
fn says_something(found: &Prediction, truths: &[Truth]) -> bool {
    let open = truths.iter().any(|truth| truth.crowd && truth.class == found.class);
    !open || truths.iter().any(|truth| !truth.crowd && found.rect.iou(&truth.rect) >= 0.5)
}
