//! Network, loss and validation of a detector.

use crate::core::fit::{BatchPosition, Batches, Loss, Measured, Output, Task};
use crate::core::{Ema, RunFolder, results};
use engine::Precision;
use vision::model_card::Task as Purpose;
use vision::{ModelCard, PreprocessPlan, RgbImage, Sha256};

use super::{DetectionError, FitError, Setup, Validation, plots, sheet, validate};
use crate::detector::dataset::Origin;
use crate::detector::{Batch, detection_loss};
use detector::model::DetectorNetwork;

/// Validation images that are plotted.
const PLOTTED_PREDICTIONS: usize = 12;
/// Confidence from which on predictions are plotted.
const PLOTTED_CONFIDENCE: f32 = 0.25;

pub(super) struct Detection<'a> {
    setup: &'a Setup,
    network: DetectorNetwork,
    latest: Option<Validation>,
}

impl<'a> Detection<'a> {
    pub(super) fn new(setup: &'a Setup, network: DetectorNetwork) -> Self {
        Self { setup, network, latest: None }
    }
}

/// The columns are called as users of Ultralytics know them.
impl Task for Detection<'_> {
    type Batch = Batch;
    type Error = DetectionError;

    const MEANS: &'static [&'static str] = &["train/box_loss", "train/cls_loss", "train/dfl_loss"];
    const METRICS: &'static [&'static str] =
        &["metrics/precision(B)", "metrics/recall(B)", "metrics/mAP50(B)", "metrics/mAP50-95(B)"];
    const ADVICE: &'static str = "Lower the learning rate, or look for broken labels in these images";

    fn batches(&self, epoch: u32, first: usize) -> Batches<Self> {
        let loader = self.setup.feed.epoch(epoch, first, self.setup.config.loader_options(epoch));
        Box::new(loader.map(|batch| batch.map(|batch| (batch.number, batch)).map_err(FitError::from)))
    }

    fn loss(&mut self, batch: &Batch, _: BatchPosition) -> Result<Loss, FitError> {
        let Setup { device, config, .. } = self.setup;
        let images = batch.tensor(device)?.to_dtype(config.optimiser.input_dtype(device))?;
        let output = self.network.forward_t(&images, true)?;
        let loss = detection_loss(&output, &batch.targets, &self.setup.config.loss)?;
        let means = vec![loss.parts.boxes, loss.parts.classes, loss.parts.dfl];
        Ok(Loss { objective: loss.objective, value: loss.parts.total(), means })
    }

    fn sheet(&self, batch: &Batch) -> RgbImage {
        sheet::batch(batch)
    }

    fn names(&self, batch: &Batch) -> Vec<String> {
        let name = |origin: &Origin| match origin {
            Origin::File(path) => path.display().to_string(),
            Origin::Synthetic(number) => format!("synthetic shelf {number}"),
        };
        batch.origins.iter().map(name).collect()
    }

    fn validate(&mut self, _: u64, ema: &Ema, output: &mut Output<'_>) -> Result<Option<Measured>, FitError> {
        let setup = self.setup;
        let Some(data) = &setup.validation else {
            return Ok(Some(Measured { fitness: None, metrics: Vec::new() }));
        };
        let weights = ema.weights(&output.folder().best())?;
        let detector =
            validate::serving(&weights, setup.architecture(), setup.classes(), setup.config.side, &setup.device)?;
        let measured = validate::validate(&detector, data, PLOTTED_PREDICTIONS, output.observer())?;
        output.image("val_predictions.jpg", &sheet::predictions(&measured.shown, PLOTTED_CONFIDENCE))?;
        for (name, image) in plots::validation(&measured.section) {
            output.image(name, &image)?;
        }
        let latest = self.latest.insert(measured.metrics);
        let metrics = vec![latest.precision, latest.recall, latest.map50, latest.map50_95];
        Ok(Some(Measured { fitness: Some(latest.fitness()), metrics }))
    }

    fn save_best(&mut self, ema: &Ema, folder: &RunFolder) -> Result<(), FitError> {
        let (path, setup) = (folder.best(), self.setup);
        ema.weights(&path)?.save(&path, Precision::F32)?;
        let card = ModelCard {
            name: setup.config.name.clone(),
            architecture: setup.architecture().design().to_string(),
            weights: "best.safetensors".to_owned(),
            sha256: Sha256::of_file(&path).map_err(|source| FitError::Io { path: path.clone(), source })?,
            classes: setup.classes().to_vec(),
            metrics: self.latest.as_ref().map(Validation::metrics).unwrap_or_default(),
            data: setup.data.clone(),
            license: setup.license.clone(),
            ..ModelCard::new(Purpose::Detector, PreprocessPlan::yolo(setup.config.side, setup.config.side))
        };
        card.write_beside(&path)?;
        Ok(())
    }

    fn epoch_ended(&mut self, output: &mut Output<'_>) -> Result<(), FitError> {
        let path = output.folder().results();
        let rows = results::read(&path).map_err(|source| FitError::Io { path, source })?;
        output.image("results.png", &plots::results(&rows))?;
        Ok(())
    }
}
