//! The training loop.
//!
//! | file | what |
//! |---|---|
//! | [`observer`] | what it tells while it goes on |
//! | [`validate`] | figures of the averaged network, as it would be served |
//! | [`results`] | `results.csv` |
//! | [`sheet`] | pictures with boxes, many on one |
//! | [`plots`] | curves of the run and of a validation |

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::train::{
    Checkpoint, CheckpointError, Ema, Gradients, Optimizer, Parameters, Progress, Schedule, Stop, peak_memory_mib,
};
use engine::{Device, EngineError, Precision, on_threads};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::model_card::{CardError, DataSet, Task};
use vision::{ModelCard, PreprocessPlan, Sha256};

use super::config::TrainConfig;
use super::dataset::{Origin, TrainingData};
use super::{Batch, DataError, Feed, LossError, LossParts, Transfer, detection_loss};
use crate::model::architecture::TRUNK;
use crate::model::{Architecture, YoloV8};

pub mod observer;
pub mod plots;
pub mod results;
pub mod sheet;
pub mod validate;

pub use engine::train::{RunFolder, find_run};
pub use observer::{BatchReport, Observer, RunStart};
pub use results::EpochRow;
pub use validate::Validation;

use results::Results;

/// Why a run ended before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError {
    /// A file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Weights.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The loss.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Something in the setting does not fit.
    #[error("{0}")]
    Setup(String),
    /// Training ran away.
    #[error(
        "the {what} is {value} at step {step} (epoch {epoch}, batch {batch}); the pictures of that batch are {}. \
         The batch lies in {}. Lower the learning rate, or look for broken labels in these pictures", names.join(", "), saved.display()
    )]
    NotFinite {
        /// Loss or gradient.
        what: String,
        /// NaN or infinite.
        value: f64,
        /// Optimiser step.
        step: u64,
        /// Epoch, counted from 1.
        epoch: u64,
        /// Batch, counted from 1.
        batch: usize,
        /// Its pictures.
        names: Vec<String>,
        /// Where they were written.
        saved: PathBuf,
    },
}

/// What is trained, and on what.
#[derive(Debug)]
pub struct Setup {
    /// What the user asked for.
    pub config: TrainConfig,
    /// Weights to start from.
    pub transfer: Option<Transfer>,
    /// The pictures to learn from.
    pub feed: Arc<Feed>,
    /// The pictures to validate on; may be none.
    pub validation: Option<TrainingData>,
    /// Where it computes.
    pub device: Device,
    /// For the card: what it learns from.
    pub data: Vec<DataSet>,
    /// For the card: licence of the weights.
    pub license: String,
}

impl Setup {
    /// The network.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        Architecture {
            backbone: self.config.design.backbone,
            scale: self.config.design.scale,
            classes: self.classes().len(),
        }
    }

    /// Names of its classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.feed.data.names
    }

    /// Batches whose gradients make a step.
    fn accumulate(&self) -> usize {
        (self.config.optimiser.nominal_batch / self.feed.rules.batch.max(1)).max(1)
    }

    fn schedule(&self, batches: usize) -> Schedule {
        let steps = batches.div_ceil(self.accumulate()) as u64;
        self.config.optimiser.schedule(steps, self.config.epochs)
    }

    /// What a checkpoint must be of to go on from it.
    fn identity(&self) -> String {
        identity(self.architecture())
    }
}

fn identity(architecture: Architecture) -> String {
    format!("{} with {} classes", architecture.design(), architecture.classes)
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Whole epochs done.
    pub epochs: u64,
    /// Best epoch, counted from 1, and its fitness.
    pub best: Option<(u64, f64)>,
    /// Why.
    pub why: End,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Done,
    /// No better network for too many epochs.
    Patience,
    /// Somebody asked for it; it can go on.
    Stopped,
}

/// How often a checkpoint is written within an epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);
/// Training batches of the first epoch that are drawn.
const DRAWN_BATCHES: usize = 3;
/// Validation pictures that are drawn.
const DRAWN_PREDICTIONS: usize = 12;
/// Confidence from which on predictions are drawn.
const DRAWN_CONFIDENCE: f32 = 0.25;

/// Sums of the epoch that is under way; part of the checkpoint.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Sums {
    boxes: f64,
    classes: f64,
    dfl: f64,
    batches: usize,
    seconds: f64,
}

impl Sums {
    fn add(&mut self, parts: LossParts) {
        self.boxes += parts.boxes;
        self.classes += parts.classes;
        self.dfl += parts.dfl;
        self.batches += 1;
    }

    fn mean(&self) -> LossParts {
        let of = |sum: f64| sum / self.batches.max(1) as f64;
        LossParts { boxes: of(self.boxes), classes: of(self.classes), dfl: of(self.dfl) }
    }
}

/// Trains, or goes on where the checkpoint in `folder` stopped.
///
/// # Errors
/// See [`FitError`]. Whatever happens, the last whole checkpoint stays.
pub fn fit(
    setup: &Setup,
    folder: &RunFolder,
    observer: &mut (dyn Observer + Send),
    stop: &Stop,
) -> Result<Finished, FitError> {
    Run::new(setup, folder, observer, stop)?.go()
}

struct Run<'a> {
    setup: &'a Setup,
    folder: &'a RunFolder,
    observer: &'a mut (dyn Observer + Send),
    stop: &'a Stop,
    network: YoloV8,
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Ema,
    schedule: Schedule,
    batches: usize,
    progress: Progress,
    sums: Sums,
    seconds: f64,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn new(
        setup: &'a Setup,
        folder: &'a RunFolder,
        observer: &'a mut (dyn Observer + Send),
        stop: &'a Stop,
    ) -> Result<Self, FitError> {
        let o = &setup.config.optimiser;
        let seed = setup.config.rules.seed;
        let start = setup.transfer.as_ref().map(|transfer| transfer.weights.clone());
        let parameters = Parameters::new(seed, start, &setup.device);
        let network = YoloV8::load(parameters.builder(), setup.architecture())?;
        let mut optimizer = Optimizer::new(o.kind(), parameters.trainable());
        if setup.transfer.is_some() {
            optimizer.scale_rates(|name| if name.starts_with(TRUNK) { o.backbone_lr } else { 1.0 });
        }
        let mut ema = Ema::new(&parameters.all(), o.ema_decay, o.ema_steps)?;
        let mut progress = Progress {
            architecture: setup.identity(),
            epochs: 0,
            steps: 0,
            batches: 0,
            best: None,
            best_epoch: None,
            seed,
            extra: serde_json::Value::Null,
        };
        let (mut sums, mut seconds) = (Sums::default(), 0.0);
        if folder.last().exists() {
            let checkpoint = Checkpoint::open(&folder.last(), &setup.identity(), &setup.device)?;
            progress = checkpoint.restore(&parameters, &mut optimizer, &mut ema)?;
            if let Ok((kept, spent)) = serde_json::from_value(progress.extra.clone()) {
                (sums, seconds) = (kept, spent);
            }
        }
        let batches = setup.feed.batches();
        observer.started(&RunStart {
            architecture: setup.identity(),
            parameters: parameters.count(),
            epochs: setup.config.epochs.into(),
            done: progress.epochs,
            batches,
            batch: setup.feed.rules.batch,
            validation_pictures: setup.validation.as_ref().map_or(0, |data| data.samples.len()),
        });
        let (schedule, saved) = (setup.schedule(batches), Instant::now());
        Ok(Self {
            setup,
            folder,
            observer,
            stop,
            network,
            parameters,
            optimizer,
            ema,
            schedule,
            batches,
            progress,
            sums,
            seconds,
            saved,
        })
    }

    fn go(mut self) -> Result<Finished, FitError> {
        let path = self.folder.results();
        let at = |source| FitError::Io { path: path.clone(), source };
        let mut results = Results::open(&path, self.progress.epochs).map_err(at)?;
        let TrainConfig { epochs, patience, .. } = self.setup.config;
        let why = loop {
            if self.progress.epochs >= u64::from(epochs) {
                break End::Done;
            }
            let since = self.progress.epochs.saturating_sub(self.progress.best_epoch.unwrap_or(0));
            if patience > 0 && self.progress.best.is_some() && since >= u64::from(patience) {
                break End::Patience;
            }
            let began = Instant::now();
            // One change of threads for an epoch, not one for every operation. Validation stays outside: it waits for threads
            // of its own that compute on these, and where there is only one of these, each would wait for the other.
            if !on_threads(|| self.epoch())? {
                self.seconds += began.elapsed().as_secs_f64();
                self.save()?;
                break End::Stopped;
            }
            let row = self.end_epoch(began)?;
            results.add(&row).map_err(at)?;
            self.observer.epoch(&row);
            let rows = engine::train::results::read(&path).map_err(at)?;
            self.show("results.png", &plots::results(&rows))?;
            self.save()?;
        };
        let best = self.progress.best_epoch.zip(self.progress.best);
        Ok(Finished { epochs: self.progress.epochs, best, why })
    }

    /// Trains on the batches of an epoch that are left. `false` when it was asked to stop.
    fn epoch(&mut self) -> Result<bool, FitError> {
        let (began, before) = (Instant::now(), self.sums.seconds);
        let (epoch, skip) = (self.progress.epochs, self.progress.batches as usize);
        let (accumulate, all, size) = (self.setup.accumulate(), self.batches, self.setup.feed.rules.batch);
        let mut sum = Gradients::default();
        // A run has fewer epochs than fit into 32 bits: the configuration says so.
        let number = epoch as u32;
        for batch in self.setup.feed.epoch(number, skip, self.setup.config.loader_options(number)) {
            let batch = batch?;
            let at = batch.number;
            let loss = self.backward(&batch, at, &mut sum)?;
            self.sums.add(loss);
            self.sums.seconds = before + began.elapsed().as_secs_f64();
            if epoch == 0 && at < DRAWN_BATCHES {
                self.draw_batch(&batch, at)?;
            }
            let ends_step = (at + 1).is_multiple_of(accumulate) || at + 1 == all;
            if ends_step {
                self.step(std::mem::take(&mut sum), &batch, at)?;
                self.progress.batches = at as u64 + 1;
            }
            let rates = self.schedule.at(self.progress.steps);
            let seen = (self.sums.batches * size) as f64;
            self.observer.batch(&BatchReport {
                epoch: epoch + 1,
                batch: at + 1,
                batches: all,
                step: self.progress.steps,
                loss,
                mean: self.sums.mean(),
                pictures_per_second: seen / self.sums.seconds.max(1e-9),
                learning_rate: rates.learning_rate,
                objects: batch.targets.iter().map(|targets| targets.objects.len()).sum(),
            });
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

    fn backward(&mut self, batch: &Batch, at: usize, sum: &mut Gradients) -> Result<LossParts, FitError> {
        let images = batch.tensor(&self.setup.device)?;
        let output = self.network.forward_t(&images, true)?;
        let loss = detection_loss(&output, &batch.targets, &self.setup.config.loss)?;
        let total = loss.parts.total();
        if !total.is_finite() {
            return Err(self.not_finite("loss".to_owned(), total, batch, at));
        }
        sum.add(Gradients::of(self.optimizer.parameters(), loss.objective.backward()?))?;
        Ok(loss.parts)
    }

    fn step(&mut self, mut gradients: Gradients, batch: &Batch, at: usize) -> Result<(), FitError> {
        let norm = gradients.clip(self.setup.config.optimiser.clip_norm)?;
        if !norm.is_finite() {
            let name = gradients.first_not_finite()?.unwrap_or("all parameters").to_owned();
            return Err(self.not_finite(format!("gradient of {name}"), norm, batch, at));
        }
        self.optimizer.step(&gradients, &self.schedule.at(self.progress.steps))?;
        self.ema.update(&self.parameters.all())?;
        self.progress.steps += 1;
        Ok(())
    }

    fn end_epoch(&mut self, began: Instant) -> Result<EpochRow, FitError> {
        let (loss, sums) = (self.sums.mean(), self.sums);
        self.progress.epochs += 1;
        self.progress.batches = 0;
        self.sums = Sums::default();
        let epoch = self.progress.epochs;
        let validation = match &self.setup.validation {
            Some(data) => Some(self.validate(data)?),
            None => None,
        };
        // Without pictures to validate on, the last network counts as the best.
        let fitness = validation.as_ref().map_or(0.0, Validation::fitness);
        let best = validation.is_none() || self.progress.best.is_none_or(|best| fitness > best);
        if best {
            self.progress.best = Some(fitness);
            self.progress.best_epoch = Some(epoch);
            self.save_best(validation.as_ref())?;
        }
        self.seconds += began.elapsed().as_secs_f64();
        let rates = self.schedule.at(self.progress.steps);
        Ok(EpochRow {
            epoch,
            seconds: self.seconds,
            loss,
            validation,
            learning_rate: rates.learning_rate,
            bias_learning_rate: rates.bias_learning_rate,
            pictures_per_second: (sums.batches * self.setup.feed.rules.batch) as f64 / sums.seconds.max(1e-9),
            peak_memory_mib: peak_memory_mib(),
            best,
        })
    }

    fn validate(&mut self, data: &TrainingData) -> Result<Validation, FitError> {
        let (setup, folder) = (self.setup, self.folder);
        let weights = self.ema.weights(&folder.best())?;
        let detector =
            validate::serving(&weights, setup.architecture(), setup.classes(), setup.config.side, &setup.device)?;
        let measured = validate::validate(&detector, data, DRAWN_PREDICTIONS, self.observer)?;
        self.show("val_predictions.jpg", &sheet::predictions(&measured.shown, DRAWN_CONFIDENCE))?;
        for (name, picture) in plots::validation(&measured.section) {
            self.show(name, &picture)?;
        }
        Ok(measured.figures)
    }

    /// Writes the averaged network as it is served, with its card.
    fn save_best(&mut self, validation: Option<&Validation>) -> Result<(), FitError> {
        let path = self.folder.best();
        let weights = self.ema.weights(&path)?;
        weights.save(&path, Precision::F32)?;
        let card = ModelCard {
            name: self.setup.config.name.clone(),
            architecture: self.setup.architecture().design().to_string(),
            weights: "best.safetensors".to_owned(),
            sha256: Sha256::of_file(&path).map_err(|source| FitError::Io { path: path.clone(), source })?,
            classes: self.setup.classes().to_vec(),
            metrics: validation.map(Validation::metrics).unwrap_or_default(),
            data: self.setup.data.clone(),
            license: self.setup.license.clone(),
            ..ModelCard::new(Task::Detector, PreprocessPlan::yolo(self.setup.config.side, self.setup.config.side))
        };
        card.write_beside(&path)?;
        Ok(())
    }

    fn save(&mut self) -> Result<(), FitError> {
        self.progress.extra = serde_json::json!((self.sums, self.seconds));
        Checkpoint::save(&self.folder.last(), &self.parameters, &self.optimizer, &self.ema, &self.progress)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn draw_batch(&mut self, batch: &Batch, at: usize) -> Result<(), FitError> {
        self.show(&format!("train_batch{at}.jpg"), &sheet::batch(batch))
    }

    /// Writes a picture and tells of it.
    fn show(&mut self, name: &str, picture: &vision::RgbImage) -> Result<(), FitError> {
        let written = self.write_picture(name, picture)?;
        self.observer.picture(&written);
        Ok(())
    }

    fn write_picture(&self, name: &str, picture: &vision::RgbImage) -> Result<PathBuf, FitError> {
        let at = |source| FitError::Io { path: self.folder.path().join(name), source };
        self.folder.write_picture(name, picture).map_err(at)
    }

    /// The batch that broke the run, written where one can look at it.
    fn not_finite(&self, what: String, value: f64, batch: &Batch, at: usize) -> FitError {
        let saved = self.write_picture("failed_batch.jpg", &sheet::batch(batch));
        let saved = saved.unwrap_or_else(|_| self.folder.path().to_owned());
        FitError::NotFinite {
            what,
            value,
            step: self.progress.steps,
            epoch: self.progress.epochs + 1,
            batch: at + 1,
            names: batch.origins.iter().map(origin_name).collect(),
            saved,
        }
    }
}

fn origin_name(origin: &Origin) -> String {
    match origin {
        Origin::File(path) => path.display().to_string(),
        Origin::Drawn(number) => format!("drawn shelf {number}"),
    }
}
