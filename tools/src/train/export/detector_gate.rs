//! Detectors that lost digits, measured as they will be served before they are kept.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use detector::{LoadOptions, load};
use train::detector::fit::validate::{Validation, validate};
use train::detector::{Origin, TrainConfig, TrainingData};
use vision::ModelCard;

use super::metric_drop::{MetricDrop, accept};
use super::{Measured, evenly, metric, with_file};
use crate::train::terminal::Terminal;

/// What files are measured with.
pub(super) struct Gate {
    learned: TrainingData,
    validation: TrainingData,
    /// Of the file in full precision, once measured.
    full: Option<Validation>,
}

impl Gate {
    pub(super) fn new(config: &TrainConfig) -> anyhow::Result<Self> {
        let validation = config.validation().context("a file that loses digits is measured before it is kept")?;
        Ok(Self { learned: config.training()?, validation, full: None })
    }

    /// Training images, evenly from all of them: what is validated with stays unseen.
    pub(super) fn calibration(&self, count: usize) -> Vec<&Path> {
        let files = self.learned.samples.iter().filter_map(|sample| match &sample.origin {
            Origin::File(path) => Some(path.as_path()),
            Origin::Synthetic(_) => None,
        });
        evenly(&files.collect::<Vec<_>>(), count)
    }

    /// Metrics of `made` for its card, when its mAP50 lies within reach of that of `full`.
    pub(super) fn judge(
        &mut self,
        full: Measured<'_>,
        made: Measured<'_>,
        card: &ModelCard,
        max_drop: f64,
    ) -> anyhow::Result<Result<BTreeMap<String, f64>, MetricDrop>> {
        let before = match self.full {
            Some(before) => before,
            None => self.measure(full, card)?,
        };
        self.full = Some(before);
        let after = self.measure(made, card)?;
        println!(
            "mAP50 {} (full {}), mAP50-95 {} (full {}), on {} validation images",
            metric(after.map50),
            metric(before.map50),
            metric(after.map50_95),
            metric(before.map50_95),
            self.validation.samples.len()
        );
        Ok(accept("mAP50", before.map50, after.map50, max_drop).map(|()| after.metrics()))
    }

    /// The file through the path that serves it.
    fn measure(&self, file: Measured<'_>, card: &ModelCard) -> anyhow::Result<Validation> {
        with_file(file, card, |path| {
            let detector = load(path, &LoadOptions::default())?;
            Ok(validate(&detector, &self.validation, 0, &mut Terminal::new())?.metrics)
        })
    }
}
