//! The decision rule, case by case and by its laws.

use std::collections::HashMap;

use classifier::gallery::decide_with;
use classifier::{DecisionRule, decide};
use proptest::prelude::*;
use vision::{ExemplarId, Neighbor, Reason, SkuId, SkuStatus};

fn neighbors(pairs: &[(u32, f32)]) -> Vec<Neighbor> {
    (1..)
        .zip(pairs)
        .map(|(id, &(sku, similarity))| Neighbor {
            exemplar: ExemplarId(id),
            sku: SkuId(sku),
            similarity,
            prototype: None,
        })
        .collect()
}

const RULE: DecisionRule = DecisionRule { k: 5, threshold: 0.6, margin: 0.05, temperature: 0.0, prototype: 1.0 };

#[test]
fn decisions_follow_the_rule() {
    use SkuStatus::{Ambiguous, Known, Unknown};
    let check = |pairs: &[(u32, f32)], status: SkuStatus, sku: Option<u32>, similarity: f32, margin: f32| {
        let decision = decide(&neighbors(pairs), &RULE, 5);
        assert_eq!((decision.status, decision.sku), (status, sku.map(SkuId)), "{pairs:?}");
        assert!((decision.similarity - similarity).abs() < 1e-6, "{pairs:?}: {}", decision.similarity);
        assert!((decision.margin - margin).abs() < 1e-6, "{pairs:?}: {}", decision.margin);
        match (status, decision.reason) {
            (Known, Reason::Accepted) => {}
            (Ambiguous, Reason::MarginTooSmall { required, runner_up }) => {
                assert_eq!(required, RULE.margin);
                assert_ne!(Some(runner_up), decision.sku);
            }
            (Unknown, Reason::BelowThreshold { threshold }) => assert_eq!(threshold, RULE.threshold),
            (Unknown, Reason::EmptyGallery) => assert!(pairs.is_empty()),
            (status, reason) => panic!("{status:?} because {reason:?}"),
        }
    };
    check(&[], Unknown, None, 0.0, 0.0);
    check(&[(1, 0.9)], Known, Some(1), 0.9, 0.9);
    check(&[(1, 0.9), (2, 0.8)], Known, Some(1), 0.9, 0.1);
    check(&[(1, 0.9), (2, 0.86)], Ambiguous, Some(1), 0.9, 0.04);
    check(&[(2, 0.9), (1, 0.9)], Ambiguous, Some(1), 0.9, 0.0);
    check(&[(1, 0.59), (2, 0.3)], Unknown, None, 0.59, 0.29);
    check(&[(1, 0.59), (2, 0.58)], Unknown, None, 0.59, 0.01);
    check(&[(1, 0.6)], Known, Some(1), 0.6, 0.6);
    check(&[(1, -0.2)], Unknown, None, -0.2, -0.2);
    // Order does not matter, and the sixth nearest has no vote.
    check(&[(2, 0.7), (1, 0.9)], Known, Some(1), 0.9, 0.2);
    check(&[(1, 0.9), (1, 0.9), (1, 0.9), (1, 0.9), (1, 0.9), (2, 0.89)], Known, Some(1), 0.9, 0.9);
    // Numbers that are none do not vote.
    check(&[(2, f32::NAN), (1, 0.9)], Known, Some(1), 0.9, 0.9);
    check(&[(1, 0.9), (2, f32::INFINITY)], Known, Some(1), 0.9, 0.9);
}

#[test]
fn the_winners_own_threshold_holds() {
    let status = |own: &[(u32, f32)]| {
        let own: HashMap<SkuId, f32> = own.iter().map(|&(sku, threshold)| (SkuId(sku), threshold)).collect();
        let decision = decide_with(&neighbors(&[(1, 0.7), (2, 0.5)]), &RULE, &own, 1);
        assert_eq!(decision.candidates[0].sku, SkuId(1), "which SKU wins does not depend on it");
        decision.status
    };
    assert_eq!(status(&[]), SkuStatus::Known);
    assert_eq!(status(&[(1, 0.71)]), SkuStatus::Unknown);
    assert_eq!(status(&[(1, 0.1), (2, 0.9)]), SkuStatus::Known);
}

#[test]
fn exemplars_that_agree_outvote_one_that_is_barely_nearer() {
    let pairs = [(1, 0.80), (2, 0.79), (2, 0.79), (2, 0.78)];
    let nearest = decide(&neighbors(&pairs), &RULE, 5);
    assert_eq!(nearest.candidates[0].sku, SkuId(1));
    let voted = decide(&neighbors(&pairs), &DecisionRule { temperature: 0.02, ..RULE }, 5);
    assert_eq!(voted.sku, Some(SkuId(2)));
    // 0.79 + 0.02 ln(2 + e^-0.5) - 0.80
    assert!((voted.margin - (0.79 + 0.02 * (2.0 + (-0.5_f32).exp()).ln() - 0.80)).abs() < 1e-6);
    assert!((voted.similarity - 0.79).abs() < 1e-6, "similarity is that of the winner's best exemplar");
}

#[test]
fn candidates_are_named_once_best_first() {
    let pairs = [(3, 0.9), (3, 0.88), (1, 0.8), (2, 0.7), (1, 0.69), (4, 0.5), (3, 0.4), (5, 0.3)];
    let sku = |top_k| {
        let decision = decide(&neighbors(&pairs), &RULE, top_k);
        decision.candidates.iter().map(|c| c.sku.0).collect::<Vec<_>>()
    };
    assert_eq!(sku(10), [3, 1, 2, 4, 5], "neighbours without a vote fill up the list");
    assert_eq!(sku(4), [3, 1, 2, 4]);
    assert_eq!(sku(2), [3, 1]);
    assert!(sku(0).is_empty());
    let unknown = decide(&neighbors(&[(1, 0.2), (2, 0.1)]), &RULE, 5);
    assert_eq!(unknown.candidates.len(), 2, "an unknown facing still names what it resembles");
}

#[test]
fn what_looks_like_no_container_is_none() {
    let none = SkuId::NOT_A_CONTAINER.0;
    let refused = decide(&neighbors(&[(none, 0.95), (1, 0.9), (2, 0.5)]), &RULE, 5);
    assert_eq!((refused.status, refused.reason, refused.sku), (SkuStatus::Unknown, Reason::NotAContainer, None));
    let named: Vec<_> = refused.candidates.iter().map(|c| c.sku.0).collect();
    assert_eq!(named, [1, 2], "it is no candidate");
    // Nearer to a product than to what is none, it is that product; hardly nearer, a person should look.
    assert_eq!(decide(&neighbors(&[(1, 0.95), (none, 0.7)]), &RULE, 5).status, SkuStatus::Known);
    assert_eq!(decide(&neighbors(&[(1, 0.95), (none, 0.94)]), &RULE, 5).status, SkuStatus::Ambiguous);
}

#[test]
fn the_decision_does_not_depend_on_how_many_candidates_are_named() {
    let pairs = [(1, 0.9), (1, 0.9), (1, 0.9), (1, 0.9), (1, 0.9), (2, 0.89), (2, 0.89)];
    let of = |top_k, searched| decide(&neighbors(&pairs[..searched]), &RULE, top_k);
    let (few, many) = (of(1, 5), of(7, 7));
    assert_eq!((few.status, few.reason, few.sku, few.margin), (many.status, many.reason, many.sku, many.margin));
}

#[test]
fn numbers_that_are_none_in_the_rule_accept_nothing() {
    let pairs = neighbors(&[(1, 0.9), (2, 0.1)]);
    let nan = f32::NAN;
    assert_eq!(decide(&pairs, &DecisionRule { threshold: nan, ..RULE }, 5).status, SkuStatus::Unknown);
    assert_eq!(decide(&pairs, &DecisionRule { margin: nan, ..RULE }, 5).status, SkuStatus::Ambiguous);
    assert_eq!(decide(&pairs, &DecisionRule { temperature: nan, ..RULE }, 5).status, SkuStatus::Known);
    assert_eq!(decide(&pairs, &DecisionRule { k: 0, ..RULE }, 5).status, SkuStatus::Known);
}

proptest! {
    #[test]
    fn votes_have_their_laws(
        pairs in proptest::collection::vec((1_u32..6, -1.0_f32..=1.0), 1..20),
        k in 1_usize..12,
        temperature in 0.0_f32..0.2,
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..10),
    ) {
        let rule = DecisionRule { k, temperature, ..DecisionRule::default() };
        let all = neighbors(&pairs);
        let decision = decide(&all, &rule, 20);
        prop_assert!(decision.margin >= 0.0 || decision.margin == decision.similarity);
        prop_assert_eq!(decision.status == SkuStatus::Unknown, decision.sku.is_none());
        prop_assert_eq!(decision.similarity, decision.candidates[0].similarity);
        let best = decision.candidates.iter().map(|c| c.similarity).fold(f32::MIN, f32::max);
        prop_assert!(decision.similarity >= best - temperature * (k as f32).ln() - 1e-5, "a soft maximum stays near");

        let mut shuffled = all.clone();
        for (a, b) in swaps {
            let (a, b) = (a.index(shuffled.len()), b.index(shuffled.len()));
            shuffled.swap(a, b);
        }
        prop_assert_eq!(decide(&shuffled, &rule, 20), decision);
    }

    #[test]
    fn a_stricter_rule_never_knows_more(
        pairs in proptest::collection::vec((1_u32..6, 0.0_f32..=1.0), 1..20), threshold in 0.0_f32..1.0, more in 0.0_f32..0.5,
    ) {
        let rule = DecisionRule { threshold, ..DecisionRule::default() };
        let stricter = DecisionRule { threshold: threshold + more, margin: rule.margin + more, ..rule };
        let known = |rule| decide(&neighbors(&pairs), rule, 5).status == SkuStatus::Known;
        prop_assert!(known(&rule) || !known(&stricter));
    }
}
