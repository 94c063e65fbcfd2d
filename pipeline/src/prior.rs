//! How many facings of a photo are of no enrolled SKU: learned from all of them together.
//!
//! A threshold that lets one impostor in twenty pass must refuse many a facing that is what it seems. Where all that is on a shelf
//! is enrolled there are no impostors, and refusing is nothing but a miscount; where half of it is not, a threshold that misses nothing
//! names what it must not. So the photo tells: the fraction of foreign facings is that under which the similarities found on it are
//! likeliest, and each facing is what it likelier is.

use vision::{Reason, RecognizedItem, SkuId, SkuIndex, SkuStatus};

/// Facings that a photo must have to say anything: fewer leave each to its threshold.
const MIN_FACINGS: usize = 8;
/// What is taken for granted of any photo, as facings seen before: one foreign, nine enrolled.
const FOREIGN_BEFORE: f64 = 1.0;
const ENROLLED_BEFORE: f64 = 9.0;
/// The fraction of foreign facings that stated probabilities suppose until a photo says more.
pub(crate) const SUPPOSED: f64 = 0.05;
/// Steps of expectation-maximisation; it moves by less than a thousandth long before.
const STEPS: usize = 30;

/// Decides each facing anew by what is likelier on this photo, its SKU or none, and brings probabilities to the photo's own fraction
/// of foreign facings (expectation-maximisation over class priors: Saerens, Latinne and Decaestecker 2002). `margin` is the lead below
/// which a SKU is ambiguous; SKUs that are `fixed` keep to their thresholds. Gives the fraction of foreign facings where the photo has
/// enough of them.
pub(crate) fn apply(
    items: &mut [RecognizedItem],
    gallery: &dyn SkuIndex,
    margin: f32,
    fixed: impl Fn(SkuId) -> bool,
) -> Option<f64> {
    let odds: Vec<Option<(SkuId, f64)>> = items.iter().map(|item| odds(item, gallery)).collect();
    let all: Vec<f64> = odds.iter().flatten().map(|(_, odds)| *odds).collect();
    if all.len() < MIN_FACINGS {
        return None;
    }
    let fraction = foreign_ratio(&all);
    for (item, odds) in items.iter_mut().zip(odds) {
        let Some((sku, odds)) = odds else { continue };
        let decision = &mut item.decision;
        let (foreign, supposed) = (is_foreign(odds, fraction), is_foreign(odds, SUPPOSED));
        // Right if enrolled stays what it was; enrolled is as likely as the photo says.
        decision.probability = decision.probability.map(|p| {
            let right_if_enrolled = (f64::from(p) / (1.0 - supposed).max(1e-9)).min(1.0);
            (right_if_enrolled * (1.0 - foreign)) as f32
        });
        if fixed(sku) {
            continue;
        }
        if matches!(decision.reason, Reason::BelowThreshold { .. }) && foreign < 0.5 {
            decision.sku = Some(sku);
            decision.reason = Reason::PhotoContext;
            decision.status = if decision.margin >= margin { SkuStatus::Known } else { SkuStatus::Ambiguous };
        } else if decision.sku.is_some() && foreign >= 0.5 {
            (decision.sku, decision.status, decision.reason) = (None, SkuStatus::Unknown, Reason::LikelyForeign);
        }
    }
    Some(fraction)
}

/// Whether a facing of this similarity to `sku` is likelier of it than foreign, on a photo of this fraction of foreign facings; `None`
/// where that is not known. `margin` is the lead of the winner of its vote, by which it is enrolled or not, whatever it is.
pub(crate) fn accepts(
    gallery: &dyn SkuIndex,
    fraction: f64,
    (sku, similarity, margin): (SkuId, f32, f32),
) -> Option<bool> {
    let odds = gallery.enrolled_odds(sku, similarity, margin)?;
    Some(is_foreign(f64::from(odds), fraction) < 0.5)
}

/// The SKU a facing comes nearest to, and how many times likelier its similarity is for that SKU than for a foreign product.
fn odds(item: &RecognizedItem, gallery: &dyn SkuIndex) -> Option<(SkuId, f64)> {
    if item.decision.reason == Reason::NotAContainer {
        return None;
    }
    let best = item.decision.candidates.first()?;
    let odds = f64::from(gallery.enrolled_odds(best.sku, best.similarity, item.decision.margin)?);
    odds.is_finite().then_some((best.sku, odds))
}

/// Chance that a facing of these odds is foreign when this fraction of all is.
fn is_foreign(odds: f64, fraction: f64) -> f64 {
    fraction / (fraction + odds * (1.0 - fraction))
}

fn foreign_ratio(odds: &[f64]) -> f64 {
    let mut fraction = FOREIGN_BEFORE / (FOREIGN_BEFORE + ENROLLED_BEFORE);
    for _ in 0..STEPS {
        let foreign: f64 = odds.iter().map(|&odds| is_foreign(odds, fraction)).sum();
        fraction = (foreign + FOREIGN_BEFORE) / (odds.len() as f64 + FOREIGN_BEFORE + ENROLLED_BEFORE);
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use vision::{BBox, Candidate, ClassId, Decision, Detection, Embedding, ModelError, Neighbor, Sku};

    /// Odds of 4 to 1 either way, at similarity .6.
    struct Gallery;

    impl SkuIndex for Gallery {
        fn search(&self, _: &[Embedding], _: usize) -> Result<Vec<Vec<Neighbor>>, ModelError> {
            Ok(Vec::new())
        }
        fn enrolled_odds(&self, _: SkuId, similarity: f32, _: f32) -> Option<f32> {
            Some(if similarity >= 0.6 { 4.0 } else { 0.25 })
        }
        fn sku(&self, _: SkuId) -> Option<Arc<Sku>> {
            None
        }
        fn skus(&self) -> Vec<Arc<Sku>> {
            Vec::new()
        }
        fn len(&self) -> usize {
            1
        }
        fn describe(&self) -> String {
            String::new()
        }
    }

    fn facing(similarity: f32) -> RecognizedItem {
        RecognizedItem {
            detection: Detection { bbox: BBox::new(0.0, 0.0, 9.0, 9.0), class: ClassId(0), confidence: 0.9 },
            decision: Decision {
                status: SkuStatus::Unknown,
                reason: Reason::BelowThreshold { threshold: 0.7 },
                sku: None,
                similarity,
                margin: 0.1,
                probability: Some(0.5),
                candidates: vec![Candidate { sku: SkuId(1), similarity, score: similarity }],
            },
            embedding: None,
            disagreement: false,
        }
    }

    fn accepted(near: usize, far: usize) -> (usize, usize) {
        let mut items: Vec<RecognizedItem> =
            (0..near).map(|_| facing(0.65)).chain((0..far).map(|_| facing(0.5))).collect();
        apply(&mut items, &Gallery, 0.02, |_| false);
        let count = |items: &[RecognizedItem]| items.iter().filter(|item| item.decision.sku.is_some()).count();
        assert!(items.iter().all(|item| item.decision.probability.is_some_and(|p| (0.0..=1.0).contains(&p))));
        (count(&items[..near]), count(&items[near..]))
    }

    #[test]
    fn a_photo_of_enrolled_products_counts_what_is_a_little_unlike() {
        assert_eq!(accepted(30, 3), (30, 3), "hardly anything is foreign here");
        assert_eq!(accepted(10, 30), (10, 0), "most is foreign here");
        assert_eq!(accepted(0, 30), (0, 0));
        assert_eq!(accepted(5, 1), (0, 0), "too few to say anything: the thresholds hold");
    }

    #[test]
    fn a_photo_of_foreign_products_names_none_that_is_likelier_foreign() {
        let photo = |near: usize, far: usize| -> Vec<RecognizedItem> {
            let named = |mut item: RecognizedItem| {
                let decision = &mut item.decision;
                (decision.status, decision.reason, decision.sku) = (SkuStatus::Known, Reason::Accepted, Some(SkuId(1)));
                item
            };
            (0..near).map(|_| named(facing(0.65))).chain((0..far).map(|_| named(facing(0.5)))).collect()
        };
        let kept = |near: usize, far: usize, fixed: bool| {
            let mut items = photo(near, far);
            apply(&mut items, &Gallery, 0.02, |_| fixed);
            assert!(
                items.iter().all(|item| item.decision.sku.is_some() == (item.decision.status != SkuStatus::Unknown))
            );
            items.iter().filter(|item| item.decision.sku.is_some()).count()
        };
        assert_eq!(kept(10, 30, false), 10);
        assert_eq!(kept(30, 3, false), 33, "hardly anything is foreign here");
        assert_eq!(kept(10, 30, true), 40, "thresholds that a person set hold");
        assert_eq!(kept(1, 5, false), 6, "too few to say anything");
    }

    #[test]
    fn the_ratio_is_that_which_made_the_odds() {
        // 40 % foreign, with odds of 9 to 1 for nine of ten either way.
        let odds = |right: usize, wrong: usize| [vec![9.0; right], vec![1.0 / 9.0; wrong]].concat();
        let fraction = foreign_ratio(&odds(540 + 40, 60 + 360));
        assert!((fraction - 0.4).abs() < 0.01, "{fraction}");
    }
}
