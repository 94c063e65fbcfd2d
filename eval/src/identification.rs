//! Which SKU a crop was taken for: top-k, per SKU, and who is taken for whom.

use thiserror::Error;

use crate::average_precision::{Weights, mean};

/// A SKU a crop might be, with its similarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Index of the SKU.
    pub sku: u32,
    /// Cosine similarity, or any score that orders.
    pub similarity: f64,
}

/// How much more similar a candidate may be than the one before it. Exemplars vote, so a SKU with several near exemplars
/// may stand before one with a single nearer one, and the mean of its exemplars counts, too; more than this is a list in the
/// wrong order.
pub const VOTE_SLACK: f64 = 0.5;

/// What was said of the best candidate beside its similarity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stated {
    /// Chance that it is right, `0..=1`.
    pub probability: Option<f64>,
    /// Similarity beyond the threshold that its SKU is served with: accepted from 0 on.
    pub excess: Option<f64>,
}

/// One crop that was looked up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Query<'a> {
    /// What it truly is; `None` when it is of no enrolled SKU.
    pub truth: Option<u32>,
    /// Index of the image it comes from.
    pub image: u32,
    /// In order of preference, one entry a SKU; see [`VOTE_SLACK`].
    pub candidates: &'a [Ranked],
    /// Of the best of them.
    pub stated: Stated,
}

impl Query<'_> {
    /// The best candidate.
    #[must_use]
    pub fn best(&self) -> Option<Ranked> {
        self.candidates.first().copied()
    }

    /// Whether the true SKU is among the first `k` candidates.
    #[must_use]
    pub fn is_within(&self, k: usize) -> bool {
        self.truth.is_some_and(|truth| self.candidates.iter().take(k).any(|c| c.sku == truth))
    }

    /// The best candidate that is not the truth: how much of an impostor it would be, were its own SKU not enrolled.
    #[must_use]
    pub fn best_other(&self) -> Option<Ranked> {
        self.candidates.iter().copied().find(|c| Some(c.sku) != self.truth)
    }
}

/// Crops that were looked up in a gallery.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QuerySet {
    skus: Vec<String>,
    images: Vec<String>,
    queries: Vec<(Option<u32>, u32, u32, Stated)>,
    candidates: Vec<Ranked>,
}

/// Why a crop cannot be taken in.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QueryError {
    /// A number is NaN or infinite.
    #[error("the similarity of candidate {at} is not a finite number")]
    NotFinite {
        /// Position of the candidate.
        at: usize,
    },
    /// The list is not ranked.
    #[error("candidate {at} is far more similar than the one before it: candidates are listed best first")]
    Unordered {
        /// Position of the candidate.
        at: usize,
    },
    /// A SKU is listed twice.
    #[error("candidate {at} names a SKU that is already in the list")]
    Repeated {
        /// Position of the candidate.
        at: usize,
    },
    /// An index that stands for nothing.
    #[error("{what} {index} is unknown: there are {known}")]
    Unknown {
        /// "SKU" or "image".
        what: &'static str,
        /// The index.
        index: u32,
        /// How many there are.
        known: usize,
    },
}

impl QuerySet {
    /// An empty set over the enrolled SKUs and the images that crops come from.
    #[must_use]
    pub fn new(skus: Vec<String>, images: Vec<String>) -> Self {
        Self { skus, images, ..Self::default() }
    }

    /// Adds a crop.
    ///
    /// # Errors
    /// When the candidates are not ranked, repeat a SKU, are not finite, or an index is unknown.
    pub fn push(&mut self, truth: Option<u32>, image: u32, candidates: &[Ranked]) -> Result<(), QueryError> {
        self.push_stated(truth, image, candidates, Stated::default())
    }

    /// As [`QuerySet::push`], with what was said of the best candidate.
    ///
    /// # Errors
    /// As [`QuerySet::push`]; an infinite number counts as that of the first candidate.
    pub fn push_stated(
        &mut self,
        truth: Option<u32>,
        image: u32,
        candidates: &[Ranked],
        stated: Stated,
    ) -> Result<(), QueryError> {
        if [stated.probability, stated.excess].into_iter().flatten().any(|value| !value.is_finite()) {
            return Err(QueryError::NotFinite { at: 0 });
        }
        let sku = |index: u32| match self.skus.len() {
            known if index as usize >= known => Err(QueryError::Unknown { what: "SKU", index, known }),
            _ => Ok(()),
        };
        truth.map_or(Ok(()), sku)?;
        if image as usize >= self.images.len() {
            return Err(QueryError::Unknown { what: "image", index: image, known: self.images.len() });
        }
        for (at, candidate) in candidates.iter().enumerate() {
            sku(candidate.sku)?;
            if !candidate.similarity.is_finite() {
                return Err(QueryError::NotFinite { at });
            }
            if at > 0 && candidate.similarity > candidates[at - 1].similarity + VOTE_SLACK {
                return Err(QueryError::Unordered { at });
            }
            if candidates[..at].iter().any(|c| c.sku == candidate.sku) {
                return Err(QueryError::Repeated { at });
            }
        }
        self.candidates.extend_from_slice(candidates);
        self.queries.push((truth, image, self.candidates.len() as u32, stated));
        Ok(())
    }

    /// Codes of the enrolled SKUs, by index.
    #[must_use]
    pub fn skus(&self) -> &[String] {
        &self.skus
    }

    /// Names of the images, by index.
    #[must_use]
    pub fn images(&self) -> &[String] {
        &self.images
    }

    /// Number of crops.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }

    /// A crop by index.
    ///
    /// # Panics
    /// When there is no such crop.
    #[must_use]
    pub fn get(&self, index: usize) -> Query<'_> {
        let (truth, image, end, stated) = self.queries[index];
        let start = index.checked_sub(1).map_or(0, |before| self.queries[before].2);
        Query { truth, image, candidates: &self.candidates[start as usize..end as usize], stated }
    }

    /// Whether every crop that has a candidate says by how much it exceeds its threshold.
    #[must_use]
    pub fn has_excess(&self) -> bool {
        !self.is_empty() && self.iter().all(|query| query.candidates.is_empty() || query.stated.excess.is_some())
    }

    /// All crops.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Query<'_>> {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// How well one SKU is told from the others (over crops of enrolled SKUs).
#[derive(Debug, Clone, PartialEq)]
pub struct SkuScore {
    /// Index of the SKU.
    pub sku: u32,
    /// Crops that truly show it.
    pub support: u64,
    /// Of those, taken for it.
    pub right: u64,
    /// Crops taken for it.
    pub predicted: u64,
}

impl SkuScore {
    /// Fraction of its crops that were recognised.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        (self.support > 0).then(|| self.right as f64 / self.support as f64)
    }

    /// Fraction of the crops taken for it that are it.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        (self.predicted > 0).then(|| self.right as f64 / self.predicted as f64)
    }

    /// Harmonic mean of both.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let denominator = self.support + self.predicted;
        (denominator > 0).then(|| 2.0 * self.right as f64 / denominator as f64)
    }
}

/// Closed-set identification.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// Crops of enrolled SKUs.
    pub known: u64,
    /// Fraction whose best candidate is right: the gate's metric (micro).
    pub top1: Option<f64>,
    /// Fraction with the right SKU among the first five.
    pub top5: Option<f64>,
    /// Mean over SKUs of their own top-1 (macro): rare SKUs weigh as much as frequent ones.
    pub macro_top1: Option<f64>,
    /// Mean over SKUs of their precision; a SKU never predicted counts 0.
    pub macro_precision: Option<f64>,
    /// Mean over SKUs of their F1.
    pub macro_f1: Option<f64>,
    /// SKUs that occur in truth or answers, by index.
    pub skus: Vec<SkuScore>,
}

/// Computes it, each image's crops weighing as often as the image does.
#[must_use]
pub fn top_k(set: &QuerySet, weights: Weights<'_>) -> TopK {
    let mut table: Vec<SkuScore> =
        (0..set.skus.len() as u32).map(|sku| SkuScore { sku, support: 0, right: 0, predicted: 0 }).collect();
    let (mut known, mut first, mut fifth) = (0, 0, 0);
    for query in set.iter() {
        let Some(truth) = query.truth else { continue };
        let weight = weights.map_or(1, |w| u64::from(w[query.image as usize]));
        known += weight;
        first += weight * u64::from(query.is_within(1));
        fifth += weight * u64::from(query.is_within(5));
        table[truth as usize].support += weight;
        if let Some(best) = query.best() {
            table[best.sku as usize].predicted += weight;
            table[best.sku as usize].right += weight * u64::from(best.sku == truth);
        }
    }
    table.retain(|row| row.support > 0 || row.predicted > 0);
    let fraction = |count: u64| (known > 0).then(|| count as f64 / known as f64);
    let present = || table.iter().filter(|row| row.support > 0);
    TopK {
        known,
        top1: fraction(first),
        top5: fraction(fifth),
        macro_top1: mean(present().filter_map(SkuScore::recall)),
        macro_precision: mean(present().map(|row| row.precision().unwrap_or(0.0))),
        macro_f1: mean(present().filter_map(SkuScore::f1)),
        skus: table,
    }
}

/// A SKU taken for another.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusedPair {
    /// What it is.
    pub truth: u32,
    /// What it was taken for.
    pub predicted: u32,
    /// How often.
    pub count: u64,
    /// Fraction of the true SKU's crops.
    pub ratio: f64,
}

/// Pairs by falling count.
#[must_use]
pub fn confused_pairs(set: &QuerySet) -> Vec<ConfusedPair> {
    let mut support = vec![0_u64; set.skus.len()];
    let mut mistakes: Vec<(u32, u32)> = Vec::new();
    for query in set.iter() {
        let Some(truth) = query.truth else { continue };
        support[truth as usize] += 1;
        mistakes.extend(query.best().filter(|best| best.sku != truth).map(|best| (truth, best.sku)));
    }
    mistakes.sort_unstable();
    let pairs = mistakes.chunk_by(|a, b| a == b).map(|same| {
        let ((truth, predicted), count) = (same[0], same.len() as u64);
        ConfusedPair { truth, predicted, count, ratio: count as f64 / support[truth as usize] as f64 }
    });
    let mut pairs: Vec<ConfusedPair> = pairs.collect();
    pairs.sort_by_key(|p| (std::cmp::Reverse(p.count), p.truth, p.predicted));
    pairs
}
