//! The report as kept: everything the HTML shows, and nothing it does not.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Advice, ConfusedFacings, WorstCase, advise};
use crate::evaluate::Metrics;
use crate::formats::{self, FormatError};
use crate::robustness::RobustnessLine;
use crate::{
    Bootstrap, CountSection, DetectionSection, Gate, GatedMetric, IdentificationSection, Interval, Targets, Verdict,
    verdict,
};

/// What was evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Boxes.
    Detector,
    /// Crops.
    Classifier,
    /// Shelves: boxes, crops and counts.
    ShelfCounts,
}

impl Kind {
    /// For headings.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Detector => "Detector",
            Self::Classifier => "SKU identification",
            Self::ShelfCounts => "Shelf counts",
        }
    }

    /// The gates this kind is judged by.
    #[must_use]
    pub const fn gates(self) -> &'static [GatedMetric] {
        match self {
            Self::Detector => &[GatedMetric::Recall, GatedMetric::Map50],
            Self::Classifier => &[GatedMetric::Top1],
            Self::ShelfCounts => &[GatedMetric::CountMae],
        }
    }
}

/// What it was evaluated on. Metrics without this are worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSet {
    /// Name people know it by.
    pub name: String,
    /// Digest of its content.
    pub digest: String,
    /// Rendered by a program: metrics say nothing about real shelves.
    pub synthetic: bool,
}

/// An evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always `shelf-eval`.
    pub format: String,
    /// Always 1.
    pub version: u32,
    /// What was evaluated.
    pub kind: Kind,
    /// Digest of the data, the same as in `data_set`.
    pub data: String,
    /// What it was evaluated on.
    pub data_set: DataSet,
    /// What made the predictions: a model's name and digest, or the digest of a file.
    pub predictions: String,
    /// Seed of resampling and distortions.
    pub seed: u64,
    /// Number of resamples behind each interval.
    pub resamples: u32,
    /// All metrics; `null` could not be measured.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Their 95 % intervals.
    pub intervals: BTreeMap<String, Interval>,
    /// Gates that were judged.
    pub gates: Vec<Gate>,
    /// What they come to.
    pub verdict: Verdict,
    /// Boxes.
    pub detection: Option<DetectionSection>,
    /// Crops.
    pub identification: Option<IdentificationSection>,
    /// Counts.
    pub counts: Option<CountSection>,
    /// The same under damage.
    #[serde(default)]
    pub robustness: Vec<RobustnessLine>,
    /// Images with the most mistakes.
    #[serde(default)]
    pub worst: Vec<WorstCase>,
    /// SKUs taken for others, the most frequent first, with places to look at.
    #[serde(default)]
    pub confusions: Vec<ConfusedFacings>,
    /// What to do next.
    #[serde(default)]
    pub advice: Vec<Advice>,
    /// What the reader must know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a report is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// What was evaluated.
    pub kind: Kind,
    /// What it was evaluated on.
    pub data_set: DataSet,
    /// What made the predictions.
    pub predictions: String,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Bounds of the gates.
    pub targets: Targets,
    /// Gates that must be judged beside those of the kind and those that could be measured.
    pub required: Vec<GatedMetric>,
    /// Boxes.
    pub detection: Option<DetectionSection>,
    /// Crops.
    pub identification: Option<IdentificationSection>,
    /// Counts.
    pub counts: Option<CountSection>,
    /// The same under damage.
    pub robustness: Vec<RobustnessLine>,
    /// Images with the most mistakes.
    pub worst: Vec<WorstCase>,
    /// SKUs taken for others, with places to look at.
    pub confusions: Vec<ConfusedFacings>,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// A report that cannot be read.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file is no report.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Another program's JSON, or another version.
    #[error("{path} is no report of `shelf eval --json`, version 1")]
    Other {
        /// Path of the file.
        path: String,
    },
}

impl Report {
    /// Puts metrics together, judges the gates and writes the advice.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { kind, data_set, detection, identification, counts, .. } = parts;
        let mut metrics = Metrics::default();
        let sections = [
            detection.as_ref().map(|d| &d.metrics),
            identification.as_ref().map(|i| &i.metrics),
            counts.as_ref().map(|c| &c.metrics),
        ];
        sections.into_iter().flatten().for_each(|section| metrics.extend(section));

        let evidence = |metric| match metric {
            GatedMetric::Recall | GatedMetric::Map50 => detection.as_ref().map_or(0, |d| d.true_boxes),
            GatedMetric::Top1 => identification.as_ref().map_or(0, |i| i.known),
            GatedMetric::CountMae => counts.as_ref().map_or(0, |c| c.rows as u64),
        };
        let judged = |metric: &GatedMetric| {
            kind.gates().contains(metric)
                || parts.required.contains(metric)
                || metrics.values.contains_key(metric.as_str())
        };
        let gates: Vec<Gate> = GatedMetric::ALL
            .into_iter()
            .filter(judged)
            .map(|m| Gate::judge(m, &parts.targets, metrics.measurement(m.as_str(), evidence(m))))
            .collect();
        let mut report = Self {
            format: "shelf-eval".to_owned(),
            version: 1,
            kind,
            data: data_set.digest.clone(),
            data_set,
            predictions: parts.predictions,
            seed: parts.bootstrap.seed,
            resamples: parts.bootstrap.resamples,
            verdict: verdict(&gates),
            gates,
            metrics: metrics.values,
            intervals: metrics.intervals,
            detection,
            identification,
            counts,
            robustness: parts.robustness,
            worst: parts.worst,
            confusions: parts.confusions,
            advice: Vec::new(),
            warnings: parts.warnings,
        };
        report.advice = advise(&report);
        report
    }

    /// A metric's value.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).copied().flatten()
    }

    /// A gate, when it was judged.
    #[must_use]
    pub fn gate(&self, metric: GatedMetric) -> Option<&Gate> {
        self.gates.iter().find(|g| g.metric == metric)
    }

    /// Reads what `--json` wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is no report.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let bytes = formats::read_bounded(path)?;
        let report: Self = formats::json::parse(&bytes, path)?;
        if report.format == "shelf-eval" && report.version == 1 {
            Ok(report)
        } else {
            Err(ReportError::Other { path: path.display().to_string() })
        }
    }

    /// As pretty JSON. Metrics that could not be measured are `null`.
    ///
    /// # Panics
    /// Never: a report holds nothing that JSON cannot say.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a report is plain data");
        text.push('\n');
        text
    }
}
