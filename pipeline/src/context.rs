//! Neighbours in a row are usually the same SKU: a hint for facings that are near to two.

use vision::{Decision, Reason, RecognizedItem, SkuId, SkuStatus};

/// How much the neighbours in a row say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowContext {
    /// What a neighbour of a SKU adds to that SKU, in cosine similarity; 0 leaves every facing to itself.
    pub weight: f32,
    /// Lead over the runner-up from which a facing is sure of itself: it is never overruled, and counts in full as a neighbour.
    pub sure: f32,
}

impl Default for RowContext {
    /// Chosen on val and train of the coolers (docs/results/row_context.csv).
    fn default() -> Self {
        Self { weight: 0.05, sure: 0.10 }
    }
}

/// Two facings stand in one row when their heights overlap by this fraction of the lower one.
const SAME_ROW: f32 = 0.5;
/// Centres of neighbours are at most so many widths of the wider one apart.
const REACH: f32 = 1.5;
/// Candidates further behind the winner than this are out of the question, whatever stands beside.
const FAR_BEHIND: f32 = 0.09;

/// Lets the nearest neighbour on either side speak for its SKU: for each candidate `c` of a facing that is not sure,
///
/// ```text
/// score(c) = -behind(c) + weight * sum over neighbours that are c of min(1, lead of the neighbour / sure)
/// ```
///
/// and the highest score wins, where `behind` is how far `c`'s score is behind the winner's of the vote. Neighbours speak by what
/// they were before any was changed, so the order of facings does not matter. `accepts` says whether the new SKU's similarity,
/// with the margin of the vote, is enough for it; unknown facings stay unknown.
pub(crate) fn apply(items: &mut [RecognizedItem], context: RowContext, accepts: impl Fn(SkuId, f32, f32) -> bool) {
    if !(context.weight > 0.0) || items.len() < 2 {
        return;
    }
    let before: Vec<Option<(SkuId, f32)>> = items.iter().map(|item| spoken(&item.decision, context.sure)).collect();
    let beside = neighbors(items);
    for (at, item) in items.iter_mut().enumerate() {
        let decision = &item.decision;
        if decision.sku.is_none() || decision.margin >= context.sure {
            continue;
        }
        let said = |sku: SkuId| -> f32 {
            let voices = beside[at].iter().flatten().filter_map(|&other| before[other]);
            voices.filter(|voice| voice.0 == sku).map(|voice| voice.1 * context.weight).sum()
        };
        let Some(first) = decision.candidates.first() else { continue };
        let scored = decision.candidates.iter().enumerate().map(|(rank, candidate)| {
            let behind = first.score - candidate.score;
            (rank, behind, said(candidate.sku) - behind)
        });
        let best = scored.filter(|(_, behind, _)| *behind <= FAR_BEHIND).reduce(|best, other| {
            // The earlier of equals: it won the vote.
            if other.2 > best.2 { other } else { best }
        });
        let Some((rank, ..)) = best.filter(|(rank, ..)| *rank > 0) else { continue };
        let chosen = decision.candidates[rank];
        if accepts(chosen.sku, chosen.similarity, decision.margin) {
            let decision = &mut item.decision;
            decision.candidates[..=rank].rotate_right(1);
            (decision.sku, decision.similarity, decision.margin) = (Some(chosen.sku), chosen.similarity, 0.0);
            (decision.status, decision.reason) = (SkuStatus::Ambiguous, Reason::RowContext);
        }
    }
}

/// The SKU that a facing speaks for, and how loud, `0..=1`.
fn spoken(decision: &Decision, sure: f32) -> Option<(SkuId, f32)> {
    let voice = if sure > 0.0 { (decision.margin / sure).clamp(0.0, 1.0) } else { 1.0 };
    decision.sku.map(|sku| (sku, voice))
}

/// The nearest facing on the left and on the right of each, in its row.
fn neighbors(items: &[RecognizedItem]) -> Vec<[Option<usize>; 2]> {
    let boxes: Vec<vision::BBox> = items.iter().map(|item| item.detection.bbox).collect();
    let centre = |b: &vision::BBox| (b.x1 + b.x2) / 2.0;
    let beside = |at: usize| {
        let own = boxes[at];
        let mut nearest: [Option<(usize, f32)>; 2] = [None, None];
        for (other, b) in boxes.iter().enumerate().filter(|(other, _)| *other != at) {
            let overlap = own.y2.min(b.y2) - own.y1.max(b.y1);
            let apart = centre(b) - centre(&own);
            let in_row = overlap > SAME_ROW * (own.y2 - own.y1).min(b.y2 - b.y1);
            if !in_row || apart == 0.0 || apart.abs() >= REACH * (own.x2 - own.x1).max(b.x2 - b.x1) {
                continue;
            }
            let side = &mut nearest[usize::from(apart > 0.0)];
            if side.is_none_or(|(_, distance)| apart.abs() < distance) {
                *side = Some((other, apart.abs()));
            }
        }
        nearest.map(|side| side.map(|(other, _)| other))
    };
    (0..items.len()).map(beside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vision::{BBox, Candidate, ClassId, Detection};

    /// A facing at `x` on a shelf at `y`, with the similarities of SKUs 1, 2, ...
    fn facing(x: f32, y: f32, similarities: &[f32]) -> RecognizedItem {
        let mut candidates: Vec<Candidate> = (1..)
            .zip(similarities)
            .map(|(id, &similarity)| Candidate { sku: SkuId(id), similarity, score: similarity })
            .collect();
        candidates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        RecognizedItem {
            detection: Detection { bbox: BBox::new(x, y, x + 10.0, y + 30.0), class: ClassId(0), confidence: 0.9 },
            decision: Decision {
                status: SkuStatus::Known,
                reason: Reason::Accepted,
                sku: Some(candidates[0].sku),
                similarity: candidates[0].similarity,
                margin: candidates[0].similarity - candidates[1].similarity,
                probability: None,
                candidates,
            },
            embedding: None,
            disagreement: false,
        }
    }

    fn skus(mut items: Vec<RecognizedItem>, context: RowContext, threshold: f32) -> Vec<u32> {
        apply(&mut items, context, |_, similarity, _| similarity >= threshold);
        items.iter().map(|item| item.decision.sku.map_or(0, |sku| sku.0)).collect()
    }

    #[test]
    fn neighbours_decide_what_is_near_to_two() {
        let on = RowContext::default();
        let row = |middle: &[f32]| {
            vec![facing(0.0, 0.0, &[0.9, 0.5]), facing(11.0, 0.0, middle), facing(22.0, 0.0, &[0.9, 0.5])]
        };
        // Near to both: the row decides. Clearly ahead, or far behind: the facing does.
        assert_eq!(skus(row(&[0.80, 0.84]), on, 0.5), [1, 1, 1]);
        assert_eq!(skus(row(&[0.70, 0.84]), on, 0.5), [1, 2, 1]);
        assert_eq!(skus(row(&[0.745, 0.84]), on, 0.5), [1, 2, 1]);
        // Switched off, or the row's SKU is below its threshold.
        assert_eq!(skus(row(&[0.80, 0.84]), RowContext { weight: 0.0, ..on }, 0.5), [1, 2, 1]);
        assert_eq!(skus(row(&[0.80, 0.84]), on, 0.82), [1, 2, 1]);
    }

    #[test]
    fn other_rows_and_far_facings_say_nothing() {
        let on = RowContext::default();
        let unsure = || facing(11.0, 0.0, &[0.81, 0.84]);
        assert_eq!(
            skus(vec![facing(0.0, 40.0, &[0.9, 0.5]), unsure(), facing(22.0, 40.0, &[0.9, 0.5])], on, 0.5)[1],
            2
        );
        assert_eq!(skus(vec![unsure(), facing(80.0, 0.0, &[0.9, 0.5])], on, 0.5)[0], 2);
        assert_eq!(skus(vec![unsure()], on, 0.5), [2]);
    }

    #[test]
    fn a_facing_that_is_sure_is_never_overruled() {
        let loud = RowContext { weight: 5.0, sure: 0.10 };
        let row = vec![facing(0.0, 0.0, &[0.9, 0.5]), facing(11.0, 0.0, &[0.7, 0.81]), facing(22.0, 0.0, &[0.9, 0.5])];
        assert_eq!(skus(row, loud, 0.0), [1, 2, 1]);
    }
}
