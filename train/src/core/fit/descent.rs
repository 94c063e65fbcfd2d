//! Gradient descent as a learner: steps, checkpoints, what is told of them.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{BatchPosition, FitError, Loss, Measured, Output, Plan, Start, Task};
use crate::core::learner::{Learner, Standing};
use crate::core::{
    BatchReport, Checkpoint, Ema, Gradients, Metric, Optimizer, Parameters, Progress, RunFolder, RunStart, Schedule,
    Stop, peak_memory_mib,
};
use engine::on_threads;

/// How often a checkpoint is written within an epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);
/// Training batches of the first epoch that are plotted.
const PLOTTED_BATCHES: usize = 3;

/// What the run knows beyond its parameters; part of the checkpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Memory {
    /// Of the epoch that is under way.
    sums: Vec<f64>,
    batches: usize,
    seconds: f64,
    /// Of the whole run, interruptions left out.
    run_seconds: f64,
    task: serde_json::Value,
}

impl Memory {
    fn add(&mut self, means: &[f64]) {
        self.sums.resize(means.len(), 0.0);
        self.sums.iter_mut().zip(means).for_each(|(sum, value)| *sum += value);
        self.batches += 1;
    }

    fn means(&self, names: &[&'static str]) -> Vec<Metric> {
        let batches = self.batches.max(1) as f64;
        let mean = |at: usize| self.sums.get(at).map(|sum| sum / batches);
        names.iter().enumerate().map(|(at, name)| (*name, mean(at))).collect()
    }
}

pub(super) struct Descent<'a, T: Task> {
    task: &'a mut T,
    plan: Plan,
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Ema,
    schedule: Schedule,
    /// Optimiser steps done.
    steps: u64,
    /// Batches done of the epoch that was interrupted.
    batches: u64,
    memory: Memory,
    saved: Instant,
}

impl<'a, T: Task> Descent<'a, T> {
    pub(super) fn new(task: &'a mut T, start: Start) -> Result<Self, FitError<T::Error>> {
        let Start { parameters, optimizer, plan } = start;
        let ema = Ema::new(&parameters.all(), plan.optimiser.ema_decay, plan.optimiser.ema_steps)?;
        let steps = plan.batches.div_ceil(plan.accumulate()) as u64;
        let schedule = plan.optimiser.schedule(steps, plan.epochs);
        let (memory, saved) = (Memory::default(), Instant::now());
        Ok(Self { task, plan, parameters, optimizer, ema, schedule, steps: 0, batches: 0, memory, saved })
    }

    /// Trains on the batches of an epoch that are left. `false` when it was asked to stop.
    fn descend(
        &mut self,
        standing: &Standing,
        output: &mut Output<'_>,
        stop: &Stop,
    ) -> Result<bool, FitError<T::Error>> {
        let (began, before) = (Instant::now(), self.memory.seconds);
        let (epoch, skip) = (standing.epochs, self.batches as usize);
        let (accumulate, all) = (self.plan.accumulate(), self.plan.batches);
        let mut sum = Gradients::default();
        // A run has fewer epochs than fit into 32 bits: the plan says so.
        for batch in self.task.batches(epoch as u32, skip) {
            let (at, batch) = batch?;
            let position = BatchPosition { epoch, batch: at, batches: all };
            let Loss { objective, value, means } = self.task.loss(&batch, position)?;
            if !value.is_finite() {
                return Err(self.not_finite(("loss".to_owned(), value), &batch, position, output));
            }
            sum.add(Gradients::of(self.optimizer.parameters(), objective.backward()?))?;
            self.memory.add(&means);
            self.memory.seconds = before + began.elapsed().as_secs_f64();
            if epoch == 0 && at < PLOTTED_BATCHES {
                output.image(&format!("train_batch{at}.jpg"), &self.task.sheet(&batch))?;
            }
            let ends_step = (at + 1).is_multiple_of(accumulate) || at + 1 == all;
            if ends_step {
                self.step(std::mem::take(&mut sum), &batch, position, output)?;
                self.batches = at as u64 + 1;
            }
            let report = BatchReport {
                epoch: epoch + 1,
                batch: at + 1,
                batches: all,
                step: self.steps,
                loss: value,
                means: self.memory.means(T::MEANS),
                images_per_second: self.speed(),
            };
            output.observer().batch(&report);
            if ends_step && at + 1 < all {
                if stop.requested() {
                    return Ok(false);
                }
                if self.saved.elapsed() > CHECKPOINT_EVERY {
                    self.save(standing, output.folder())?;
                }
            }
        }
        self.batches = 0;
        Ok(true)
    }

    fn step(
        &mut self,
        mut gradients: Gradients,
        batch: &T::Batch,
        position: BatchPosition,
        output: &mut Output<'_>,
    ) -> Result<(), FitError<T::Error>> {
        let norm = gradients.clip(self.plan.optimiser.clip_norm)?;
        if !norm.is_finite() {
            let name = gradients.first_not_finite()?.unwrap_or("all parameters").to_owned();
            return Err(self.not_finite((format!("gradient of {name}"), norm), batch, position, output));
        }
        self.optimizer.step(&gradients, &self.schedule.at(self.steps))?;
        self.ema.update(&self.parameters.all())?;
        self.steps += 1;
        Ok(())
    }

    /// Images a second since the epoch began.
    fn speed(&self) -> f64 {
        (self.memory.batches * self.plan.batch) as f64 / self.memory.seconds.max(1e-9)
    }

    /// The batch that broke the run, written where one can look at it.
    fn not_finite(
        &self,
        (what, value): (String, f64),
        batch: &T::Batch,
        position: BatchPosition,
        output: &mut Output<'_>,
    ) -> FitError<T::Error> {
        let saved = output.image("failed_batch.jpg", &self.task.sheet(batch));
        FitError::NotFinite {
            what,
            value,
            step: self.steps,
            epoch: position.epoch + 1,
            batch: position.batch + 1,
            names: self.task.names(batch),
            saved: saved.unwrap_or_else(|_| output.folder().path().to_owned()),
            advice: T::ADVICE,
        }
    }
}

impl<T: Task> Learner for Descent<'_, T> {
    type Error = FitError<T::Error>;

    fn resume(&mut self, folder: &RunFolder) -> Result<Option<Standing>, Self::Error> {
        let last = folder.last();
        if !last.exists() {
            return Ok(None);
        }
        let checkpoint = Checkpoint::open(&last, &self.plan.identity, self.parameters.device())?;
        let progress = checkpoint.restore(&self.parameters, &mut self.optimizer, &mut self.ema)?;
        (self.steps, self.batches) = (progress.steps, progress.batches);
        self.memory = serde_json::from_value(progress.extra).unwrap_or_default();
        self.task.load_state(self.memory.task.clone());
        let best = progress.best_epoch.zip(progress.best);
        Ok(Some(Standing { epochs: progress.epochs, best, seconds: self.memory.run_seconds }))
    }

    fn begin(&mut self, standing: &Standing, output: &mut Output<'_>) {
        let Self { plan, parameters, .. } = self;
        output.observer().started(&RunStart {
            network: plan.identity.clone(),
            parameters: parameters.count(),
            epochs: plan.epochs.into(),
            done: standing.epochs,
            batches: plan.batches,
            batch: plan.batch,
            validation_images: plan.validation_images,
        });
        if standing.epochs == 0 {
            plan.notes.iter().for_each(|line| output.observer().note(line));
            if plan.optimiser.mixed_precision && !parameters.device().is_cuda() {
                output.observer().note("optimizer.mixed_precision: only a GPU computes in bf16; this run is in f32");
            }
        }
        self.saved = Instant::now();
    }

    fn epoch(&mut self, standing: &Standing, output: &mut Output<'_>, stop: &Stop) -> Result<bool, Self::Error> {
        // One change of threads for an epoch, not one for every operation. Validation stays outside: it waits for threads
        // of its own that compute on these, and where there is only one of these, each would wait for the other.
        on_threads(|| self.descend(standing, output, stop))
    }

    fn validate(&mut self, standing: &Standing, output: &mut Output<'_>) -> Result<Option<Measured>, Self::Error> {
        self.task.validate(standing.epochs, &self.ema, output)
    }

    fn save_best(&mut self, folder: &RunFolder) -> Result<(), Self::Error> {
        self.task.save_best(&self.ema, folder)
    }

    fn metrics(&self, standing: &Standing, measured: &[Option<f64>]) -> Vec<Metric> {
        let rates = self.schedule.at(self.steps);
        let mut metrics = vec![("epoch", Some(standing.epochs as f64)), ("time", Some(standing.seconds))];
        metrics.extend(self.memory.means(T::MEANS));
        metrics.extend(T::METRICS.iter().enumerate().map(|(at, name)| (*name, measured.get(at).copied().flatten())));
        metrics.extend([
            ("lr/pg0", Some(rates.learning_rate)),
            ("lr/pg1", Some(rates.bias_learning_rate)),
            ("images_per_second", Some(self.speed())),
            ("peak_memory_mib", Some(peak_memory_mib())),
        ]);
        metrics
    }

    fn row(&self, metrics: &[Metric]) -> String {
        let cell = |&(name, value): &Metric| match (name, value) {
            (_, None) => String::new(),
            ("epoch" | "image_size" | "peak_memory_mib", Some(value)) => format!("{value:.0}"),
            ("time", Some(value)) => format!("{value:.1}"),
            ("images_per_second", Some(value)) => format!("{value:.2}"),
            ("lr/pg0" | "lr/pg1", Some(value)) => format!("{value:.7}"),
            (_, Some(value)) => format!("{value:.5}"),
        };
        metrics.iter().map(cell).collect::<Vec<_>>().join(",")
    }

    fn epoch_ended(&mut self, output: &mut Output<'_>) -> Result<(), Self::Error> {
        self.memory = Memory::default();
        self.task.epoch_ended(output)
    }

    fn save(&mut self, standing: &Standing, folder: &RunFolder) -> Result<(), Self::Error> {
        self.memory.task = self.task.save_state();
        self.memory.run_seconds = standing.seconds;
        let progress = Progress {
            architecture: self.plan.identity.clone(),
            epochs: standing.epochs,
            steps: self.steps,
            batches: self.batches,
            best: standing.best.map(|(_, fitness)| fitness),
            best_epoch: standing.best.map(|(epoch, _)| epoch),
            seed: self.plan.seed,
            extra: serde_json::to_value(&self.memory).unwrap_or_default(),
        };
        Checkpoint::save(&folder.last(), &self.parameters, &self.optimizer, &self.ema, &progress)?;
        self.saved = Instant::now();
        Ok(())
    }
}
