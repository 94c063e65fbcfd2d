//! Telling enrolled SKUs from everything else: what a similarity threshold can and cannot do.

use crate::average_precision::Weights;
use crate::{Query, QuerySet};

/// False-accept rates at which detection-and-identification is reported.
pub const FALSE_ACCEPT_RATES: [f64; 4] = [0.001, 0.01, 0.05, 0.10];

/// Similarities of known and unknown crops, sorted once; every metric is one walk under any weights of images.
#[derive(Debug, Clone)]
pub struct OpenSet {
    trials: Vec<Trial>,
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    similarity: f64,
    image: u32,
    /// Of an enrolled SKU.
    known: bool,
    /// Of an enrolled SKU, and the best candidate is it.
    right: bool,
}

/// State of a threshold, as fractions of known and unknown crops at or above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Acceptance {
    /// Minimum similarity that is accepted.
    pub threshold: f64,
    /// Known crops accepted, whatever they were taken for (true positive rate).
    pub known: f64,
    /// Known crops accepted **and** rightly identified (correct classification rate; detection and identification rate).
    pub identified: f64,
    /// Unknown crops accepted (false positive rate, false-accept rate).
    pub unknown: f64,
}

/// Metrics of open-set recognition. All `None` without both known and unknown crops.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpenSetSummary {
    /// Crops of enrolled SKUs.
    pub known: u64,
    /// Crops of no enrolled SKU.
    pub unknown: u64,
    /// Probability that a known crop is more similar to its best candidate than an unknown one (ties count half).
    pub auroc: Option<f64>,
    /// Fraction of unknown crops accepted when at least 95 % of the known are.
    pub fpr_at_95_tpr: Option<f64>,
    /// Area under correct classification rate over false positive rate (Dhamija et al. 2018).
    pub oscr: Option<f64>,
    /// Detection and identification rate at each of [`FALSE_ACCEPT_RATES`] (Phillips et al. 2011).
    pub dir_at_far: [Option<f64>; 4],
}

impl OpenSet {
    /// Collects the best similarity of every crop, or by how much it exceeds its SKU's threshold where all say so: then that is
    /// what a threshold is moved on. A crop without candidates is never accepted.
    #[must_use]
    pub fn new(set: &QuerySet) -> Self {
        let by_excess = set.has_excess();
        let score = |query: &Query<'_>| {
            let best = query.best()?;
            if by_excess { query.stated.excess } else { Some(best.similarity) }
        };
        let trial = |query: Query<'_>| Trial {
            similarity: score(&query).unwrap_or(f64::NEG_INFINITY),
            image: query.image,
            known: query.truth.is_some(),
            right: query.is_within(1),
        };
        let mut trials: Vec<Trial> = set.iter().map(trial).collect();
        trials.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Self { trials }
    }

    /// All metrics, each image's crops weighing as often as the image does.
    #[must_use]
    pub fn summarize(&self, weights: Weights<'_>) -> OpenSetSummary {
        let (known, unknown) = self.totals(weights);
        if known == 0 || unknown == 0 {
            return OpenSetSummary { known, unknown, ..OpenSetSummary::default() };
        }
        let curve = self.curve(weights);
        let area = |height: fn(&Acceptance) -> f64| {
            let (mut sum, mut left) = (0.0, (0.0, 0.0));
            for step in &curve {
                sum += (step.unknown - left.0) * (height(step) + left.1) / 2.0;
                left = (step.unknown, height(step));
            }
            sum
        };
        // Rates are multiples of 1 / count, so a tolerance far below that absorbs rounding alone.
        const ROUNDING: f64 = 1e-12;
        let within = |far: f64| curve.iter().take_while(|s| s.unknown <= far + ROUNDING).last();
        OpenSetSummary {
            known,
            unknown,
            auroc: Some(area(|s| s.known)),
            fpr_at_95_tpr: curve.iter().find(|s| s.known >= 0.95 - ROUNDING).map(|s| s.unknown),
            oscr: Some(area(|s| s.identified)),
            dir_at_far: FALSE_ACCEPT_RATES.map(|far| Some(within(far).map_or(0.0, |s| s.identified))),
        }
    }

    /// What is accepted from `threshold` on; `None` of a fraction without crops.
    #[must_use]
    pub fn at(&self, threshold: f64, weights: Weights<'_>) -> [Option<f64>; 3] {
        let (known, unknown) = self.totals(weights);
        let mut counts = [0; 3];
        for trial in self.trials.iter().filter(|trial| trial.similarity >= threshold) {
            let weight = weights.map_or(1, |w| u64::from(w[trial.image as usize]));
            for (count, counts_here) in counts.iter_mut().zip([trial.known, trial.known && trial.right, !trial.known]) {
                *count += weight * u64::from(counts_here);
            }
        }
        let fraction = |count: u64, of: u64| (of > 0).then(|| count as f64 / of as f64);
        [fraction(counts[0], known), fraction(counts[1], known), fraction(counts[2], unknown)]
    }

    fn totals(&self, weights: Weights<'_>) -> (u64, u64) {
        self.trials.iter().fold((0, 0), |(known, unknown), trial| {
            let weight = weights.map_or(1, |w| u64::from(w[trial.image as usize]));
            if trial.known { (known + weight, unknown) } else { (known, unknown + weight) }
        })
    }

    /// One point per distinct similarity, from the highest threshold to the lowest. Empty without both kinds of crops.
    #[must_use]
    pub fn curve(&self, weights: Weights<'_>) -> Vec<Acceptance> {
        let (known, unknown) = self.totals(weights);
        if known == 0 || unknown == 0 {
            return Vec::new();
        }
        let mut curve = Vec::new();
        let (mut accepted, mut identified, mut wrongly) = (0, 0, 0);
        // Equal similarities cannot be parted by a threshold: they move together.
        for same in self.trials.chunk_by(|a, b| a.similarity == b.similarity) {
            for trial in same {
                let weight = weights.map_or(1, |w| u64::from(w[trial.image as usize]));
                accepted += weight * u64::from(trial.known);
                identified += weight * u64::from(trial.right);
                wrongly += weight * u64::from(!trial.known);
            }
            curve.push(Acceptance {
                threshold: same[0].similarity,
                known: accepted as f64 / known as f64,
                identified: identified as f64 / known as f64,
                unknown: wrongly as f64 / unknown as f64,
            });
        }
        curve
    }
}
