//! Training as a learner: batches, dropout, validation, early stopping by the loop's patience.

use std::path::{Path, PathBuf};

use engine::{EngineError, Precision, Weights};
use thiserror::Error;
use vision::Random;

use super::adam::Adam;
use super::descent::Descent;
use super::file::{self, State};
use super::network::{Mlp, argmax};
use crate::core::learner::{Finished, Learner, Length, Measured, Output, OutputError, Standing, run};
use crate::core::{BatchReport, Metric, Observer, RunFolder, RunStart, Stop, peak_memory_mib};

/// Rows, each of a class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// Scaled features, row after row.
    pub x: Vec<f32>,
    /// The class of each row.
    pub classes: Vec<u32>,
}

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpPlan {
    /// Seed of weights, order and dropout.
    pub seed: u64,
    /// Outputs of the layers before the last.
    pub hidden: Vec<usize>,
    /// Classes to tell apart.
    pub classes: usize,
    /// Fraction of what hidden layers say that is left out by chance, 0 to 1.
    pub dropout: f32,
    /// Step of Adam.
    pub learning_rate: f32,
    /// Rows of a step.
    pub batch: usize,
    /// Passes over the rows.
    pub epochs: u64,
    /// Epochs without a lower loss on the validation rows after which it ends; 0 for never.
    pub patience: u64,
}

/// Why training ended before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MlpError {
    /// A file of the run.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A checkpoint cannot be read or written.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The checkpoint is of another run.
    #[error("{} was begun with other data or another configuration: remove it to begin anew", path.display())]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
    },
    /// Rows that cannot be learned from.
    #[error("{reason}")]
    Rows {
        /// Why.
        reason: &'static str,
    },
    /// Training ran away.
    #[error("the loss is {value} in epoch {epoch}: are the features scaled?")]
    NotFinite {
        /// The loss.
        value: f64,
        /// Epoch, counted from 1.
        epoch: u64,
    },
}

/// A network in training.
#[derive(Debug)]
pub struct MlpLearner<'a> {
    plan: MlpPlan,
    /// Of plan and rows.
    identity: String,
    train: &'a Rows,
    validation: &'a Rows,
    network: Mlp,
    adam: Adam,
    descent: Descent,
    /// Mean loss of the last epoch.
    loss: Option<f64>,
}

impl<'a> MlpLearner<'a> {
    /// Learns from `train`, stops by `validation`. `data` names what the rows are, so that a run goes on with no others.
    ///
    /// # Errors
    /// When there are no rows, features are not finite, or classes are not below `plan.classes`.
    pub fn new(plan: MlpPlan, train: &'a Rows, validation: &'a Rows, data: &str) -> Result<Self, MlpError> {
        let refused = |reason| Err(MlpError::Rows { reason });
        if train.classes.is_empty() || validation.classes.is_empty() {
            return refused("there are no rows to learn from, or none to stop by");
        }
        let features = train.x.len() / train.classes.len();
        for rows in [train, validation] {
            if features == 0 || rows.x.len() != features * rows.classes.len() {
                return refused("rows have no features, or not the same number of them");
            }
            if !rows.x.iter().all(|value| value.is_finite()) {
                return refused("a feature is not finite");
            }
            if rows.classes.iter().any(|class| *class as usize >= plan.classes) {
                return refused("a row is of a class that there is not");
            }
        }
        if plan.hidden.contains(&0) || plan.batch == 0 || !(0.0..1.0).contains(&plan.dropout) {
            return refused("a layer or a batch is empty, or dropout leaves nothing");
        }
        let network = Mlp::seeded(features, &plan.hidden, plan.classes, plan.seed);
        let identity = format!(
            "{data} {features}-{:?}-{} seed {} dropout {} rate {} batch {}",
            plan.hidden, plan.classes, plan.seed, plan.dropout, plan.learning_rate, plan.batch
        );
        let (adam, descent) = (Adam::default(), Descent::default());
        Ok(Self { plan, identity, train, validation, network, adam, descent, loss: None })
    }

    /// Trains, or goes on where the run in the folder stopped. The best network lies in [`best_path`] afterwards.
    ///
    /// # Errors
    /// When a file cannot be read or written, or training runs away.
    pub fn fit(
        &mut self,
        folder: &RunFolder,
        observer: &mut (dyn Observer + Send),
        stop: &Stop,
    ) -> Result<Finished, MlpError> {
        let length = Length { epochs: self.plan.epochs, patience: self.plan.patience };
        run(self, length, Output::new(folder, observer), stop)
    }

    fn batches(&self) -> usize {
        self.train.classes.len().div_ceil(self.plan.batch)
    }

    fn measure(&self) -> (f64, f64) {
        let probabilities = self.network.probabilities(&self.validation.x);
        let rows = probabilities.chunks_exact(self.plan.classes).zip(&self.validation.classes);
        let (mut loss, mut right) = (0.0, 0_usize);
        for (row, class) in rows {
            loss -= f64::from(row[*class as usize].max(f32::MIN_POSITIVE)).ln();
            right += usize::from(argmax(row) == *class as usize);
        }
        let count = self.validation.classes.len() as f64;
        (loss / count, right as f64 / count)
    }
}

/// Where the best network of a run lies.
#[must_use]
pub fn best_path(folder: &RunFolder) -> PathBuf {
    folder.best()
}

/// Reads a network that was trained.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn open_network(path: &Path) -> Result<Mlp, EngineError> {
    file::network(&Weights::open(path)?, path)
}

impl Learner for MlpLearner<'_> {
    type Error = MlpError;

    fn resume(&mut self, folder: &RunFolder) -> Result<Option<Standing>, MlpError> {
        let path = folder.last();
        if !path.exists() {
            return Ok(None);
        }
        let (network, adam, state) = file::open(&path)?;
        if state.identity != self.identity {
            return Err(MlpError::OtherRun { path });
        }
        let standing = state.standing();
        (self.network, self.adam) = (network, adam);
        Ok(Some(standing))
    }

    fn begin(&mut self, standing: &Standing, output: &mut Output<'_>) {
        let run = RunStart {
            network: format!("mlp {:?}", self.plan.hidden),
            parameters: self.network.parameters(),
            epochs: self.plan.epochs,
            done: standing.epochs,
            batches: self.batches(),
            batch: self.plan.batch,
            validation_images: self.validation.classes.len(),
        };
        output.observer().started(&run);
    }

    fn epoch(&mut self, standing: &Standing, output: &mut Output<'_>, stop: &Stop) -> Result<bool, MlpError> {
        /// Batches between two looks at who wants the end or to hear of progress.
        const LOOK: usize = 256;
        // An epoch that is broken off is begun anew, so what it changed must be taken back.
        let before = (self.network.clone(), self.adam.clone());
        let mut random = Random::named(self.plan.seed, &format!("epoch {}", standing.epochs));
        let mut order: Vec<usize> = (0..self.train.classes.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        let features = self.network.features();
        let (mut x, mut classes) = (Vec::new(), Vec::new());
        let mut sum = 0.0;
        for (at, rows) in order.chunks(self.plan.batch).enumerate() {
            x.clear();
            classes.clear();
            for row in rows {
                x.extend_from_slice(&self.train.x[row * features..][..features]);
                classes.push(self.train.classes[*row]);
            }
            let loss = self.descent.batch(&self.network, (&x, &classes), self.plan.dropout, &mut random);
            if !loss.is_finite() {
                return Err(MlpError::NotFinite { value: loss, epoch: standing.epochs + 1 });
            }
            self.adam.step(self.network.parameters_mut(), self.descent.gradients(), self.plan.learning_rate);
            sum += loss * rows.len() as f64;
            if (at + 1).is_multiple_of(LOOK) {
                output.observer().batch(&BatchReport {
                    epoch: standing.epochs + 1,
                    batch: at + 1,
                    batches: self.batches(),
                    step: self.adam.steps,
                    loss,
                    means: Vec::new(),
                    images_per_second: 0.0,
                });
                if stop.requested() {
                    (self.network, self.adam) = before;
                    return Ok(false);
                }
            }
        }
        self.loss = Some(sum / order.len() as f64);
        Ok(true)
    }

    fn validate(&mut self, _: &Standing, _: &mut Output<'_>) -> Result<Option<Measured>, MlpError> {
        let (loss, accuracy) = self.measure();
        Ok(Some(Measured { fitness: Some(-loss), metrics: vec![Some(loss), Some(accuracy)] }))
    }

    fn save_best(&mut self, folder: &RunFolder) -> Result<(), MlpError> {
        let path = folder.best();
        Ok(file::weights(&self.network, &path)?.save(&path, Precision::F32)?)
    }

    fn metrics(&self, standing: &Standing, measured: &[Option<f64>]) -> Vec<Metric> {
        let of = |at: usize| measured.get(at).copied().flatten();
        vec![
            ("epoch", Some(standing.epochs as f64)),
            ("time", Some(standing.seconds)),
            ("train/loss", self.loss),
            ("val/loss", of(0)),
            ("val/accuracy", of(1)),
            ("peak_memory_mib", Some(peak_memory_mib())),
        ]
    }

    fn row(&self, metrics: &[Metric]) -> String {
        let cell = |&(name, value): &Metric| match (name, value) {
            (_, None) => String::new(),
            ("epoch" | "peak_memory_mib", Some(value)) => format!("{value:.0}"),
            ("time", Some(value)) => format!("{value:.1}"),
            (_, Some(value)) => format!("{value:.5}"),
        };
        metrics.iter().map(cell).collect::<Vec<_>>().join(",")
    }

    fn save(&mut self, standing: &Standing, folder: &RunFolder) -> Result<(), MlpError> {
        let state = State {
            identity: self.identity.clone(),
            epochs: standing.epochs,
            best: standing.best,
            seconds: standing.seconds,
            steps: self.adam.steps,
        };
        Ok(file::save(&folder.last(), &self.network, &self.adam, &state)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::EpochReport;
    use crate::core::learner::End;

    /// Two classes that a circle tells apart, and a third that never comes.
    fn rows(seed: u64, count: usize) -> Rows {
        let mut random = Random::new(seed);
        let mut rows = Rows::default();
        for _ in 0..count {
            let (x, y) = (random.normal() as f32, random.normal() as f32);
            rows.x.extend([x, y, 0.0]);
            rows.classes.push(u32::from(x * x + y * y > 1.4));
        }
        rows
    }

    fn plan() -> MlpPlan {
        MlpPlan {
            seed: 42,
            hidden: vec![16, 8],
            classes: 3,
            dropout: 0.1,
            learning_rate: 5e-3,
            batch: 32,
            epochs: 30,
            patience: 8,
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

    #[test]
    fn it_learns_and_is_the_same_however_often_it_is_interrupted() {
        let (train, validation) = (rows(1, 9_000), rows(2, 300));
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(runs.path(), "whole").unwrap();
        let learner = || MlpLearner::new(plan(), &train, &validation, "circles").unwrap();
        let whole = learner().fit(&folder, &mut (), &Stop::default()).unwrap();
        let best = open_network(&best_path(&folder)).unwrap();
        let probabilities = best.probabilities(&validation.x);
        let right =
            probabilities.chunks(3).zip(&validation.classes).filter(|(row, class)| argmax(row) == **class as usize);
        assert!(right.count() > 285, "{whole:?}");
        assert!(probabilities.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row[2] < 0.05));

        let parts = RunFolder::create(runs.path(), "parts").unwrap();
        let stop = Stop::default();
        let stopped = learner().fit(&parts, &mut Until(3, stop.clone()), &stop).unwrap();
        assert_eq!((stopped.why, stopped.epochs), (End::Stopped, 3));
        // In the middle of an epoch: what it changed is taken back.
        let stop = Stop::default();
        stop.request();
        assert_eq!(learner().fit(&parts, &mut (), &stop).unwrap().epochs, 3);
        assert_eq!(learner().fit(&parts, &mut (), &Stop::default()).unwrap(), whole);
        assert_eq!(std::fs::read(parts.best()).unwrap(), std::fs::read(folder.best()).unwrap(), "bit for bit");
        // Again, there is nothing left to do.
        assert_eq!(learner().fit(&folder, &mut (), &Stop::default()).unwrap(), whole);
        let other = MlpLearner::new(MlpPlan { seed: 43, ..plan() }, &train, &validation, "circles").unwrap().fit(
            &folder,
            &mut (),
            &Stop::default(),
        );
        assert!(matches!(other, Err(MlpError::OtherRun { .. })), "{other:?}");
    }

    #[test]
    fn rows_that_cannot_be_learned_from_are_refused() {
        let good = rows(1, 50);
        let nan = Rows { x: vec![f32::NAN; 3], classes: vec![0] };
        let class = Rows { x: vec![0.0; 3], classes: vec![3] };
        let short = Rows { x: vec![0.0; 2], classes: vec![0] };
        for bad in [Rows::default(), nan, class, short] {
            assert!(matches!(MlpLearner::new(plan(), &good, &bad, ""), Err(MlpError::Rows { .. })), "{bad:?}");
        }
        let plan = MlpPlan { dropout: 1.0, ..plan() };
        assert!(MlpLearner::new(plan, &good, &good, "").is_err());
    }

    #[test]
    fn the_graph_says_what_the_network_says() {
        let network = Mlp::seeded(3, &[16, 8], 3, 9);
        let graph = super::super::to_tflite(&network, "test").unwrap();
        let rows = rows(3, 20);
        for row in rows.x.chunks(3) {
            let said = engine::tflite::run_floats(&graph, &[row.to_vec()]).unwrap();
            for (a, b) in said[0].iter().zip(network.probabilities(row)) {
                assert!((a - b).abs() < 1e-6, "{a} {b}");
            }
        }
    }
}
