//! Files that lose digits, measured as they will be served before they are kept.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use detector::export::bytes::{self, BytesError};
use detector::train::fit::validate::{Validation, validate};
use detector::train::{Origin, TrainConfig, TrainingData};
use detector::{LoadOptions, load};
use vision::{ModelCard, Sha256};

use crate::train::progress::Terminal;

/// What files are measured with.
pub(super) struct Gate {
    learned: TrainingData,
    validation: TrainingData,
    most: f64,
    /// mAP50 of the file in full precision, once measured.
    full: Option<Validation>,
}

impl Gate {
    pub(super) fn new(config: &TrainConfig, most: f64) -> anyhow::Result<Self> {
        let validation = config.validation().context("a file that loses digits is measured before it is kept")?;
        Ok(Self { learned: config.training()?, validation, most, full: None })
    }

    /// Training pictures, evenly from all of them: what is validated with stays unseen.
    pub(super) fn calibration(&self, count: usize) -> Vec<&Path> {
        let files = self.learned.samples.iter().filter_map(|sample| match &sample.origin {
            Origin::File(path) => Some(path.as_path()),
            Origin::Drawn(_) => None,
        });
        let files: Vec<_> = files.collect();
        let count = count.min(files.len());
        (0..count).map(|at| files[at * files.len() / count]).collect()
    }

    /// Figures of `made` for its card, when its mAP50 lies within reach of that of `full`.
    pub(super) fn judge(
        &mut self,
        full: &[u8],
        made: &[u8],
        card: &ModelCard,
    ) -> anyhow::Result<Result<BTreeMap<String, f64>, BytesError>> {
        let before = match self.full {
            Some(before) => before,
            None => self.measure(full, card)?,
        };
        self.full = Some(before);
        let after = self.measure(made, card)?;
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        println!(
            "mAP50 {} (full {}), mAP50-95 {} (full {}), on {} validation pictures",
            figure(after.map50),
            figure(before.map50),
            figure(after.map50_95),
            figure(before.map50_95),
            self.validation.samples.len()
        );
        Ok(bytes::accept(before.map50, after.map50, self.most).map(|()| after.metrics()))
    }

    /// The file through the path that serves it: from a file with its card.
    fn measure(&self, file: &[u8], card: &ModelCard) -> anyhow::Result<Validation> {
        let folder = tempfile::tempdir().context("cannot make a folder for the file to be measured")?;
        let path = folder.path().join("measured.onnx");
        std::fs::write(&path, file).with_context(|| format!("cannot write {}", path.display()))?;
        let card = ModelCard { weights: "measured.onnx".to_owned(), sha256: Sha256::of_file(&path)?, ..card.clone() };
        card.write_beside(&path)?;
        let detector = load(&path, &LoadOptions::default())?;
        let measured = validate(&detector, &self.validation, 0, &mut Terminal::new())?;
        Ok(measured.figures)
    }
}
