//! Reports are read strictly, and judged anew by the targets that hold here.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use eval::{GatedMetric, Report, Targets};
use registry::Manifest;
use store::registry::{DataSetRef, Evidence};
use vision::Sha256;

/// How the release of this manifest did, by all reports; a metric of two reports counts by the later one.
pub(in crate::release) fn read_reports(
    files: &[PathBuf],
    manifest: &Manifest,
    config: &Path,
) -> anyhow::Result<Vec<Evidence>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let targets = crate::targets::beside(config)?;
    let mut all: Vec<Evidence> = Vec::new();
    for file in files {
        let report = Report::read(file).with_context(|| format!("{} cannot be used", file.display()))?;
        let digest = Sha256::of_file(file).with_context(|| format!("cannot read {}", file.display()))?;
        ensure!(
            speaks_of(&report, manifest),
            "{} was measured with {:?}, and this release has the detector {:?} and the embedder {:?}",
            file.display(),
            report.predictions,
            manifest.detector.name,
            manifest.embedder.name
        );
        for entry in evidence(&report, &targets, digest) {
            all.retain(|earlier| earlier.metric != entry.metric);
            all.push(entry);
        }
    }
    Ok(all)
}

/// A report names its models as they name themselves.
fn speaks_of(report: &Report, manifest: &Manifest) -> bool {
    let names = |part: &str| report.predictions.contains(part);
    names(&manifest.detector.name) || names(&manifest.embedder.name)
}

/// The bounds that a report was made under may have been others, and what it says it passed may be edited: the value decides.
fn evidence(report: &Report, targets: &Targets, digest: Sha256) -> Vec<Evidence> {
    let set = &report.data_set;
    let judged = |metric: GatedMetric| {
        let gate = report.gate(metric)?;
        let bound = metric.bound(targets);
        Some(Evidence {
            metric: metric.as_str().to_owned(),
            value: gate.value,
            bound: bound.to_string(),
            passed: bound.admits(gate.value),
            data_set: DataSetRef { name: set.name.clone(), sha256: set.digest.clone() },
            synthetic: set.synthetic,
            report: digest.to_string(),
        })
    };
    GatedMetric::ALL.into_iter().filter_map(judged).collect()
}
