//! Which crops make a batch.

use train::classifier::sampler::{SamplerRules, Sampling, epoch};

fn skus(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut next = 0;
    let mut list = |size: usize| {
        next += size;
        (next - size..next).collect()
    };
    sizes.iter().map(|&size| list(size)).collect()
}

fn rules(sampling: Sampling, skus: usize, images: usize) -> SamplerRules {
    SamplerRules { sampling, skus, images, seed: 3, hard: 0.5, frequency: 0.0 }
}

fn owner(by_sku: &[Vec<usize>], crop: usize) -> usize {
    by_sku.iter().position(|crops| crops.contains(&crop)).unwrap()
}

#[test]
fn batches_hold_so_many_skus_and_so_many_crops_of_each() {
    let by_sku = skus(&[40, 3, 1, 12, 9, 30]);
    for number in 0..4 {
        for batch in epoch(&by_sku, &[], &rules(Sampling::Pk, 4, 3), number) {
            let mut counts = [0; 6];
            batch.iter().for_each(|slot| counts[owner(&by_sku, slot.crop)] += 1);
            assert_eq!(counts.iter().filter(|&&count| count == 3).count(), 4, "{counts:?}");
            assert_eq!(counts.iter().sum::<usize>(), 12);
        }
    }
}

#[test]
fn fewer_skus_than_asked_for_fill_a_batch() {
    let by_sku = skus(&[2, 1]);
    let batches = epoch(&by_sku, &[], &rules(Sampling::Pk, 16, 4), 0);
    assert!(batches.iter().all(|batch| batch.len() == 64));
    assert_eq!(batches.len(), 1);
}

#[test]
fn look_alikes_share_batches() {
    // SKU 2n and 2n + 1 look alike.
    let by_sku = skus(&[6; 40]);
    let near: Vec<Vec<usize>> = (0..40).map(|sku| vec![sku ^ 1]).collect();
    let together = |near: &[Vec<usize>]| {
        let batches: Vec<_> =
            (0..6).flat_map(|number| epoch(&by_sku, near, &rules(Sampling::Pk, 8, 2), number)).collect();
        let pairs: usize = batches
            .iter()
            .map(|batch| {
                let skus: std::collections::BTreeSet<usize> =
                    batch.iter().map(|slot| owner(&by_sku, slot.crop)).collect();
                skus.iter().filter(|&&sku| sku % 2 == 0 && skus.contains(&(sku + 1))).count()
            })
            .sum();
        pairs as f64 / batches.len() as f64
    };
    assert!(together(&near) > 3.6, "{}", together(&near));
    assert!(together(&[]) < 1.5, "{}", together(&[]));
}

#[test]
fn frequency_gives_skus_of_many_crops_more_turns() {
    let by_sku = skus(&[100, 100, 1, 1]);
    let ratio = |frequency: f32| {
        let rules = SamplerRules { frequency, ..rules(Sampling::Pk, 1, 2) };
        let slots: Vec<_> = (0..8).flat_map(|number| epoch(&by_sku, &[], &rules, number).concat()).collect();
        let frequent = slots.iter().filter(|slot| owner(&by_sku, slot.crop) < 2).count();
        frequent as f64 / (slots.len() - frequent) as f64
    };
    assert!((0.8..1.25).contains(&ratio(0.0)), "{}", ratio(0.0));
    assert!((8.0..12.5).contains(&ratio(0.5)), "{}", ratio(0.5));
    assert!(ratio(1.0) > 60.0, "{}", ratio(1.0));
}

#[test]
fn random_batches_take_every_crop_and_balanced_ones_every_sku_equally() {
    let by_sku = skus(&[90, 10]);
    let all: std::collections::BTreeSet<usize> =
        epoch(&by_sku, &[], &rules(Sampling::Random, 5, 4), 0).concat().iter().map(|slot| slot.crop).collect();
    assert_eq!(all.len(), 100);
    let sampled: Vec<usize> = (0..20)
        .flat_map(|number| epoch(&by_sku, &[], &rules(Sampling::Balanced, 5, 4), number).concat())
        .map(|slot| owner(&by_sku, slot.crop))
        .collect();
    let rare = sampled.iter().filter(|&&sku| sku == 1).count() as f64 / sampled.len() as f64;
    assert!((rare - 0.5).abs() < 0.06, "{rare}");
}

#[test]
fn an_epoch_follows_from_seed_and_number() {
    let by_sku = skus(&[7, 8, 9]);
    let rules = rules(Sampling::Pk, 2, 4);
    assert_eq!(epoch(&by_sku, &[], &rules, 5), epoch(&by_sku, &[], &rules, 5));
    assert_ne!(epoch(&by_sku, &[], &rules, 5), epoch(&by_sku, &[], &rules, 6));
}
