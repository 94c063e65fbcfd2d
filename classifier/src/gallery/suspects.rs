//! Exemplars that the rest of the gallery takes for another SKU: labels worth a second look.

use std::collections::HashMap;

use vision::{ExemplarId, Neighbor, Reason, SkuId, SkuStatus};

use super::data::GalleryData;
use super::flat::{Panels, clamp_similarity};
use super::kernel::dots;
use super::neighbors::neighbors;
use super::prototypes::Prototypes;
use super::vote::{DecisionRule, decide_with};

/// An exemplar that looks like another SKU than its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// Number of the exemplar.
    pub exemplar: ExemplarId,
    /// The SKU it is enrolled as.
    pub sku: SkuId,
    /// The SKU it looks like.
    pub looks_like: SkuId,
    /// The nearest exemplar of that SKU.
    pub nearest: ExemplarId,
    /// Cosine similarity to it.
    pub similarity: f32,
    /// Cosine similarity to the nearest other exemplar of its own SKU.
    pub own: f32,
}

/// Exemplars that look mislabelled, the plainest (largest `similarity - own`) first.
///
/// Each is looked up in the rest of the gallery, as a facing would be, by `rule` and the thresholds that single SKUs have of their
/// own. It is a suspect when the answer is clear (similar enough, and by the rule's margin) and another SKU than its own, that SKU's nearest exemplar is nearer by the same
/// margin than its own SKU's, *and* more of the `k` nearest exemplars show that SKU than its own: one wrong label among right
/// ones makes itself a suspect, not its neighbours. The only exemplar of a SKU cannot be judged by its like and never is one.
///
/// Compares every exemplar with every other, exactly: on two cores less than a second for ten thousand and some 40 seconds for a
/// hundred thousand, worked out from 23 ms for 60 searches in 100,000.
#[must_use]
pub fn suspects(data: &GalleryData, rule: &DecisionRule, sku_thresholds: &HashMap<SkuId, f32>) -> Vec<Suspect> {
    let mut rows_of: HashMap<SkuId, Vec<usize>> = HashMap::new();
    for (row, exemplar) in data.exemplars().iter().enumerate() {
        rows_of.entry(exemplar.sku).or_default().push(row);
    }
    let k = rule.k.max(1);
    let prototypes = Prototypes::of_gallery(data);
    // One more: the nearest is the exemplar itself.
    let found = Panels::of(data.embeddings()).search(data.embeddings(), k + 1);
    let mut suspects = Vec::new();
    for (row, hits) in found.into_iter().enumerate() {
        let exemplar = &data.exemplars()[row];
        let mut neighbors = neighbors((data, &prototypes), data.embeddings().row(row), hits, Some(row));
        neighbors.truncate(k);
        let answer = clear_answer(&neighbors, rule, sku_thresholds);
        let Some(looks_like) = answer.filter(|&sku| sku != exemplar.sku) else { continue };
        let votes = |sku: SkuId| neighbors.iter().filter(|n| n.sku == sku).count();
        if votes(looks_like) <= votes(exemplar.sku) {
            continue;
        }
        let own = rows_of[&exemplar.sku].iter().filter(|&&other| other != row);
        let similarities = dots(data.embeddings().row(row), own.map(|&other| data.embeddings().row(other)));
        let Some(own) = similarities.into_iter().max_by(f32::total_cmp).map(clamp_similarity) else { continue };
        // Neighbours come nearest first.
        let Some(nearest) = neighbors.iter().find(|n| n.sku == looks_like) else { continue };
        // Of twins either may have more among the nearest, by chance: that alone makes nobody a suspect.
        if !(nearest.similarity - own >= rule.margin) {
            continue;
        }
        suspects.push(Suspect {
            exemplar: exemplar.id,
            sku: exemplar.sku,
            looks_like,
            nearest: nearest.exemplar,
            similarity: nearest.similarity,
            own,
        });
    }
    let lead = |suspect: &Suspect| suspect.similarity - suspect.own;
    suspects.sort_by(|a, b| lead(b).total_cmp(&lead(a)).then(a.exemplar.cmp(&b.exemplar)));
    suspects
}

/// The SKU that neighbours name beyond doubt, "no container" among them.
fn clear_answer(neighbors: &[Neighbor], rule: &DecisionRule, sku_thresholds: &HashMap<SkuId, f32>) -> Option<SkuId> {
    let decision = decide_with(neighbors, rule, sku_thresholds, 1);
    let no_container = decision.reason == Reason::NotAContainer
        && decision.similarity >= rule.threshold
        && decision.margin >= rule.margin;
    match decision.status {
        SkuStatus::Known => decision.sku,
        _ => no_container.then_some(SkuId::NOT_A_CONTAINER),
    }
}
