//! Folders of SKU images: what is learned, what is held out, what is wrong with them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use train::classifier::cache::Cache;
use train::classifier::data::{HoldOut, SkuImages, Source};
use train::classifier::sampler::{SamplerRules, Sampling};
use train::classifier::{Augment, DataError, Feed};
use train::core::Workers;
use vision::PreprocessPlan;
use vision::preprocess::{Filter, Fit, Region};
use vision::rng::Rng;

/// An image that nothing else has the bytes of.
fn write(root: &Path, name: &str, seed: u32) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(24, 30, |x, y| Rgb([(x * 9 + seed) as u8, (y * 7) as u8, (seed * 31) as u8])).save(path).unwrap();
}

fn read(root: &Path, hold_out: &HoldOut) -> Result<SkuImages, DataError> {
    SkuImages::read(&[Source { root: root.to_owned(), split: None, val: 0.0 }], hold_out)
}

fn four_skus() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for sku in 0..4 {
        for at in 0..3 {
            write(root.path(), &format!("train/sku{sku}/{at}.png"), sku * 10 + at);
        }
        write(root.path(), &format!("val/sku{sku}/0.png"), sku * 10 + 5);
    }
    root
}

#[test]
fn skus_held_out_are_neither_learned_nor_validated_as_known() {
    let root = four_skus();
    let all = read(root.path(), &HoldOut::default()).unwrap();
    assert_eq!((all.learned, all.train.len(), all.val.len(), all.held_out.len()), (4, 12, 4, 0));
    let named = HoldOut { skus: vec!["sku1".to_owned()], ..HoldOut::default() };
    let some = read(root.path(), &named).unwrap();
    assert_eq!((some.learned, some.train.len(), some.val.len(), some.held_out.len()), (3, 9, 3, 4));
    assert_eq!(some.skus, ["sku0", "sku2", "sku3", "sku1"]);
    assert!(some.held_out.iter().all(|crop| crop.sku == 3));
    assert_eq!(some.counts(), [3, 3, 3]);
    let random = HoldOut { ratio: 0.25, seed: 1, skus: Vec::new() };
    assert_eq!(read(root.path(), &random).unwrap().learned, 3);
}

#[test]
fn one_image_under_two_skus_is_a_conflict() {
    let root = four_skus();
    fs::copy(root.path().join("train/sku0/0.png"), root.path().join("train/sku1/same.png")).unwrap();
    fs::copy(root.path().join("train/sku2/0.png"), root.path().join("val/sku2/same.png")).unwrap();
    let data = read(root.path(), &HoldOut::default()).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (11, 4), "both of the pair go, and the copy that would validate");
    assert!(
        data.notes.iter().any(|note| note.contains("sku1/same.png") && note.contains("sku0/0.png")),
        "{:?}",
        data.notes
    );
    assert!(data.notes.iter().any(|note| note.contains("bit for bit")), "{:?}", data.notes);
}

#[test]
fn what_cannot_be_learned_is_said() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "only/0.png", 1);
    let error = read(root.path(), &HoldOut::default()).unwrap_err();
    assert!(error.to_string().starts_with("one SKU is left"), "{error}");
    write(root.path(), "other/0.png", 2);
    let mut data = read(root.path(), &HoldOut::default()).unwrap();
    assert!(
        data.check_min_images(300, false).is_ok() && data.notes.len() == 1,
        "one image a SKU is enough to begin with"
    );
    assert!(matches!(data.check_min_images(300, true), Err(DataError::TooFewImages { count: 2, .. })));
    let gone = HoldOut { skus: vec!["third".to_owned()], ..HoldOut::default() };
    assert!(read(root.path(), &gone).unwrap_err().to_string().contains("third"));
}

#[test]
fn what_is_done_to_crops_never_mirrors_and_off_is_the_serving_resize() {
    let plan = PreprocessPlan {
        width: 48,
        height: 48,
        fit: Fit::Stretch,
        filter: Filter::BilinearAntialias,
        pad: 127,
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    // Dark left, bright right.
    let image = RgbImage::from_fn(60, 90, |x, _| Rgb([(x * 4) as u8; 3]));
    let off = Augment::OFF.apply(&image, &plan, 48, &mut Rng::new(1)).unwrap();
    assert_eq!(off, plan.pixels(&image, Region::whole(&image), (48, 48)));
    let all = Augment { cover: 0.0, ..Augment::default() };
    for seed in 0..200 {
        let view = all.apply(&image, &plan, 48, &mut Rng::new(seed)).unwrap();
        assert_eq!(view.dimensions(), (48, 48));
        let mean = |columns: std::ops::Range<u32>| -> u32 {
            columns.flat_map(|x| (12..36).map(move |y| (x, y))).map(|(x, y)| u32::from(view.get_pixel(x, y).0[1])).sum()
        };
        assert!(mean(8..20) < mean(28..40), "seed {seed}");
    }
}

#[test]
fn without_augmentation_the_network_sees_what_it_is_served_bit_for_bit() {
    let root = four_skus();
    let data = read(&root.path().join("train"), &HoldOut::default()).unwrap();
    let backbone: &dyn engine::Backbone = "efficientnet_b0".parse().unwrap();
    let plan = PreprocessPlan { width: 48, height: 48, ..backbone.plan() };
    // Crops that are not made small for the cache.
    let cache = Cache::new(plan.clone(), 64, 1 << 20, 0);
    let rules = SamplerRules { sampling: Sampling::Random, skus: 2, images: 2, seed: 1, hard: 0.0, frequency: 1.0 };
    let feed = Arc::new(Feed::new(data, cache, Augment::OFF, rules, plan.clone()));
    let batch = feed.epoch((0, 0), 48, &[], Workers { threads: 1, ahead: 1 }).next().expect("a batch").unwrap();
    assert_eq!(batch.paths.len(), 4);
    for (path, seen) in batch.paths.iter().zip(batch.pixels.chunks_exact(3 * 48 * 48)) {
        let image = vision::decode(&fs::read(path).unwrap(), &vision::DecodeLimits::default()).unwrap();
        let mut served = ndarray::Array3::<f32>::zeros((3, 48, 48));
        plan.apply(&image, Region::whole(&image), served.view_mut());
        let differ = seen.iter().zip(&served).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert_eq!(differ, 0, "{}: {differ} numbers differ", path.display());
    }
}

#[test]
fn a_fraction_validates_and_more_images_move_none() {
    let root = tempfile::tempdir().unwrap();
    let source = Source { root: root.path().to_owned(), split: None, val: 0.3 };
    let val = || {
        let data = SkuImages::read(std::slice::from_ref(&source), &HoldOut::default()).unwrap();
        data.val.iter().map(|crop| crop.path.clone()).collect::<Vec<_>>()
    };
    for at in 0..60 {
        write(root.path(), &format!("sku{}/{at}.png", at % 2), at);
    }
    let before = val();
    assert!((10..27).contains(&before.len()), "{}", before.len());
    for at in 60..80 {
        write(root.path(), &format!("sku{}/{at}.png", at % 2), at);
    }
    let after = val();
    assert!(before.iter().all(|path| after.contains(path)));
}
