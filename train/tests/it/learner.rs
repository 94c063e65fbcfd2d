//! A learner that is no network goes through the same loop: boosted regression stumps on a table.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use train::core::learner::{End, Finished, Learner, Length, Measured, Output, OutputError, Standing, run};
use train::core::{EpochReport, Metric, Observer, RunFolder, RunStart, Stop};

/// Part of a stump's correction that is taken.
const RATE: f64 = 0.5;

#[derive(Debug, Error)]
enum StumpError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// Adds `below` or `above`, depending on which side of `at` a column lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Stump {
    column: usize,
    at: f64,
    below: f64,
    above: f64,
}

impl Stump {
    fn of(&self, row: &[f64; 2]) -> f64 {
        if row[self.column] < self.at { self.below } else { self.above }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Saved {
    epochs: u64,
    best: Option<(u64, f64)>,
    stumps: Vec<Stump>,
}

struct Stumps {
    rows: Vec<[f64; 2]>,
    targets: Vec<f64>,
    grown: Vec<Stump>,
}

impl Stumps {
    /// A table of which both columns say something of the target, in steps.
    fn on(target: impl Fn(&[f64; 2]) -> f64) -> Self {
        let rows: Vec<[f64; 2]> = (0..64).map(|at| [f64::from(at % 8), f64::from(at / 8)]).collect();
        let targets = rows.iter().map(target).collect();
        Self { rows, targets, grown: Vec::new() }
    }

    fn residuals(&self) -> Vec<f64> {
        let said = |row: &[f64; 2]| self.grown.iter().map(|stump| stump.of(row)).sum::<f64>();
        self.rows.iter().zip(&self.targets).map(|(row, target)| target - said(row)).collect()
    }

    /// The stump that leaves the least squared error.
    fn next(&self) -> Stump {
        let residuals = self.residuals();
        let mean = |side: &dyn Fn(&[f64; 2]) -> bool| {
            let those: Vec<f64> =
                self.rows.iter().zip(&residuals).filter(|(row, _)| side(row)).map(|(_, residual)| *residual).collect();
            RATE * those.iter().sum::<f64>() / those.len().max(1) as f64
        };
        let stumps = (0..2).flat_map(|column| (1..8).map(move |at| (column, f64::from(at)))).map(|(column, at)| {
            Stump { column, at, below: mean(&|row| row[column] < at), above: mean(&|row| row[column] >= at) }
        });
        let left = |stump: &Stump| -> f64 {
            self.rows.iter().zip(&residuals).map(|(row, residual)| (residual - stump.of(row)).powi(2)).sum()
        };
        stumps.min_by(|a, b| left(a).total_cmp(&left(b))).expect("there are columns")
    }
}

fn saved(folder: &RunFolder) -> PathBuf {
    folder.path().join("weights/last.json")
}

impl Learner for Stumps {
    type Error = StumpError;

    fn resume(&mut self, folder: &RunFolder) -> Result<Option<Standing>, StumpError> {
        let Ok(text) = fs::read_to_string(saved(folder)) else { return Ok(None) };
        let Saved { epochs, best, stumps } = serde_json::from_str(&text)?;
        self.grown = stumps;
        Ok(Some(Standing { epochs, best, seconds: 0.0 }))
    }

    fn begin(&mut self, standing: &Standing, output: &mut Output<'_>) {
        output.observer().started(&RunStart {
            network: "stumps".to_owned(),
            parameters: 4 * self.grown.len(),
            epochs: 12,
            done: standing.epochs,
            batches: 1,
            batch: self.rows.len(),
            validation_images: 0,
        });
    }

    fn epoch(&mut self, _: &Standing, _: &mut Output<'_>, stop: &Stop) -> Result<bool, StumpError> {
        if stop.requested() {
            return Ok(false);
        }
        self.grown.push(self.next());
        Ok(true)
    }

    fn validate(&mut self, _: &Standing, _: &mut Output<'_>) -> Result<Option<Measured>, StumpError> {
        let error: f64 = self.residuals().iter().map(|residual| residual.powi(2)).sum();
        Ok(Some(Measured { fitness: Some(-error), metrics: vec![Some(error)] }))
    }

    fn save_best(&mut self, folder: &RunFolder) -> Result<(), StumpError> {
        let path = folder.path().join("weights/best.json");
        let text = serde_json::to_string(&self.grown)?;
        fs::write(&path, text).map_err(|source| OutputError { path, source }.into())
    }

    fn metrics(&self, standing: &Standing, metrics: &[Option<f64>]) -> Vec<Metric> {
        vec![("epoch", Some(standing.epochs as f64)), ("squared_error", metrics.first().copied().flatten())]
    }

    fn row(&self, metrics: &[Metric]) -> String {
        metrics.iter().map(|(_, value)| value.map_or_else(String::new, |v| v.to_string())).collect::<Vec<_>>().join(",")
    }

    fn save(&mut self, standing: &Standing, folder: &RunFolder) -> Result<(), StumpError> {
        let Standing { epochs, best, .. } = *standing;
        let text = serde_json::to_string(&Saved { epochs, best, stumps: self.grown.clone() })?;
        let path = saved(folder);
        fs::write(&path, text).map_err(|source| OutputError { path, source }.into())
    }
}

/// Asks for the end after so many epochs.
struct Until(u64, Stop);

impl Observer for Until {
    fn epoch(&mut self, report: &EpochReport) {
        if report.epoch == self.0 {
            self.1.request();
        }
    }
}

fn grow(learner: &mut Stumps, patience: u64, folder: &RunFolder, until: u64) -> Finished {
    let stop = Stop::default();
    let length = Length { epochs: 12, patience };
    run(learner, length, Output::new(folder, &mut Until(until, stop.clone())), &stop).unwrap()
}

#[test]
fn stumps_learn_stop_and_go_on_as_a_network_does() {
    let target = |row: &[f64; 2]| row[0] + if row[1] > 3.0 { 5.0 } else { 0.0 };
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(runs.path(), "whole").unwrap();
    let mut whole = Stumps::on(target);
    let finished = grow(&mut whole, 0, &folder, 0);
    assert_eq!((finished.epochs, finished.why, whole.grown.len()), (12, End::Done, 12));
    assert_eq!(finished.best.unwrap().0, 12, "every stump helps");
    let rows = fs::read_to_string(folder.results()).unwrap();
    assert_eq!((rows.lines().next(), rows.lines().count()), (Some("epoch,squared_error"), 13));
    let errors: Vec<f64> = rows.lines().skip(1).map(|row| row.split_once(',').unwrap().1.parse().unwrap()).collect();
    assert!(errors.is_sorted_by(|a, b| a > b) && errors[11] < errors[0] / 4.0, "{errors:?}");

    let folder = RunFolder::create(runs.path(), "parts").unwrap();
    let stopped = grow(&mut Stumps::on(target), 0, &folder, 5);
    assert_eq!((stopped.epochs, stopped.why), (5, End::Stopped));
    let mut parts = Stumps::on(target);
    assert_eq!(grow(&mut parts, 0, &folder, 0), finished);
    assert_eq!(parts.grown, whole.grown);
    assert_eq!(fs::read_to_string(folder.results()).unwrap(), rows);
}

#[test]
fn what_learns_nothing_more_ends_by_patience() {
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(runs.path(), "run").unwrap();
    // Zero is right from the first stump on.
    let finished = grow(&mut Stumps::on(|_| 0.0), 3, &folder, 0);
    assert_eq!((finished.epochs, finished.best.map(|(epoch, _)| epoch), finished.why), (4, Some(1), End::Patience));
}
