//! Network, loss and validation of an embedder.

use crate::core::fit::{BatchPosition, Batches, Loss, Measured, Output, Task};
use crate::core::{Ema, RunFolder};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use vision::draw::sheet;
use vision::{Random, RgbImage};

use super::{EmbeddingError, FitError, Setup, plots, served_model};
use crate::classifier::Batch;
use crate::classifier::config::TrainConfig;
use crate::classifier::head::{Head, Margins, margins_by_size};
use crate::classifier::network::TrainingNetwork;
use crate::classifier::validate::{EmbeddedParts, Validation, nearest};

/// Look-alikes that are named.
const NAMED_PAIRS: usize = 8;

pub(super) struct Embedding<'a> {
    setup: &'a Setup,
    network: TrainingNetwork,
    head: Head,
    margins: Vec<f64>,
    latest: Validation,
    memory: Memory,
}

/// What is known when the run goes on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Memory {
    /// The nearest wrong SKUs of every SKU.
    near: Vec<Vec<usize>>,
    best: Option<Validation>,
}

impl<'a> Embedding<'a> {
    pub(super) fn new(setup: &'a Setup, network: TrainingNetwork, head: Head) -> Self {
        let kind = &setup.config.head;
        let margins = margins_by_size(&setup.images().counts(), kind.margin, kind.rarest.unwrap_or(kind.margin));
        Self { setup, network, head, margins, latest: Validation::default(), memory: Memory::default() }
    }

    /// Metrics of the best epoch.
    pub(super) fn best(&self) -> Option<Validation> {
        self.memory.best
    }

    /// Fraction of the margin that holds by now.
    fn warmth(&self, position: BatchPosition) -> f64 {
        let epochs = self.setup.config.head.warmup_epochs;
        let now = position.epoch as f64 + position.batch as f64 / position.batches.max(1) as f64;
        if epochs > 0.0 { (now / epochs).min(1.0) } else { 1.0 }
    }

    /// Dropout of the pooled features: follows from seed, epoch and batch alone.
    fn mask(&self, rows: usize, position: BatchPosition) -> Result<Option<Tensor>, FitError> {
        let TrainConfig { dropout, backbone, rules, .. } = &self.setup.config;
        if *dropout <= 0.0 {
            return Ok(None);
        }
        let features = backbone.features();
        let mut random = Random::stream(rules.seed ^ 0xd70b, position.epoch << 32 | position.batch as u64);
        let kept = (1.0 / (1.0 - dropout)) as f32;
        let values: Vec<f32> =
            (0..rows * features).map(|_| if random.unit() < *dropout { 0.0 } else { kept }).collect();
        Ok(Some(Tensor::from_vec(values, (rows, features), &self.setup.device)?))
    }
}

impl Task for Embedding<'_> {
    type Batch = Batch;
    type Error = EmbeddingError;

    const MEANS: &'static [&'static str] = &["train/loss", "train/top1", "image_size"];
    const METRICS: &'static [&'static str] = &[
        "metrics/top1",
        "metrics/top1_1shot",
        "metrics/top1_3shot",
        "metrics/top1_5shot",
        "metrics/unseen_1shot",
        "metrics/unseen_3shot",
        "metrics/unseen_5shot",
        "metrics/auroc",
    ];
    const ADVICE: &'static str = "Lower the learning rate, or the scale of the metric head";

    fn batches(&self, epoch: u32, first: usize) -> Batches<Self> {
        let config = &self.setup.config;
        let near: &[Vec<usize>] = if config.hard_negatives { &self.memory.near } else { &[] };
        let loader = self.setup.feed.epoch((epoch, first), config.side_at(epoch), near, config.workers);
        Box::new(loader.map(|batch| batch.map(|batch| (batch.number, batch)).map_err(FitError::from)))
    }

    fn loss(&mut self, batch: &Batch, position: BatchPosition) -> Result<Loss, FitError> {
        let Setup { device, config, .. } = self.setup;
        let images = batch.tensor(device)?.to_dtype(config.optimiser.input_dtype(device))?;
        let mask = self.mask(batch.labels.len(), position)?;
        let embeddings = self.network.forward_t(&images, mask.as_ref(), true)?;
        let warmth = self.warmth(position);
        let by_class: Vec<f64> = self.margins.iter().map(|margin| margin * warmth).collect();
        let head = &self.setup.config.head;
        let margins =
            Margins { kind: head.kind, by_class: &by_class, scale: head.scale, sub_centers: head.sub_centers };
        let loss = self.head.loss(&embeddings, &batch.labels, &margins)?;
        let right = loss.right as f64 / batch.labels.len().max(1) as f64;
        Ok(Loss { objective: loss.objective, value: loss.loss, means: vec![loss.loss, right, batch.side as f64] })
    }

    fn sheet(&self, batch: &Batch) -> RgbImage {
        sheet::sheet(&batch.images, batch.side as u32, self.setup.feed.rules.images as u32 * 2)
    }

    fn names(&self, batch: &Batch) -> Vec<String> {
        batch.paths.iter().take(8).map(|path| path.display().to_string()).collect()
    }

    fn validate(&mut self, epoch: u64, ema: &Ema, output: &mut Output<'_>) -> Result<Option<Measured>, FitError> {
        let TrainConfig { validate_every, epochs, negatives, .. } = self.setup.config;
        if !epoch.is_multiple_of(validate_every.into()) && epoch != u64::from(epochs) {
            return Ok(None);
        }
        let setup = self.setup;
        let weights = served_model::weights(setup, ema, &output.folder().best())?;
        let embedder = served_model::embedder(&weights, &setup.config, &setup.device)?;
        let data = setup.images();
        let parts = EmbeddedParts::embed(data, &embedder, &mut |done, all| output.observer().validating(done, all))?;
        let near = nearest(&parts.train, data.learned, negatives);
        let mut pairs: Vec<(f32, usize, usize)> = near
            .iter()
            .enumerate()
            .flat_map(|(sku, negatives)| {
                negatives.iter().map(move |&(negative, similarity)| (similarity, sku, negative))
            })
            .filter(|(_, sku, negative)| sku < negative || !near[*negative].iter().any(|(other, _)| other == sku))
            .collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let named: Vec<String> = pairs
            .iter()
            .take(NAMED_PAIRS)
            .map(|(similarity, a, b)| format!("{} / {} {similarity:.2}", data.skus[*a], data.skus[*b]))
            .collect();
        output.observer().note(&format!("look-alikes: {}", named.join("; ")));
        self.memory.near =
            near.into_iter().map(|negatives| negatives.into_iter().map(|(sku, _)| sku).collect()).collect();
        let plan = setup.config.plan();
        let alike: Vec<(usize, usize)> = pairs.iter().map(|(_, a, b)| (*a, *b)).collect();
        for (name, image) in [
            ("look_alikes.jpg", plots::look_alikes(&parts.train, &alike, &plan)),
            ("mistakes.jpg", plots::mistakes(&parts, &plan).1),
            ("embedding_map.png", plots::map(&parts, data)),
        ] {
            output.image(name, &image)?;
        }
        self.latest = parts.metrics();
        let metrics = self.latest.metrics().into_iter().map(|(_, value)| value).collect();
        Ok(Some(Measured { fitness: Some(self.latest.fitness()), metrics }))
    }

    fn save_best(&mut self, ema: &Ema, folder: &RunFolder) -> Result<(), FitError> {
        self.memory.best = Some(self.latest);
        served_model::save(self.setup, folder, ema, Some(&self.latest))
    }

    fn save_state(&self) -> serde_json::Value {
        serde_json::to_value(&self.memory).unwrap_or_default()
    }

    fn load_state(&mut self, state: serde_json::Value) {
        self.memory = serde_json::from_value(state).unwrap_or_default();
    }
}
