//! Why boxes were missed and why others were invented: what advice rests on.
//!
//! After Bolya et al. 2020 (TIDE), simplified: each mistake has one cause, the first that applies.

use serde::{Deserialize, Serialize};
use vision::Confidences;

use crate::matching::pair;
use crate::{DetectionSet, MatchResult};

/// Overlap from which a box is meant to be the same thing, only badly placed.
const NEAR: f64 = 0.1;
/// Overlap at which boxes match.
const SAME: f64 = 0.5;

/// True boxes that were not found, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missed {
    /// A box of the class lies on it, but below the serving confidence.
    pub unsure: u64,
    /// A box of another class lies on it.
    pub other_class: u64,
    /// A box of the class overlaps it by .1 to .5.
    pub badly_placed: u64,
    /// Nothing is near.
    pub not_seen: u64,
}

/// Predictions that found nothing, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Invented {
    /// Lies on a true box that another prediction already found.
    pub duplicate: u64,
    /// Lies on a true box of another class.
    pub other_class: u64,
    /// Overlaps a true box of the class by .1 to .5.
    pub badly_placed: u64,
    /// Nothing is near.
    pub background: u64,
}

/// All mistakes at the serving confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mistakes {
    /// True boxes that were not found.
    pub missed: Missed,
    /// Predictions that found nothing.
    pub invented: Invented,
}

impl Missed {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.unsure + self.other_class + self.badly_placed + self.not_seen
    }
}

impl Invented {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.duplicate + self.other_class + self.badly_placed + self.background
    }
}

/// Sorts the mistakes at IoU .50 and the serving confidence by cause.
#[must_use]
pub fn mistakes(set: &DetectionSet, confidence: &Confidences<f64>, max_detections: usize) -> Mistakes {
    let pairing = pair(set, SAME, confidence, max_detections);
    let unsure = pair(set, SAME, &f64::NEG_INFINITY.into(), max_detections);
    let mut found = Mistakes::default();
    let shown: Vec<u32> =
        (0..).zip(&pairing.results).filter(|(_, result)| **result != MatchResult::Dropped).map(|(at, _)| at).collect();
    let predictions = by_image(set, shown, |p| set.predictions()[p as usize].image);
    let truths = by_image(set, (0..set.truths().len() as u32).collect(), |t| set.truths()[t as usize].image);

    for (at, truth) in set.truths().iter().enumerate() {
        if truth.crowd || pairing.found_by[at].is_some() {
            continue;
        }
        let (mut other_class, mut near) = (false, false);
        for &p in &predictions[truth.image as usize] {
            let prediction = &set.predictions()[p as usize];
            let overlap = prediction.rect.iou(&truth.rect);
            other_class |= prediction.class != truth.class && overlap >= SAME;
            near |= prediction.class == truth.class && overlap >= NEAR;
        }
        let missed = &mut found.missed;
        let cause = match () {
            () if unsure.found_by[at].is_some() => &mut missed.unsure,
            () if other_class => &mut missed.other_class,
            () if near => &mut missed.badly_placed,
            () => &mut missed.not_seen,
        };
        *cause += 1;
    }
    for (at, prediction) in set.predictions().iter().enumerate() {
        if pairing.results[at] != MatchResult::Wrong {
            continue;
        }
        let (mut duplicate, mut other_class, mut near) = (false, false, false);
        for &t in &truths[prediction.image as usize] {
            let truth = &set.truths()[t as usize];
            let overlap = prediction.rect.overlap(&truth.rect, truth.crowd);
            let same_class = truth.class == prediction.class;
            duplicate |= same_class && overlap >= SAME;
            other_class |= !same_class && overlap >= SAME;
            near |= same_class && overlap >= NEAR;
        }
        let invented = &mut found.invented;
        let cause = match () {
            () if duplicate => &mut invented.duplicate,
            () if other_class => &mut invented.other_class,
            () if near => &mut invented.badly_placed,
            () => &mut invented.background,
        };
        *cause += 1;
    }
    found
}

fn by_image(set: &DetectionSet, items: Vec<u32>, image: impl Fn(u32) -> u32) -> Vec<Vec<u32>> {
    let mut grouped = vec![Vec::new(); set.images().len()];
    items.into_iter().for_each(|item| grouped[image(item) as usize].push(item));
    grouped
}
