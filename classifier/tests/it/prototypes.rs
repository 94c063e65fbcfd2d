//! Prototypes, and what they change in the vote.

use classifier::gallery::{DecisionRule, Gallery, GalleryData, IndexOptions, NewExemplar, decide};
use proptest::prelude::*;
use vision::{Embedding, ExemplarId, Sha256, Sku, SkuId, SkuIndex, SkuStatus};

use crate::support::{Random, gallery_of, random_gallery};

fn indexed(data: GalleryData) -> Gallery {
    Gallery::new(data, &IndexOptions::default()).unwrap()
}

/// The mean direction, as the definition has it, in doubles.
fn expected(data: &GalleryData, sku: u32, query: &Embedding) -> f64 {
    let rows = (0..data.exemplars().len()).filter(|&row| data.exemplars()[row].sku == SkuId(sku));
    let mut mean = vec![0.0_f64; query.dimension()];
    for row in rows {
        mean.iter_mut().zip(data.embeddings().row(row)).for_each(|(mean, value)| *mean += f64::from(*value));
    }
    let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt();
    mean.iter().zip(query.as_slice()).map(|(mean, value)| mean * f64::from(*value)).sum::<f64>() / length
}

proptest! {
    #[test]
    fn neighbours_tell_the_similarity_to_the_mean_direction(seed in 0_u64..1_000, exemplars in 1_usize..60) {
        let data = random_gallery(seed, 24, 5, exemplars);
        let query = Random::new(seed + 1).embedding(24);
        let found = indexed(data.clone()).search(std::slice::from_ref(&query), exemplars).unwrap().remove(0);
        prop_assert_eq!(found.len(), exemplars);
        for neighbor in found {
            let prototype = neighbor.prototype.expect("every SKU has exemplars");
            prop_assert!((f64::from(prototype) - expected(&data, neighbor.sku.0, &query)).abs() < 1e-5);
        }
    }

    #[test]
    fn without_an_exemplar_is_as_if_it_were_not_enrolled(seed in 0_u64..1_000, exemplars in 6_usize..60, struck in 0_usize..60) {
        let data = random_gallery(seed, 24, 5, exemplars);
        let struck = data.exemplars()[struck % exemplars].id;
        let query = Random::new(seed + 1).embedding(24);
        let mut rest = data.clone();
        rest.remove_exemplars(&[struck].into());
        let without = indexed(data).search_without(&[(query.clone(), struck)], 8).unwrap().remove(0);
        let rest = indexed(rest).search(&[query], 8).unwrap().remove(0);
        let plain = |found: &[vision::Neighbor]| -> Vec<(ExemplarId, f32)> { found.iter().map(|n| (n.exemplar, n.similarity)).collect() };
        prop_assert_eq!(plain(&without), plain(&rest));
        for (one, other) in without.iter().zip(&rest) {
            prop_assert!((one.prototype.unwrap() - other.prototype.unwrap()).abs() < 1e-4);
        }
    }

    #[test]
    fn edits_give_the_bits_of_a_gallery_built_anew(seed in 0_u64..1_000, exemplars in 20_usize..60, edits in 1_usize..5) {
        let before = random_gallery(seed, 24, 5, exemplars);
        let mut random = Random::new(seed + 1);
        let mut after = before.clone();
        let added = (0..edits).map(|at| NewExemplar {
            sku: SkuId(at as u32 % 5 + 1),
            origin: format!("{at}.png"),
            sha256: Sha256::of(format!("added {at}").as_bytes()),
            embedding: random.embedding(24),
        });
        after.add(added.collect()).unwrap();
        after.remove_exemplars(&[before.exemplars()[edits].id].into());
        let followed = indexed(before).follow(after.clone(), &IndexOptions::default()).unwrap();
        let queries = [random.embedding(24), random.embedding(24)];
        prop_assert_eq!(followed.search(&queries, 30).unwrap(), indexed(after).search(&queries, 30).unwrap());
    }
}

#[test]
fn what_is_no_container_has_none() {
    let mut random = Random::new(3);
    let mut data = gallery_of(8, &[(1, random.embedding(8))]);
    data.insert_sku(Sku { id: SkuId::NOT_A_CONTAINER, code: "none".to_owned(), name: "None".to_owned() }).unwrap();
    let negative = random.embedding(8);
    data.add(vec![NewExemplar {
        sku: SkuId::NOT_A_CONTAINER,
        origin: "tag.png".to_owned(),
        sha256: Sha256::of(b"tag"),
        embedding: negative.clone(),
    }])
    .unwrap();
    let found = indexed(data).search(&[negative], 2).unwrap().remove(0);
    assert_eq!((found[0].sku, found[0].prototype), (SkuId::NOT_A_CONTAINER, None));
    assert!(found[1].prototype.is_some());
}

#[test]
fn one_odd_exemplar_does_not_decide() {
    // SKU 1 lies along the first axis; one of SKU 2's exemplars, which lie along the second, carries a wrong label.
    let at = |x: f32, y: f32, z: f32| Embedding::normalized(vec![x, y, z]).unwrap();
    let exemplars = vec![
        (1, at(1.0, 0.1, 0.0)),
        (1, at(1.0, 0.0, 0.1)),
        (1, at(1.0, 0.1, 0.1)),
        (2, at(0.0, 1.0, 0.1)),
        (2, at(0.1, 1.0, 0.0)),
        (2, at(1.0, 0.05, 0.3)),
    ];
    let gallery = indexed(gallery_of(3, &exemplars));
    let query = at(1.0, 0.05, 0.25);
    let neighbors = gallery.search(&[query], 2).unwrap().remove(0);
    let rule = DecisionRule { k: 2, margin: 0.0, ..DecisionRule::default() };
    let without = decide(&neighbors, &DecisionRule { prototype: 0.0, ..rule }, 2);
    assert_eq!(without.sku, Some(SkuId(2)), "the nearest alone is the odd one");
    let with = decide(&neighbors, &rule, 2);
    assert_eq!((with.sku, with.status), (Some(SkuId(1)), SkuStatus::Known));
    assert!(with.candidates[0].score > with.candidates[1].score);
    assert!(with.candidates[0].similarity < with.candidates[1].similarity);
}
