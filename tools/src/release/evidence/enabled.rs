//! Reports are read strictly, and judged anew by the targets that hold here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use dataset::check::ApartReport;
use eval::{GatedMetric, Report, Targets};
use registry::Manifest;
use store::registry::{APART, DataSetRef, Evidence};
use vision::Sha256;

/// How the release of this manifest did, by all reports; a metric of two reports counts by the later one.
pub(in crate::release) fn read_reports(
    (files, apart): (&[PathBuf], &[PathBuf]),
    trained_on: &[DataSetRef],
    manifest: &Manifest,
    config: &Path,
) -> anyhow::Result<Vec<Evidence>> {
    if files.is_empty() {
        ensure!(apart.is_empty(), "--apart says that reports are to be trusted; give them with --report");
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
    all.extend(apartness(apart, trained_on, &all)?);
    Ok(all)
}

/// Whether training had images of what was judged on: known only when each data set that was judged on was compared with each
/// that was learned from.
fn apartness(files: &[PathBuf], trained_on: &[DataSetRef], judged: &[Evidence]) -> anyhow::Result<Option<Evidence>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut reports = Vec::new();
    let mut digests = String::new();
    for file in files {
        let bytes = dataset::files::read_bounded(file, MAX_APART_BYTES)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let report: ApartReport = serde_json::from_slice(&bytes)
            .ok()
            .filter(|report: &ApartReport| report.format == ApartReport::FORMAT)
            .with_context(|| format!("{} is no document of `shelf dataset apart`", file.display()))?;
        digests.push_str(&Sha256::of(&bytes).to_string());
        reports.push(report);
    }
    ensure!(!trained_on.is_empty(), "--apart compares with what was learned from; name it with --dataset NAME=SHA256");
    let (mut shared, mut sure) = (0, true);
    let sets: BTreeMap<&str, &str> =
        judged.iter().map(|e| (e.data_set.sha256.as_str(), e.data_set.name.as_str())).collect();
    for (judged, name) in &sets {
        for set in trained_on {
            let one = reports
                .iter()
                .find(|report| report.judged.to_string() == *judged && report.learned.to_string() == set.sha256)
                .with_context(|| {
                    format!(
                        "no --apart compares {name:?} ({judged}) with {:?} ({}); make one with `shelf dataset apart`",
                        set.name, set.sha256
                    )
                })?;
            shared += one.shared.same.len();
            sure &= one.shared.is_apart() || !one.shared.same.is_empty();
        }
    }
    Ok(Some(Evidence {
        metric: APART.to_owned(),
        value: sure.then_some(shared as f64),
        bound: "<= 0".to_owned(),
        passed: sure && shared == 0,
        data_set: DataSetRef {
            name: sets.values().copied().collect::<Vec<_>>().join(", "),
            sha256: sets.keys().next().map(|&digest| digest.to_owned()).unwrap_or_default(),
        },
        synthetic: false,
        report: Sha256::of(digests.as_bytes()).to_string(),
    }))
}

/// A million pairs of paths.
const MAX_APART_BYTES: u64 = 256 << 20;

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
