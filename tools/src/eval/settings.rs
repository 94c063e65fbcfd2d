//! What all evaluations share: where results go, which gates hold, how intervals are made.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use eval::formats::{FormatError, Location, read_bounded};
use eval::report::DataSet;
use eval::{Bootstrap, GatedMetric, Slice, Targets};
use pipeline::config::PipelineConfig;
use vision::{Confidences, Sha256};

use crate::environment::Environment;
use crate::targets;

/// What every command here takes.
#[derive(Args)]
pub(super) struct BasicArgs {
    /// Pipeline configuration: gates, thresholds, models [default: AI_V2_PIPELINE_CONFIG, else configs/pipeline.yaml]
    #[arg(long, visible_alias = "config", value_name = "FILE")]
    pub(super) pipeline_config: Option<PathBuf>,
    /// Write all results as JSON
    #[arg(long, visible_alias = "output", value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Seed of resampling, distortions and sampling
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,
    /// Name of the data in reports [default: the folder's or file's]
    #[arg(long, value_name = "NAME")]
    pub(super) data_name: Option<String>,
}

/// What evaluations take: where results go, which gates hold, how intervals are made.
#[derive(Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) basic: BasicArgs,
    /// Write a report into this folder: report.html (one file with everything inside), report.json, report.csv
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// Compare with an earlier report (written by --json or --report)
    #[arg(long, value_name = "FILE")]
    pub(super) compare: Option<PathBuf>,
    /// Exit with 0 even when a gate fails
    #[arg(long)]
    pub(super) no_gate: bool,
    /// Gates that must pass even when this evaluation does not measure them (comma-separated)
    #[arg(long, value_delimiter = ',', value_name = "GATE")]
    pub(super) require: Vec<GateName>,
    /// Table of images (first column `image`) whose other columns are slices [default: slices.csv of the data]
    #[arg(long, value_name = "FILE")]
    pub(super) slices: Option<PathBuf>,
    /// Resamples behind each 95 % interval; 0 for none
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(super) resamples: u32,
}

/// What `--report` writes.
pub(super) const REPORT_FILES: [&str; 3] = ["report.html", "report.json", "report.csv"];

/// A gate by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum GateName {
    /// Detection recall
    Recall,
    /// mAP at IoU .50
    Map50,
    /// SKU top-1
    Top1,
    /// Count MAE
    CountMae,
}

impl From<GateName> for GatedMetric {
    fn from(name: GateName) -> Self {
        match name {
            GateName::Recall => Self::Recall,
            GateName::Map50 => Self::Map50,
            GateName::Top1 => Self::Top1,
            GateName::CountMae => Self::CountMae,
        }
    }
}

impl BasicArgs {
    /// The configuration, when one is named or lies at its usual place.
    pub(super) fn config(&self, environment: &Environment) -> anyhow::Result<Option<PipelineConfig>> {
        let named = self.pipeline_config.is_some();
        let path = environment.config_path(self.pipeline_config.as_ref());
        if named || path.exists() {
            Ok(Some(environment.pipeline_config(self.pipeline_config.as_ref())?))
        } else {
            Ok(None)
        }
    }

    /// Name and digest of a ground truth that is a single file.
    pub(super) fn file_data_set(&self, path: &Path) -> anyhow::Result<DataSet> {
        let digest = Sha256::of_file(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.data_set(path, &digest, path.parent().unwrap_or(Path::new("."))))
    }

    /// `folder` is looked at for the mark of synthetic images.
    pub(super) fn data_set(&self, path: &Path, digest: &Sha256, folder: &Path) -> DataSet {
        let own = path.canonicalize().ok().and_then(|p| {
            // "dev" or "images" alone says little.
            let name = p.file_name()?.to_string_lossy().into_owned();
            let parent = p.parent().and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()));
            Some(parent.map_or(name.clone(), |parent| format!("{parent}/{name}")))
        });
        DataSet {
            name: self.data_name.clone().or(own).unwrap_or_else(|| path.display().to_string()),
            digest: digest.to_string(),
            synthetic: folder.join("synth.json").is_file(),
        }
    }
}

impl CommonArgs {
    pub(super) fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.resamples, seed: self.basic.seed }
    }

    /// What must be reached: of the file beside the configuration, or the product's own.
    pub(super) fn targets(&self, environment: &Environment) -> anyhow::Result<Targets> {
        Ok(targets::beside(&environment.config_path(self.basic.pipeline_config.as_ref()))?)
    }

    pub(super) fn required(&self) -> Vec<GatedMetric> {
        self.require.iter().map(|g| (*g).into()).collect()
    }

    /// Files this command writes: they are no part of the data, should they lie in its folder.
    pub(super) fn own_files(&self) -> Vec<PathBuf> {
        let in_report = self.report.iter().flat_map(|folder| REPORT_FILES.map(|name| folder.join(name)));
        self.basic.json.iter().cloned().chain(in_report).collect()
    }

    /// Slices of the images named, from `--slices` or the `slices.csv` of the data's folder.
    pub(super) fn slices(&self, data: Option<&Path>, images: &[&str]) -> anyhow::Result<Vec<Slice>> {
        let own = data.map(|data| data.join("slices.csv")).filter(|path| path.is_file());
        let Some(path) = self.slices.clone().or(own) else { return Ok(Vec::new()) };
        let bytes = read_bounded(&path)?;
        let text = String::from_utf8(bytes).ok().with_context(|| format!("{} is not UTF-8 text", path.display()))?;
        let slices = eval::slices::from_csv(&text, images);
        Ok(slices.map_err(|fault| FormatError {
            path,
            place: Box::new(Location::Whole),
            fault: Box::new(fault.into()),
        })?)
    }
}

/// The confidence that counts: as given for all classes, else of the configuration, else the product's own.
pub(super) fn serving_confidence(given: Option<f64>, config: Option<&PipelineConfig>) -> Confidences<f64> {
    match (given, config) {
        (Some(given), _) => given.into(),
        (None, Some(config)) => config.options.detect.confidence.map(as_written),
        (None, None) => 0.25.into(),
    }
}

/// 0.3_f32 as f64 is .30000001192: what the user wrote is meant.
pub(super) fn as_written(value: f32) -> f64 {
    (f64::from(value) * 1e6).round() / 1e6
}

/// A configuration of defaults around the models that the environment or the command line names, for when no file is
/// needed.
pub(super) fn default_config(environment: &Environment) -> anyhow::Result<PipelineConfig> {
    let text = "detector: {model: detector}\nembedder: {model: embedder}\ngallery: {path: gallery}\n";
    Ok(PipelineConfig::parse(text, Path::new("(defaults)"), &environment.overrides)?)
}

/// `name sha256:0123456789ab` of a file of predictions.
pub(super) fn named_file(path: &Path) -> anyhow::Result<String> {
    let digest = Sha256::of_file(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{name} sha256:{}", digest.short()))
}

/// A number from 0 to 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v| (0.0..=1.0).contains(v)).ok_or_else(|| "it must be a number from 0 to 1".to_owned())
}
