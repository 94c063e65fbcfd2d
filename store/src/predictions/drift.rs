//! How far what is answered lately is from what was answered before.

use std::collections::BTreeMap;

use super::signals::DAY;
use super::{Histogram, Signal};
use crate::error::StoreError;
use crate::model::Timestamp;
use crate::store::Store;

/// Days that stand for "lately": the one that runs, and the one before.
const LATELY: i64 = 2;
/// Days before those that stand for what is usual.
const BEFORE: i64 = 28;
/// Facings, on either side, below which nothing is said.
const ENOUGH: u64 = 200;

/// Population stability index of two histograms: the sum over the bins of `(a - e) ln(a / e)`, `e` and `a` being the fractions of
/// the values expected and found in a bin. By custom, below 0.1 nothing has changed and above 0.25 much has.
///
/// Half a value is added to each bin, so that an empty one is no infinity. `None` when either has no value.
///
/// ```
/// use store::predictions::{Histogram, population_stability_index};
///
/// let before = Histogram([0, 0, 0, 0, 0, 0, 10, 20, 40, 30]);
/// assert_eq!(population_stability_index(&before, &before), Some(0.0));
/// ```
#[must_use]
pub fn population_stability_index(expected: &Histogram, found: &Histogram) -> Option<f64> {
    if expected.total() == 0 || found.total() == 0 {
        return None;
    }
    let fraction = |histogram: &Histogram, bin: usize| {
        let values = histogram.total() as f64 + 0.5 * histogram.0.len() as f64;
        (histogram.0[bin] as f64 + 0.5) / values
    };
    let terms = (0..expected.0.len()).map(|bin| {
        let (expected, found) = (fraction(expected, bin), fraction(found, bin));
        (found - expected) * (found / expected).ln()
    });
    Some(terms.sum())
}

/// How one SKU has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkuDrift {
    /// Its number, or [`super::NO_SKU`].
    pub sku: i64,
    /// Its index.
    pub index: f64,
    /// Its facings lately.
    pub facings: u64,
}

/// How a signal has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Which.
    pub signal: Signal,
    /// Of all facings together; `None` when there are too few.
    pub index: Option<f64>,
    /// By SKU, those that have changed most first, as far as they have facings enough.
    pub skus: Vec<SkuDrift>,
}

impl Store {
    /// How the answers of yesterday and today differ from those of the 28 days before.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn drift(&self, organisation: &str, signal: Signal, now: Timestamp) -> Result<Drift, StoreError> {
        let tomorrow = now.div_euclid(DAY) + 1;
        let lately = self.signals(organisation, signal, tomorrow - LATELY..tomorrow).await?;
        let before = self.signals(organisation, signal, tomorrow - LATELY - BEFORE..tomorrow - LATELY).await?;
        Ok(compare(signal, &before, &lately))
    }
}

fn compare(signal: Signal, before: &BTreeMap<i64, Histogram>, lately: &BTreeMap<i64, Histogram>) -> Drift {
    let enough = |expected: &Histogram, found: &Histogram| {
        let enough = expected.total() >= ENOUGH && found.total() >= ENOUGH;
        population_stability_index(expected, found).filter(|_| enough)
    };
    let all = |by_sku: &BTreeMap<i64, Histogram>| {
        let mut sum = Histogram::default();
        by_sku.values().for_each(|histogram| sum.merge(histogram));
        sum
    };
    let of_sku = |(&sku, found): (&i64, &Histogram)| {
        let index = enough(before.get(&sku)?, found)?;
        Some(SkuDrift { sku, index, facings: found.total() })
    };
    let mut skus: Vec<_> = lately.iter().filter_map(of_sku).collect();
    skus.sort_by(|a, b| b.index.total_cmp(&a.index));
    Drift { signal, index: enough(&all(before), &all(lately)), skus }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: [u64; 10]) -> Histogram {
        Histogram(counts)
    }

    #[test]
    fn the_index_is_what_it_is_by_hand() {
        // Two bins hold values, by hand: with half a value added to each of ten bins,
        // e = (95.5, 5.5, 0.5 x 8) / 105... of [95, 5] and [5, 95]: (0.909524, 0.052381) against (0.052381, 0.909524).
        // 2 (0.909524 - 0.052381) ln(0.909524 / 0.052381) = 1.714286 x 2.854377 = 4.893218; the empty bins are alike.
        let one = histogram([95, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
        let other = histogram([5, 95, 0, 0, 0, 0, 0, 0, 0, 0]);
        let index = population_stability_index(&one, &other).expect("there are values");
        assert!((index - 4.893_218).abs() < 1e-5, "{index}");
        assert_eq!(population_stability_index(&other, &one), Some(index), "it is the same either way");
        // Everything from one bin to another: 100.5/105 and .5/105 change places:
        // 2 (100.5 - .5) / 105 ln(201) = 1.904762 x 5.303305 = 10.101533.
        let (first, last) = (histogram([100, 0, 0, 0, 0, 0, 0, 0, 0, 0]), histogram([0, 0, 0, 0, 0, 0, 0, 0, 0, 100]));
        let index = population_stability_index(&first, &last).expect("there are values");
        assert!((index - 10.101_533).abs() < 1e-5, "{index}");
        assert_eq!(population_stability_index(&one, &one), Some(0.0));
        assert_eq!(population_stability_index(&one, &Histogram::default()), None);
        assert_eq!(population_stability_index(&Histogram::default(), &one), None);
    }

    #[test]
    fn little_says_nothing_and_the_worst_comes_first() {
        let usual = histogram([0, 0, 0, 0, 0, 0, 0, 100, 200, 100]);
        let worse = histogram([0, 0, 0, 0, 0, 100, 200, 100, 0, 0]);
        let few = histogram([0, 0, 0, 0, 0, 0, 10, 10, 10, 0]);
        let before = BTreeMap::from([(1, usual), (2, usual), (3, usual)]);
        let lately = BTreeMap::from([(1, usual), (2, worse), (3, few), (4, worse)]);
        let drift = compare(Signal::Similarity, &before, &lately);
        assert_eq!(drift.skus.iter().map(|sku| sku.sku).collect::<Vec<_>>(), [2, 1], "three has few, four is new");
        assert!(drift.skus[0].index > 1.0 && drift.skus[1].index < 1e-9, "{drift:?}");
        assert!(drift.index.is_some_and(|index| index > 0.1), "{drift:?}");
        assert_eq!(compare(Signal::Similarity, &BTreeMap::new(), &lately).index, None);
    }
}
