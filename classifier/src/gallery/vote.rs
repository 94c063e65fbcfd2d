//! From neighbours to a SKU, or to "ambiguous" or "unknown".

use std::collections::{BTreeMap, HashMap};

use vision::{Candidate, Decision, Neighbor, Reason, SkuId, SkuStatus};

/// How neighbours become a SKU.
///
/// The `k` nearest exemplars vote. With `s_1..s_n` the similarities of those that show SKU `c`, its score is the soft
/// maximum
///
/// ```text
/// score(c) = t * ln( exp(s_1 / t) + ... + exp(s_n / t) )        t = temperature
/// ```
///
/// which lies between the best `s_i` (also its limit for `t = 0`) and `best + t * ln n`: a SKU wins by its nearest
/// exemplar, and further exemplars that agree count for something, in units of cosine similarity. Where the similarity `p` to
/// the mean direction of all of the SKU's exemplars is known, it counts beside:
///
/// ```text
/// score(c) <- (score(c) + w * p) / (1 + w)                      w = prototype
/// ```
///
/// so that one odd exemplar, or a wrong label, decides less. The SKU of the highest score wins (ties: the smaller id). Then:
///
/// | answer | when |
/// |---|---|
/// | unknown | the winner stands for what a person said is not a container |
/// | unknown | similarity of the winner's best exemplar < `threshold` |
/// | ambiguous | score(winner) - score(runner-up) < `margin` |
/// | known | otherwise |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecisionRule {
    /// Exemplars that vote.
    pub k: usize,
    /// Minimum cosine similarity of a known SKU, `0..=1`.
    pub threshold: f32,
    /// Minimum lead over the runner-up SKU.
    pub margin: f32,
    /// How much exemplars beside the best count; 0 counts the best only.
    pub temperature: f32,
    /// How much the mean of a SKU's exemplars counts beside the nearest, `0..=1`; 0 leaves it out.
    pub prototype: f32,
}

impl Default for DecisionRule {
    /// `threshold` is for the embedder we ship: on 100 images of look-alike cartons it keeps all of the right answers when many
    /// images are enrolled, 98 % with three or with a catalogue image, and refuses 29, 54 and 64 % of cartons that are
    /// not enrolled (at .60: 4, 20 and 15; docs/results/threshold_shelf_v2.csv). SKUs it never learned lie closer together: `shelf
    /// calibrate` finds the value for one's own.
    ///
    /// The rest was chosen on the 13 beverage SKUs of mductran with the ImageNet features of EfficientNet-Lite0 (plan: stretch).
    /// `k` 5 with `temperature` 0.02 was 0.2 to 0.4 points better than the nearest exemplar alone for 3, 5 and 10 exemplars
    /// a SKU (means of six random galleries); 0.10 was worse than none. With 3 exemplars a SKU right winners have a median
    /// similarity of .80 (5th percentile .61), wrong ones of .66, and crops of a SKU that is not enrolled .63 (90th
    /// percentile .72): untrained features hardly know what is unknown. A lead under .02 holds 3 to 6 % of the
    /// crops, about half of them wrong. `docs/results/few_shot_mductran.csv` has the metrics. `prototype` is by
    /// `docs/results/prototypes.csv`.
    fn default() -> Self {
        Self { k: 5, threshold: 0.70, margin: 0.02, temperature: 0.02, prototype: 1.0 }
    }
}

/// A SKU among the neighbours.
struct Tally {
    sku: SkuId,
    best: f32,
    score: f32,
}

/// Decides which SKU a crop shows by its `neighbors` (any order, as many as were searched), and names the `top_k` most
/// likely SKUs. Neighbours beyond the `k` that vote only fill up the candidates.
#[must_use]
pub fn decide(neighbors: &[Neighbor], rule: &DecisionRule, top_k: usize) -> Decision {
    let mut nearest: Vec<&Neighbor> = neighbors.iter().filter(|n| n.similarity.is_finite()).collect();
    nearest.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.exemplar.cmp(&b.exemplar)));
    let (voters, others) = nearest.split_at(rule.k.max(1).min(nearest.len()));

    let ranked = tally(voters, rule);
    let Some(winner) = ranked.first() else {
        return Decision {
            status: SkuStatus::Unknown,
            reason: Reason::EmptyGallery,
            sku: None,
            similarity: 0.0,
            margin: 0.0,
            probability: None,
            candidates: Vec::new(),
        };
    };
    let runner_up = ranked.get(1);
    let margin = runner_up.map_or(winner.best, |second| winner.score - second.score);
    // Written so that NaN fails.
    let (status, reason) = if winner.sku == SkuId::NOT_A_CONTAINER {
        (SkuStatus::Unknown, Reason::NotAContainer)
    } else if !(winner.best >= rule.threshold) {
        (SkuStatus::Unknown, Reason::BelowThreshold { threshold: rule.threshold })
    } else if let Some(second) = runner_up.filter(|_| !(margin >= rule.margin)) {
        (SkuStatus::Ambiguous, Reason::MarginTooSmall { required: rule.margin, runner_up: second.sku })
    } else {
        (SkuStatus::Known, Reason::Accepted)
    };
    Decision {
        status,
        reason,
        sku: (status != SkuStatus::Unknown).then_some(winner.sku),
        similarity: winner.best,
        margin,
        probability: None,
        candidates: candidates(&ranked, others, rule, top_k),
    }
}

/// The same, with thresholds of single SKUs, which hold in place of the rule's when that SKU wins the vote. Which SKU wins does
/// not depend on them.
#[must_use]
pub fn decide_with(
    neighbors: &[Neighbor],
    rule: &DecisionRule,
    sku_thresholds: &HashMap<SkuId, f32>,
    top_k: usize,
) -> Decision {
    decide_by(neighbors, rule, |sku| sku_thresholds.get(&sku).copied(), top_k)
}

/// As [`decide_with`], with `threshold` to ask for that of the SKU that won.
#[must_use]
pub fn decide_by(
    neighbors: &[Neighbor],
    rule: &DecisionRule,
    threshold: impl Fn(SkuId) -> Option<f32>,
    top_k: usize,
) -> Decision {
    // One at least: who won is told by the candidates.
    let mut decision = decide(neighbors, rule, top_k.max(1));
    let own = decision.candidates.first().and_then(|winner| threshold(winner.sku));
    if let Some(threshold) = own {
        decision = decide(neighbors, &DecisionRule { threshold, ..*rule }, top_k);
    }
    decision.candidates.truncate(top_k);
    decision
}

/// SKUs of the voters, highest score first.
fn tally(voters: &[&Neighbor], rule: &DecisionRule) -> Vec<Tally> {
    let mut by_sku: BTreeMap<SkuId, Vec<&Neighbor>> = BTreeMap::new();
    for voter in voters {
        by_sku.entry(voter.sku).or_default().push(voter);
    }
    let mut ranked: Vec<Tally> = by_sku
        .into_iter()
        .map(|(sku, voters)| {
            // Voters come nearest first.
            let best = voters[0].similarity;
            let similarities: Vec<f32> = voters.iter().map(|voter| voter.similarity).collect();
            let nearest = soft_maximum(best, &similarities, rule.temperature);
            let score = with_prototype(nearest, voters[0].prototype, rule.prototype);
            Tally { sku, best, score }
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.sku.cmp(&b.sku)));
    ranked
}

/// `t * ln(sum(exp(s / t)))` with the maximum taken out, so that nothing overflows.
fn soft_maximum(best: f32, similarities: &[f32], temperature: f32) -> f32 {
    if !(temperature > 0.0) {
        return best;
    }
    let sum: f32 = similarities.iter().map(|s| ((s - best) / temperature).exp()).sum();
    best + temperature * sum.ln()
}

fn with_prototype(nearest: f32, prototype: Option<f32>, weight: f32) -> f32 {
    match prototype {
        Some(prototype) if weight > 0.0 && prototype.is_finite() => (nearest + weight * prototype) / (1.0 + weight),
        _ => nearest,
    }
}

fn candidates(ranked: &[Tally], others: &[&Neighbor], rule: &DecisionRule, top_k: usize) -> Vec<Candidate> {
    // What is no container is no SKU.
    let real = ranked.iter().filter(|t| t.sku != SkuId::NOT_A_CONTAINER);
    let mut named: Vec<Candidate> =
        real.take(top_k).map(|t| Candidate { sku: t.sku, similarity: t.best, score: t.score }).collect();
    for other in others.iter().filter(|other| other.sku != SkuId::NOT_A_CONTAINER) {
        if named.len() >= top_k {
            break;
        }
        if named.iter().all(|c| c.sku != other.sku) {
            let score = with_prototype(other.similarity, other.prototype, rule.prototype);
            named.push(Candidate { sku: other.sku, similarity: other.similarity, score });
        }
    }
    named
}
