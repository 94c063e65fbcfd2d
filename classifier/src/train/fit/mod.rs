//! The training loop.
//!
//! | file | what |
//! |---|---|
//! | [`ship`] | the averaged network as it is served: validated, written, exported |
//! | [`pictures`] | what the network takes for what, to look at |
//! | [`error`] | why a run ended before its time |

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Tensor;
use engine::train::{
    BatchReport, Checkpoint, Ema, EpochReport, Figure, Gradients, Observer, Optimizer, Parameters, Progress,
    ResultsFile, RunFolder, RunStart, Schedule, Stop, peak_memory_mib, sheet,
};
use engine::{Device, Weights, on_threads};
use serde::{Deserialize, Serialize};
use vision::model_card::DataSet;
use vision::{Random, RgbImage};

use super::config::TrainConfig;
use super::head::{Head, Margins, margins_by_size};
use super::network::{HEAD, TrainingNetwork};
use super::validate::{Looked, Validation, nearest};
use super::{Batch, Feed, SkuPictures};

mod error;
pub mod pictures;
pub mod ship;

pub use error::FitError;

/// What is trained, and on what.
#[derive(Debug)]
pub struct Setup {
    /// What the user asked for.
    pub config: TrainConfig,
    /// Weights to start from, under native names.
    pub start: Option<Weights>,
    /// The pictures.
    pub feed: Arc<Feed>,
    /// Where it computes.
    pub device: Device,
    /// For the card: what it learns from.
    pub data: Vec<DataSet>,
    /// For the card: licence of the weights.
    pub license: String,
}

impl Setup {
    fn pictures(&self) -> &SkuPictures {
        &self.feed.data
    }

    /// What a checkpoint must be of to go on from it.
    fn identity(&self) -> String {
        let TrainConfig { architecture, dimension, head, .. } = &self.config;
        let learned = self.pictures().learned;
        format!("{architecture}, {dimension} components, {learned} SKUs of {} centres", head.sub_centers)
    }

    fn accumulate(&self) -> usize {
        (self.config.optimiser.nominal_batch / self.feed.rules.batch().max(1)).max(1)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Whole epochs done.
    pub epochs: u64,
    /// Best epoch, counted from 1, and its fitness.
    pub best: Option<(u64, f64)>,
    /// The figures of the best epoch.
    pub validation: Option<Validation>,
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
const DRAWN_BATCHES: usize = 2;
/// Look-alikes that are named.
const NAMED_PAIRS: usize = 8;
/// Columns of `results.csv`.
const COLUMNS: [&str; 16] = [
    "epoch",
    "time",
    "train/loss",
    "train/top1",
    "metrics/top1",
    "metrics/top1_1shot",
    "metrics/top1_3shot",
    "metrics/top1_5shot",
    "metrics/unseen_1shot",
    "metrics/unseen_3shot",
    "metrics/unseen_5shot",
    "metrics/auroc",
    "lr/pg0",
    "image_size",
    "images_per_second",
    "peak_memory_mib",
];

/// What the run knows beyond its parameters; part of the checkpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Memory {
    loss: f64,
    right: usize,
    batches: usize,
    seconds: f64,
    run_seconds: f64,
    near: Vec<Vec<usize>>,
    best: Option<Validation>,
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
    network: TrainingNetwork,
    head: Head,
    margins: Vec<f64>,
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Ema,
    schedule: Schedule,
    batches: usize,
    progress: Progress,
    memory: Memory,
    saved: Instant,
}

impl<'a> Run<'a> {
    fn new(
        setup: &'a Setup,
        folder: &'a RunFolder,
        observer: &'a mut (dyn Observer + Send),
        stop: &'a Stop,
    ) -> Result<Self, FitError> {
        let TrainConfig { architecture, dimension, head: kind, optimiser, rules, .. } = &setup.config;
        let parameters = Parameters::new(rules.seed, setup.start.clone(), &setup.device);
        let network = TrainingNetwork::load(parameters.builder(), &architecture.config(), *dimension)?;
        let learned = setup.pictures().learned;
        let head = Head::load(parameters.builder().pp(HEAD), learned * kind.sub_centers, *dimension)?;
        let counts = setup.pictures().counts();
        let margins = margins_by_size(&counts, kind.margin, kind.rarest.unwrap_or(kind.margin));
        let mut optimizer = Optimizer::new(optimiser.kind(), parameters.trainable());
        if setup.start.is_some() {
            let taken = parameters.transfer().taken;
            optimizer.scale_rates(|name| if taken.contains(name) { optimiser.backbone_lr } else { 1.0 });
        }
        let mut ema = Ema::new(&parameters.all(), optimiser.ema_decay, optimiser.ema_steps)?;
        let mut progress = Progress {
            architecture: setup.identity(),
            epochs: 0,
            steps: 0,
            batches: 0,
            best: None,
            best_epoch: None,
            seed: rules.seed,
            extra: serde_json::Value::Null,
        };
        let mut memory = Memory::default();
        if folder.last().exists() {
            let checkpoint = Checkpoint::open(&folder.last(), &setup.identity(), &setup.device)?;
            progress = checkpoint.restore(&parameters, &mut optimizer, &mut ema)?;
            memory = serde_json::from_value(progress.extra.clone()).unwrap_or_default();
        }
        let batches = setup.feed.batches();
        observer.started(&RunStart {
            network: setup.identity(),
            parameters: parameters.count(),
            epochs: setup.config.epochs.into(),
            done: progress.epochs,
            batches,
            batch: rules.batch(),
            validation_pictures: setup.pictures().val.len() + setup.pictures().held_out.len(),
        });
        if progress.epochs == 0 && setup.start.is_some() {
            let transfer = parameters.transfer();
            let fresh: Vec<&str> = transfer.fresh.iter().map(String::as_str).collect();
            let some = fresh[..fresh.len().min(6)].join(", ");
            observer.note(&format!(
                "{} tensors start from weights, {} anew: {some}",
                transfer.taken.len(),
                fresh.len()
            ));
        }
        let steps = batches.div_ceil(setup.accumulate()) as u64;
        let schedule = optimiser.schedule(steps, setup.config.epochs);
        let saved = Instant::now();
        Ok(Self {
            setup,
            folder,
            observer,
            stop,
            network,
            head,
            margins,
            parameters,
            optimizer,
            ema,
            schedule,
            batches,
            progress,
            memory,
            saved,
        })
    }

    fn go(mut self) -> Result<Finished, FitError> {
        let path = self.folder.results();
        let at = |source| FitError::Io { path: path.clone(), source };
        let mut results = ResultsFile::open(&path, &COLUMNS, self.progress.epochs).map_err(at)?;
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
            // One change of threads for an epoch, not one for every operation. Validation stays outside: it waits for threads of
            // its own that compute on these.
            if !on_threads(|| self.epoch())? {
                self.memory.run_seconds += began.elapsed().as_secs_f64();
                self.save()?;
                break End::Stopped;
            }
            let report = self.end_epoch(began)?;
            results.add(&row(&report)).map_err(at)?;
            self.observer.epoch(&report);
            self.save()?;
        };
        let best = self.progress.best_epoch.zip(self.progress.best);
        Ok(Finished { epochs: self.progress.epochs, best, validation: self.memory.best, why })
    }

    /// Trains on the batches of an epoch that are left. `false` when it was asked to stop.
    fn epoch(&mut self) -> Result<bool, FitError> {
        let (began, before) = (Instant::now(), self.memory.seconds);
        let (epoch, skip) = (self.progress.epochs as u32, self.progress.batches as usize);
        let (accumulate, all, config) = (self.setup.accumulate(), self.batches, &self.setup.config);
        let near: &[Vec<usize>] = if config.hard_negatives { &self.memory.near } else { &[] };
        let loader = self.setup.feed.epoch((epoch, skip), config.side_at(epoch), near, config.workers);
        let mut sum = Gradients::default();
        for batch in loader {
            let batch = batch?;
            let at = batch.number;
            let loss = self.backward(&batch, at, &mut sum)?;
            self.memory.batches += 1;
            self.memory.seconds = before + began.elapsed().as_secs_f64();
            if epoch == 0 && at < DRAWN_BATCHES {
                self.draw(&format!("train_batch{at}.jpg"), &batch)?;
            }
            let ends_step = (at + 1).is_multiple_of(accumulate) || at + 1 == all;
            if ends_step {
                self.step(std::mem::take(&mut sum), &batch, at)?;
                self.progress.batches = at as u64 + 1;
            }
            self.observer.batch(&BatchReport {
                epoch: u64::from(epoch) + 1,
                batch: at + 1,
                batches: all,
                step: self.progress.steps,
                loss,
                means: self.means().to_vec(),
                pictures_per_second: self.speed(),
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

    /// Mean loss and share of right answers of the epoch so far.
    fn means(&self) -> [Figure; 2] {
        let batches = self.memory.batches.max(1) as f64;
        let right = self.memory.right as f64 / (batches * self.setup.feed.rules.batch() as f64);
        [("loss", Some(self.memory.loss / batches)), ("top1", Some(right))]
    }

    fn speed(&self) -> f64 {
        (self.memory.batches * self.setup.feed.rules.batch()) as f64 / self.memory.seconds.max(1e-9)
    }

    /// Share of the margin that holds by now.
    fn warmth(&self, at: usize) -> f64 {
        let epochs = self.setup.config.head.warmup_epochs;
        let now = self.progress.epochs as f64 + at as f64 / self.batches.max(1) as f64;
        if epochs > 0.0 { (now / epochs).min(1.0) } else { 1.0 }
    }

    fn backward(&mut self, batch: &Batch, at: usize, sum: &mut Gradients) -> Result<f64, FitError> {
        let setup = self.setup;
        let images = batch.tensor(&setup.device)?;
        let mask = self.mask(batch.labels.len(), at)?;
        let embeddings = self.network.forward_t(&images, mask.as_ref(), true)?;
        let warmth = self.warmth(at);
        let by_class: Vec<f64> = self.margins.iter().map(|margin| margin * warmth).collect();
        let head = &setup.config.head;
        let margins =
            Margins { kind: head.kind, by_class: &by_class, scale: head.scale, sub_centers: head.sub_centers };
        let loss = self.head.loss(&embeddings, &batch.labels, &margins)?;
        if !loss.loss.is_finite() {
            return Err(self.not_finite("loss".to_owned(), loss.loss, batch, at));
        }
        sum.add(Gradients::of(self.optimizer.parameters(), loss.objective.backward()?))?;
        self.memory.loss += loss.loss;
        self.memory.right += loss.right;
        Ok(loss.loss)
    }

    /// Dropout of the pooled features: follows from seed, epoch and batch alone.
    fn mask(&self, rows: usize, at: usize) -> Result<Option<Tensor>, FitError> {
        let TrainConfig { dropout, architecture, rules, .. } = &self.setup.config;
        if *dropout <= 0.0 {
            return Ok(None);
        }
        let features = architecture.config().head;
        let mut random = Random::stream(rules.seed ^ 0xd70b, self.progress.epochs << 32 | at as u64);
        let kept = (1.0 / (1.0 - dropout)) as f32;
        let values: Vec<f32> =
            (0..rows * features).map(|_| if random.unit() < *dropout { 0.0 } else { kept }).collect();
        Ok(Some(Tensor::from_vec(values, (rows, features), &self.setup.device)?))
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

    fn end_epoch(&mut self, began: Instant) -> Result<EpochReport, FitError> {
        let (means, speed) = (self.means(), self.speed());
        let side = self.setup.config.side_at(self.progress.epochs as u32);
        self.progress.epochs += 1;
        self.progress.batches = 0;
        let epoch = self.progress.epochs;
        let due = epoch.is_multiple_of(self.setup.config.validate_every.into())
            || epoch == u64::from(self.setup.config.epochs);
        let validation = if due { Some(self.validate()?) } else { None };
        let mut best = false;
        if let Some(validation) = validation {
            let fitness = validation.fitness();
            best = self.progress.best.is_none_or(|best| fitness > best);
            if best {
                (self.progress.best, self.progress.best_epoch) = (Some(fitness), Some(epoch));
                self.memory.best = Some(validation);
                ship::save(self.setup, self.folder, &self.ema, Some(&validation))?;
            }
        }
        let run_seconds = self.memory.run_seconds + began.elapsed().as_secs_f64();
        self.memory = Memory {
            run_seconds,
            near: std::mem::take(&mut self.memory.near),
            best: self.memory.best,
            ..Memory::default()
        };
        let figures = validation.unwrap_or_default().figures();
        let own = [Some(epoch as f64), Some(run_seconds), means[0].1, means[1].1];
        let last = [
            Some(self.schedule.at(self.progress.steps).learning_rate),
            Some(f64::from(side)),
            Some(speed),
            Some(peak_memory_mib()),
        ];
        let values = own.into_iter().chain(figures.into_iter().map(|(_, value)| value)).chain(last);
        Ok(EpochReport { epoch, figures: COLUMNS.into_iter().zip(values).collect(), best })
    }

    fn validate(&mut self) -> Result<Validation, FitError> {
        let weights = ship::weights(self.setup, &self.ema, &self.folder.best())?;
        let embedder = ship::embedder(&weights, &self.setup.config, &self.setup.device)?;
        let setup = self.setup;
        let data = setup.pictures();
        let observer = &mut *self.observer;
        let looked = Looked::up(data, &embedder, &mut |done, all| observer.validating(done, all))?;
        let near = nearest(&looked.train, data.learned, self.setup.config.rivals);
        let mut pairs: Vec<(f32, usize, usize)> = near
            .iter()
            .enumerate()
            .flat_map(|(sku, rivals)| rivals.iter().map(move |&(rival, similarity)| (similarity, sku, rival)))
            .filter(|(_, sku, rival)| sku < rival || !near[*rival].iter().any(|(other, _)| other == sku))
            .collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let named: Vec<String> = pairs
            .iter()
            .take(NAMED_PAIRS)
            .map(|(similarity, a, b)| format!("{} / {} {similarity:.2}", data.skus[*a], data.skus[*b]))
            .collect();
        self.observer.note(&format!("look-alikes: {}", named.join("; ")));
        self.memory.near = near.into_iter().map(|rivals| rivals.into_iter().map(|(sku, _)| sku).collect()).collect();
        let plan = self.setup.config.plan();
        let alike: Vec<(usize, usize)> = pairs.iter().map(|(_, a, b)| (*a, *b)).collect();
        self.write("look_alikes.jpg", &pictures::look_alikes(&looked.train, &alike, &plan))?;
        self.write("mistakes.jpg", &pictures::mistakes(&looked, &plan).1)?;
        self.write("embedding_map.png", &pictures::map(&looked, data))?;
        Ok(looked.figures())
    }

    fn save(&mut self) -> Result<(), FitError> {
        self.progress.extra = serde_json::to_value(&self.memory).unwrap_or_default();
        Checkpoint::save(&self.folder.last(), &self.parameters, &self.optimizer, &self.ema, &self.progress)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn draw(&mut self, name: &str, batch: &Batch) -> Result<PathBuf, FitError> {
        let picture = sheet::sheet(&batch.pictures, batch.side as u32, self.setup.feed.rules.images as u32 * 2);
        self.write(name, &picture)
    }

    fn write(&mut self, name: &str, picture: &RgbImage) -> Result<PathBuf, FitError> {
        let at = |source| FitError::Io { path: self.folder.path().join(name), source };
        let written = self.folder.write_picture(name, picture).map_err(at)?;
        self.observer.picture(&written);
        Ok(written)
    }

    /// The batch that broke the run, written where one can look at it.
    fn not_finite(&mut self, what: String, value: f64, batch: &Batch, at: usize) -> FitError {
        let saved = self.draw("failed_batch.jpg", batch);
        FitError::NotFinite {
            what,
            value,
            step: self.progress.steps,
            epoch: self.progress.epochs + 1,
            batch: at + 1,
            names: batch.paths.iter().take(8).map(|path| path.display().to_string()).collect(),
            saved: saved.unwrap_or_else(|_| self.folder.path().to_owned()),
        }
    }
}

fn row(report: &EpochReport) -> String {
    let cell = |&(name, value): &Figure| match (name, value) {
        (_, None) => String::new(),
        ("epoch" | "image_size" | "peak_memory_mib", Some(value)) => format!("{value:.0}"),
        ("lr/pg0", Some(value)) => format!("{value:.7}"),
        (_, Some(value)) => format!("{value:.5}"),
    };
    report.figures.iter().map(cell).collect::<Vec<_>>().join(",")
}
