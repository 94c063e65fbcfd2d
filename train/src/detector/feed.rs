//! From a configuration to images: opens the folders, builds the synthetic world.

use std::path::Path;

use ::dataset::Part;
use ::dataset::files::FileError;
use ::dataset::yolo::BadLabels;

use super::cache::Cache;
use super::config::TrainConfig;
use super::dataset::{Origin, Sample, Source, TrainingData};
use super::error::DataError;
use super::loader::{Feed, LoaderOptions};
use super::synthetic::{SyntheticShelves, copy_for_pasting};

impl TrainConfig {
    /// The labelled images that are learned: the part `train` of all folders.
    ///
    /// # Errors
    /// When a folder or label file cannot be used.
    pub fn training(&self) -> Result<TrainingData, DataError> {
        TrainingData::read_with(&self.data, Part::Train, self.names.as_deref(), BadLabels::new(self.strict))
    }

    /// Everything batches are made from: the part `train` of all folders, and synthetic shelves. Takes seconds.
    ///
    /// # Errors
    /// When a folder, label file or the synthetic world cannot be used.
    pub fn feed(&self) -> Result<Feed, DataError> {
        let mut data = self.training()?;
        let synthetic = match &self.synthetic {
            Some(synthetic) if synthetic.ratio > 0.0 => {
                let mut folders = synthetic.paste_from.clone();
                folders.iter().try_for_each(|folder| self.check_paste(folder))?;
                // Read while the world is built, and gone then.
                let copies =
                    tempfile::tempdir().map_err(|source| FileError::Write { path: std::env::temp_dir(), source })?;
                if synthetic.paste && copy_for_pasting(&data, copies.path())? {
                    folders.push(copies.path().to_owned());
                }
                let shelves = (0..u64::from(synthetic.shelves)).map(|number| Sample {
                    origin: Origin::Synthetic(number),
                    objects: Vec::new(),
                    unlabelled: Vec::new(),
                    repeat: 1,
                });
                data.samples.extend(shelves);
                let counted = std::mem::take(&mut data.summary.left_out);
                let shelves = SyntheticShelves::build(synthetic.synth.clone(), &folders, &data.names, counted)?;
                data.summary.left_out = shelves.left_out().clone();
                Some(shelves)
            }
            _ => None,
        };
        Ok(Feed {
            data,
            cache: Cache::new(self.cache.clone(), synthetic),
            augment: self.augment,
            rules: self.rules,
            side: self.side,
            rectangular: self.rectangular,
        })
    }

    /// The images that validate: the part `val` of every folder that has one, and all folders that only validate.
    /// Evaluation goes the serving path, so only paths and labels are given.
    ///
    /// # Errors
    /// When a folder or label file cannot be used, or there is no image to validate with.
    pub fn validation(&self) -> Result<TrainingData, DataError> {
        // Without a split, and without folders by part, a folder is for learning: validating with it would flatter.
        let parted = |source: &&Source| source.split.is_some() || has_parts(&source.root);
        let mut sources: Vec<Source> = self.data.iter().filter(parted).cloned().collect();
        sources.iter_mut().for_each(|source| source.repeat = 1);
        sources.extend(self.validation.iter().cloned());
        let names = match &self.names {
            Some(names) => names.clone(),
            None => TrainingData::read_with(&self.data, Part::Train, None, BadLabels::new(self.strict))?.names,
        };
        TrainingData::read_with(&sources, Part::Val, Some(&names), BadLabels::new(self.strict))
    }

    /// How the epoch of this number is loaded: without mosaics when it is one of the last.
    #[must_use]
    pub fn loader_options(&self, epoch: u32) -> LoaderOptions {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if self.workers > 0 { self.workers } else { (cores - 1).max(1) };
        let mosaic = epoch + self.close_mosaic < self.epochs;
        LoaderOptions { threads, ahead: self.ahead, mosaic }
    }

    fn check_paste(&self, folder: &Path) -> Result<(), DataError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder_path = real(folder);
        let reserved = |source: &Source| {
            let root = real(&source.root);
            (root.starts_with(&folder_path) || folder_path.starts_with(&root)) && source.split.is_some()
        };
        let validates = |source: &Source| real(&source.root).starts_with(&folder_path);
        if self.data.iter().any(reserved) || self.validation.iter().any(validates) {
            return Err(DataError::PasteLeak { folder: folder.to_owned() });
        }
        Ok(())
    }
}

fn has_parts(root: &Path) -> bool {
    ["val", "valid", "validation", "images/val", "images/valid", "images/val2017"]
        .iter()
        .any(|name| root.join(name).is_dir())
}
