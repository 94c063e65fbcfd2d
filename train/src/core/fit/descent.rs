//! The loop: steps, epochs, checkpoints, what is told and written.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{End, Finished, FitError, Loss, Measured, Output, Place, Plan, Start, Task};
use crate::core::{
    BatchReport, Checkpoint, Ema, EpochReport, Figure, Gradients, Optimizer, Parameters, Progress, ResultsFile,
    RunStart, Schedule, Stop, peak_memory_mib,
};
use engine::on_threads;

/// How often a checkpoint is written within an epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);
/// Training batches of the first epoch that are drawn.
const DRAWN_BATCHES: usize = 3;

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

    fn means(&self, names: &[&'static str]) -> Vec<Figure> {
        let batches = self.batches.max(1) as f64;
        let mean = |at: usize| self.sums.get(at).map(|sum| sum / batches);
        names.iter().enumerate().map(|(at, name)| (*name, mean(at))).collect()
    }
}

pub(super) struct Run<'a, T: Task> {
    task: &'a mut T,
    output: Output<'a>,
    stop: &'a Stop,
    plan: Plan,
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Ema,
    schedule: Schedule,
    progress: Progress,
    memory: Memory,
    saved: Instant,
}

impl<'a, T: Task> Run<'a, T> {
    pub(super) fn new(
        task: &'a mut T,
        start: Start,
        output: Output<'a>,
        stop: &'a Stop,
    ) -> Result<Self, FitError<T::Error>> {
        let Start { parameters, mut optimizer, plan } = start;
        let mut ema = Ema::new(&parameters.all(), plan.optimiser.ema_decay, plan.optimiser.ema_steps)?;
        let mut progress = Progress {
            architecture: plan.identity.clone(),
            epochs: 0,
            steps: 0,
            batches: 0,
            best: None,
            best_epoch: None,
            seed: plan.seed,
            extra: serde_json::Value::Null,
        };
        let mut memory = Memory::default();
        let last = output.folder.last();
        if last.exists() {
            let checkpoint = Checkpoint::open(&last, &plan.identity, parameters.device())?;
            progress = checkpoint.restore(&parameters, &mut optimizer, &mut ema)?;
            memory = serde_json::from_value(progress.extra.clone()).unwrap_or_default();
            task.recall(memory.task.clone());
        }
        output.observer.started(&RunStart {
            network: plan.identity.clone(),
            parameters: parameters.count(),
            epochs: plan.epochs.into(),
            done: progress.epochs,
            batches: plan.batches,
            batch: plan.batch,
            validation_pictures: plan.validation_pictures,
        });
        if progress.epochs == 0 {
            plan.notes.iter().for_each(|line| output.observer.note(line));
            if plan.optimiser.mixed_precision && !parameters.device().is_cuda() {
                output.observer.note("optimizer.mixed_precision: only a GPU computes in bf16; this run is in f32");
            }
        }
        let steps = plan.batches.div_ceil(plan.accumulate()) as u64;
        let schedule = plan.optimiser.schedule(steps, plan.epochs);
        let saved = Instant::now();
        Ok(Self { task, output, stop, plan, parameters, optimizer, ema, schedule, progress, memory, saved })
    }

    pub(super) fn go(mut self) -> Result<Finished, FitError<T::Error>> {
        let path = self.output.folder.results();
        let at = |source| FitError::Io { path: path.clone(), source };
        let columns: Vec<&str> = self.figures(&[]).iter().map(|(name, _)| *name).collect();
        let mut results = ResultsFile::open(&path, &columns, self.progress.epochs).map_err(at)?;
        let (epochs, patience) = (u64::from(self.plan.epochs), u64::from(self.plan.patience));
        let why = loop {
            if self.progress.epochs >= epochs {
                break End::Done;
            }
            let since = self.progress.epochs.saturating_sub(self.progress.best_epoch.unwrap_or(0));
            if patience > 0 && self.progress.best.is_some() && since >= patience {
                break End::Patience;
            }
            let began = Instant::now();
            // One change of threads for an epoch, not one for every operation. Validation stays outside: it waits for threads
            // of its own that compute on these, and where there is only one of these, each would wait for the other.
            if !on_threads(|| self.epoch())? {
                self.memory.run_seconds += began.elapsed().as_secs_f64();
                self.save()?;
                break End::Stopped;
            }
            let report = self.end_epoch(began)?;
            results.add(&row(&report.figures)).map_err(at)?;
            self.output.observer.epoch(&report);
            self.task.epoch_ended(&mut self.output)?;
            self.save()?;
        };
        let best = self.progress.best_epoch.zip(self.progress.best);
        Ok(Finished { epochs: self.progress.epochs, best, why })
    }

    /// Trains on the batches of an epoch that are left. `false` when it was asked to stop.
    fn epoch(&mut self) -> Result<bool, FitError<T::Error>> {
        let (began, before) = (Instant::now(), self.memory.seconds);
        let (epoch, skip) = (self.progress.epochs, self.progress.batches as usize);
        let (accumulate, all) = (self.plan.accumulate(), self.plan.batches);
        let mut sum = Gradients::default();
        // A run has fewer epochs than fit into 32 bits: the plan says so.
        for batch in self.task.batches(epoch as u32, skip) {
            let (at, batch) = batch?;
            let Loss { objective, value, means } = self.task.loss(&batch, Place { epoch, batch: at, batches: all })?;
            if !value.is_finite() {
                return Err(self.not_finite("loss".to_owned(), value, &batch, at));
            }
            sum.add(Gradients::of(self.optimizer.parameters(), objective.backward()?))?;
            self.memory.add(&means);
            self.memory.seconds = before + began.elapsed().as_secs_f64();
            if epoch == 0 && at < DRAWN_BATCHES {
                self.output.picture::<T::Error>(&format!("train_batch{at}.jpg"), &self.task.sheet(&batch))?;
            }
            let ends_step = (at + 1).is_multiple_of(accumulate) || at + 1 == all;
            if ends_step {
                self.step(std::mem::take(&mut sum), &batch, at)?;
                self.progress.batches = at as u64 + 1;
            }
            let report = BatchReport {
                epoch: epoch + 1,
                batch: at + 1,
                batches: all,
                step: self.progress.steps,
                loss: value,
                means: self.memory.means(T::MEANS),
                pictures_per_second: self.speed(),
            };
            self.output.observer.batch(&report);
            if ends_step && at + 1 < all {
                if self.stop.requested() {
                    return Ok(false);
                }
                if self.saved.elapsed() > CHECKPOINT_EVERY {
                    self.save()?;
                }
            }
        }
        Ok(true)
    }

    fn step(&mut self, mut gradients: Gradients, batch: &T::Batch, at: usize) -> Result<(), FitError<T::Error>> {
        let norm = gradients.clip(self.plan.optimiser.clip_norm)?;
        if !norm.is_finite() {
            let name = gradients.first_not_finite()?.unwrap_or("all parameters").to_owned();
            return Err(self.not_finite(format!("gradient of {name}"), norm, batch, at));
        }
        self.optimizer.step(&gradients, &self.schedule.at(self.progress.steps))?;
        self.ema.update(&self.parameters.all())?;
        self.progress.steps += 1;
        Ok(())
    }

    fn end_epoch(&mut self, began: Instant) -> Result<EpochReport, FitError<T::Error>> {
        self.progress.epochs += 1;
        self.progress.batches = 0;
        let epoch = self.progress.epochs;
        let measured = self.task.validate(epoch, &self.ema, &mut self.output)?;
        let mut best = false;
        if let Some(Measured { fitness, .. }) = measured {
            best = fitness.is_none_or(|fitness| self.progress.best.is_none_or(|best| fitness > best));
            if best {
                (self.progress.best, self.progress.best_epoch) = (Some(fitness.unwrap_or(0.0)), Some(epoch));
                self.task.save_best(&self.ema, self.output.folder)?;
            }
        }
        self.memory.run_seconds += began.elapsed().as_secs_f64();
        let figures = self.figures(&measured.map(|measured| measured.metrics).unwrap_or_default());
        self.memory = Memory { run_seconds: self.memory.run_seconds, ..Memory::default() };
        Ok(EpochReport { epoch, figures, best })
    }

    /// A row of `results.csv`.
    fn figures(&self, metrics: &[Option<f64>]) -> Vec<Figure> {
        let rates = self.schedule.at(self.progress.steps);
        let mut figures = vec![("epoch", Some(self.progress.epochs as f64)), ("time", Some(self.memory.run_seconds))];
        figures.extend(self.memory.means(T::MEANS));
        figures.extend(T::METRICS.iter().enumerate().map(|(at, name)| (*name, metrics.get(at).copied().flatten())));
        figures.extend([
            ("lr/pg0", Some(rates.learning_rate)),
            ("lr/pg1", Some(rates.bias_learning_rate)),
            ("images_per_second", Some(self.speed())),
            ("peak_memory_mib", Some(peak_memory_mib())),
        ]);
        figures
    }

    /// Pictures a second since the epoch began.
    fn speed(&self) -> f64 {
        (self.memory.batches * self.plan.batch) as f64 / self.memory.seconds.max(1e-9)
    }

    fn save(&mut self) -> Result<(), FitError<T::Error>> {
        self.memory.task = self.task.remember();
        self.progress.extra = serde_json::to_value(&self.memory).unwrap_or_default();
        let path = self.output.folder.last();
        Checkpoint::save(&path, &self.parameters, &self.optimizer, &self.ema, &self.progress)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// The batch that broke the run, written where one can look at it.
    fn not_finite(&mut self, what: String, value: f64, batch: &T::Batch, at: usize) -> FitError<T::Error> {
        let saved = self.output.picture::<T::Error>("failed_batch.jpg", &self.task.sheet(batch));
        FitError::NotFinite {
            what,
            value,
            step: self.progress.steps,
            epoch: self.progress.epochs + 1,
            batch: at + 1,
            names: self.task.names(batch),
            saved: saved.unwrap_or_else(|_| self.output.folder.path().to_owned()),
            advice: T::ADVICE,
        }
    }
}

fn row(figures: &[Figure]) -> String {
    let cell = |&(name, value): &Figure| match (name, value) {
        (_, None) => String::new(),
        ("epoch" | "image_size" | "peak_memory_mib", Some(value)) => format!("{value:.0}"),
        ("time", Some(value)) => format!("{value:.1}"),
        ("images_per_second", Some(value)) => format!("{value:.2}"),
        ("lr/pg0" | "lr/pg1", Some(value)) => format!("{value:.7}"),
        (_, Some(value)) => format!("{value:.5}"),
    };
    figures.iter().map(cell).collect::<Vec<_>>().join(",")
}
