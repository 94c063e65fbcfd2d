//! Exemplars whose label looks wrong, and those whose label does not.

use std::collections::HashMap;

use classifier::DecisionRule;
use classifier::gallery::GalleryData;
use classifier::gallery::suspects::{Suspect, suspects};
use proptest::prelude::*;
use vision::{Embedding, ExemplarId, SkuId};

use crate::support::{Random, gallery_of};

const DIMENSION: usize = 16;

/// Four exemplars around the axis of each of `skus` SKUs, at a similarity to each other of .9 and more.
fn shelf(skus: u32, random: &mut Random) -> Vec<(u32, Embedding)> {
    let each = |sku: u32| {
        let mut axis = vec![0.0; DIMENSION];
        axis[sku as usize] = 1.0;
        (sku, Embedding::normalized(axis).unwrap())
    };
    let axes: Vec<_> = (1..=skus).map(each).collect();
    let around = axes.into_iter().flat_map(|axis| std::iter::repeat_n(axis, 4));
    around.map(|(sku, axis)| (sku, random.near(&axis, 0.05))).collect()
}

fn found(data: &GalleryData) -> Vec<Suspect> {
    suspects(data, &DecisionRule::default(), &HashMap::new())
}

#[test]
fn a_planted_wrong_label_is_found_and_nothing_else() {
    let mut random = Random::new(3);
    let mut exemplars = shelf(3, &mut random);
    assert!(found(&gallery_of(DIMENSION, &exemplars)).is_empty(), "right labels");
    // The third of SKU 2 is called SKU 1.
    exemplars[6].0 = 1;
    let data = gallery_of(DIMENSION, &exemplars);
    let suspects = found(&data);
    let [suspect] = suspects.as_slice() else { panic!("{suspects:?}") };
    assert_eq!((suspect.exemplar, suspect.sku, suspect.looks_like), (ExemplarId(7), SkuId(1), SkuId(2)));
    let similarity = |one: usize, other: usize| exemplars[one].1.cosine(&exemplars[other].1);
    let nearest = [4, 5, 7].into_iter().max_by(|&a, &b| similarity(6, a).total_cmp(&similarity(6, b))).unwrap();
    let own = (0..4).map(|other| similarity(6, other)).fold(f32::MIN, f32::max);
    assert_eq!(suspect.nearest, ExemplarId(nearest as u64 + 1));
    assert!((suspect.similarity - similarity(6, nearest)).abs() < 1e-5 && (suspect.own - own).abs() < 1e-5);
    assert!(suspect.similarity > 0.9 && suspect.own < 0.3, "{suspect:?}");

    // As where facings are recognised, the threshold of the SKU that it looks like holds in place of the rule's.
    let found = |threshold: f32, own: &[(u32, f32)]| {
        let own = own.iter().map(|&(sku, threshold)| (SkuId(sku), threshold)).collect();
        let rule = DecisionRule { threshold, ..DecisionRule::default() };
        classifier::gallery::suspects::suspects(&data, &rule, &own).len()
    };
    assert_eq!((found(0.6, &[(2, 1.0)]), found(0.6, &[(1, 1.0)])), (0, 1));
    assert_eq!((found(1.0, &[]), found(1.0, &[(2, 0.6)])), (0, 1));
}

#[test]
fn of_one_image_under_two_skus_the_wrong_one_is_named() {
    let mut random = Random::new(4);
    let mut exemplars = shelf(2, &mut random);
    exemplars.push((2, exemplars[0].1.clone()));
    let suspects = found(&gallery_of(DIMENSION, &exemplars));
    let named: Vec<_> = suspects.iter().map(|s| (s.exemplar.0, s.looks_like.0, s.nearest.0)).collect();
    assert_eq!(named, [(9, 1, 1)], "the copy under SKU 2, not the image that it copies");
}

#[test]
fn what_has_no_like_or_no_clear_rival_is_not_judged() {
    let mut random = Random::new(5);
    assert!(found(&gallery_of(DIMENSION, &[])).is_empty());
    let mut exemplars = shelf(2, &mut random);
    // The only exemplar of SKU 3 lies in the midst of SKU 1: it may be a twin.
    exemplars.push((3, random.near(&exemplars[0].1, 0.01)));
    // SKU 4 and SKU 5 cannot be told from each other.
    let axis = Embedding::normalized((0..DIMENSION).map(|at| f32::from(u8::from(at == 9))).collect()).unwrap();
    exemplars.extend((0..8).map(|at| (4 + at % 2, random.near(&axis, 0.01))));
    assert_eq!(found(&gallery_of(DIMENSION, &exemplars)), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_one_wrong_label_among_right_ones_is_found(seed in any::<u64>(), skus in 2_u32..8, which in any::<usize>(), other in 1_u32..8) {
        let mut exemplars = shelf(skus, &mut Random::new(seed));
        let which = which % exemplars.len();
        let truth = exemplars[which].0;
        let wrong = (truth + (other - 1) % (skus - 1)) % skus + 1;
        exemplars[which].0 = wrong;
        let suspects = found(&gallery_of(DIMENSION, &exemplars));
        let named: Vec<_> = suspects.iter().map(|s| (s.exemplar.0 as usize - 1, s.sku.0, s.looks_like.0)).collect();
        prop_assert_eq!(named, [(which, wrong, truth)]);
    }
}
