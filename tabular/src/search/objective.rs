//! The search itself: try a point by cross-validation, note it, go on.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vision::Cancel;

use super::pruner::MedianPruner;
use super::sampler::{Method, Sampler};
use super::space::{Point, Space};
use crate::learn::LearnError;
use crate::learn::catalogue::Hyperparameters;
use crate::table::Table;
use crate::train::{CrossValidation, TrainError, TrainOptions, cross_validate};

/// How hyperparameters are searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchOptions {
    /// How points are chosen.
    pub tuning_method: Method,
    /// Trials, at most.
    pub n_trials: usize,
    /// How a trial is judged.
    #[serde(default)]
    pub folding: CrossValidation,
    /// What is tried; the algorithm's own space by default.
    #[serde(default)]
    pub space: Option<Space>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// What was tried.
    pub hyperparameters: Hyperparameters,
    /// Mean score over the folds: accuracy, or R2. `null` where the trial failed.
    pub mean_score: Option<f64>,
    /// Folds that were judged; fewer than asked for where the trial was given up.
    pub folds: usize,
    /// Their scores.
    pub fold_scores: Vec<f64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// The best trial of those that were finished.
    pub best: Tuned,
    /// All trials, in order.
    pub trials: Vec<Tuned>,
}

/// A search that cannot be.
#[derive(Debug, Error)]
pub enum SearchError {
    /// A number of trials that makes no sense.
    #[error("n_trials is {0}, but it must be 1 to 10000")]
    Trials(usize),
    /// A range without values.
    #[error("the range of {name} holds nothing")]
    Range {
        /// Its hyperparameter.
        name: String,
    },
    /// No trial was finished.
    #[error("none of {trials} trials could be finished")]
    NoneFinished {
        /// Trials.
        trials: usize,
        /// Why the last one failed.
        source: TrainError,
    },
    /// No trial had a score that is a number.
    #[error("none of {trials} trials had a finite score")]
    NoScore {
        /// Trials.
        trials: usize,
    },
    /// The table or the options do not fit, whatever the hyperparameters.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// Searches for the hyperparameters with the best mean score. `progress` is told of each trial.
///
/// # Errors
/// When the options make no sense, no trial succeeds, or nobody waits any more.
pub fn tune(
    table: &Table,
    options: &TrainOptions,
    search: &SearchOptions,
    cancel: &Cancel,
    progress: impl FnMut(&Tuned),
) -> Result<Tuning, SearchError> {
    tune_from(table, options, search, &[], cancel, progress)
}

/// As [`tune`], going on from the first trials of the same search: they are not tried again, and what follows is what would have
/// followed. Trials of another search are not taken.
///
/// # Errors
/// As [`tune`].
#[expect(clippy::too_many_arguments, reason = "those of `tune`, and what it goes on from")]
pub fn tune_from(
    table: &Table,
    options: &TrainOptions,
    search: &SearchOptions,
    known: &[Tuned],
    cancel: &Cancel,
    mut progress: impl FnMut(&Tuned),
) -> Result<Tuning, SearchError> {
    if !(1..=10_000).contains(&search.n_trials) {
        return Err(SearchError::Trials(search.n_trials));
    }
    let space = search.space.clone().unwrap_or_else(|| Space::of(options.algorithm));
    if let Some((name, _)) = space.0.iter().find(|(_, range)| !range.is_sound()) {
        return Err(SearchError::Range { name: name.clone() });
    }
    let mut sampler = Sampler::new(&space, search.tuning_method, search.n_trials, options.seed);
    let mut pruner = MedianPruner::default();
    let mut tried: Vec<(Point, f64)> = Vec::new();
    let mut trials: Vec<Tuned> = Vec::new();
    let mut failure = None;
    while trials.len() < search.n_trials {
        let Some(point) = sampler.next(&tried) else { break };
        let hyperparameters = space.at(&point, &options.hyperparameters);
        let trial = TrainOptions { hyperparameters: hyperparameters.clone(), ..options.clone() };
        if let Some(before) = known.get(trials.len()).filter(|before| before.hyperparameters == hyperparameters) {
            match &before.error {
                Some(_) => tried.push((point, f64::NAN)),
                None => {
                    pruner.note(&before.fold_scores);
                    tried.push((point, crate::stats::mean(&before.fold_scores)));
                }
            }
            progress(before);
            trials.push(before.clone());
            continue;
        }
        let mut so_far = Vec::new();
        let scores = cross_validate(table, &trial, search.folding, cancel, |score| {
            so_far.push(score);
            so_far.len() == search.folding.cv || pruner.goes_on(&so_far)
        });
        let mut tuned = Tuned { hyperparameters, mean_score: None, folds: 0, fold_scores: Vec::new(), error: None };
        match scores {
            Ok(scores) => {
                pruner.note(&scores);
                let mean = crate::stats::mean(&scores);
                tuned.folds = scores.len();
                tuned.mean_score = Some(mean).filter(|mean| mean.is_finite());
                tuned.fold_scores = scores;
                tried.push((point, mean));
            }
            Err(TrainError::Learn(LearnError::Cancelled)) => {
                return Err(TrainError::Learn(LearnError::Cancelled).into());
            }
            // Hyperparameters that do not fit each other are one bad trial; anything else would fail every time.
            Err(error @ TrainError::Learn(_)) => {
                tuned.error = Some(error.to_string());
                tried.push((point, f64::NAN));
                failure = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
        progress(&tuned);
        trials.push(tuned);
    }
    let finished = trials.iter().filter(|trial| trial.folds == search.folding.cv);
    let score = |trial: &Tuned| trial.mean_score.unwrap_or(f64::NEG_INFINITY);
    let best = finished.filter(|t| t.mean_score.is_some()).max_by(|a, b| score(a).total_cmp(&score(b))).cloned();
    match (best, failure) {
        (Some(best), _) => Ok(Tuning { best, trials }),
        (None, Some(source)) => Err(SearchError::NoneFinished { trials: trials.len(), source }),
        (None, None) => Err(SearchError::NoScore { trials: trials.len() }),
    }
}
