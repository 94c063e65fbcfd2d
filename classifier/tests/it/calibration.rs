//! Thresholds and probabilities worked out from a gallery, and kept current under edits.

use std::fs;
use std::sync::Arc;

use classifier::Background;
use classifier::gallery::{DecisionRule, Exemplar, Gallery, GalleryData, Impostors, IndexOptions, Mapping, Standard};
use vision::{Embedding, ExemplarId, Sha256, SkuId, SkuIndex as _};

use crate::support::{Random, gallery_of};

const DIMENSION: usize = 24;
const SKUS: u32 = 8;

/// Directions of products, some of which are enrolled.
struct World {
    random: Random,
    products: Vec<Embedding>,
}

impl World {
    fn new(seed: u64, products: usize) -> Self {
        let mut random = Random::new(seed);
        let products = (0..products).map(|_| random.embedding(DIMENSION)).collect();
        Self { random, products }
    }

    fn look_at(&mut self, product: usize, noise: f32) -> Embedding {
        let center = self.products[product].clone();
        self.random.near(&center, noise)
    }

    /// Exemplars of the first [`SKUS`] products; those of odd ones differ more among themselves.
    fn gallery(&mut self, each: usize) -> GalleryData {
        let mut exemplars = Vec::new();
        for sku in 1..=SKUS {
            let noise = if sku % 2 == 1 { 0.25 } else { 0.08 };
            exemplars.extend((0..each).map(|_| (sku, self.look_at(sku as usize - 1, noise))));
        }
        gallery_of(DIMENSION, &exemplars)
    }

    /// Looks at products that are not enrolled.
    fn foreign(&mut self, count: usize) -> Vec<Embedding> {
        let products = self.products.len() - SKUS as usize;
        (0..count).map(|at| self.look_at(SKUS as usize + at % products, 0.15)).collect()
    }
}

fn standard(background: &[Embedding], false_accepts: f32) -> Arc<Standard> {
    Arc::new(Standard {
        background: Background::of(background).map(Arc::new),
        false_accepts,
        impostors: Impostors::Background,
        rule: DecisionRule::default(),
        general: Mapping::default(),
    })
}

fn calibrated(data: GalleryData, standard: &Arc<Standard>) -> Gallery {
    Gallery::new(data, &IndexOptions::default()).unwrap().calibrated(standard).unwrap()
}

/// Whether the nearest SKU is near enough.
fn accepted(gallery: &Gallery, embedding: &Embedding) -> bool {
    let nearest = gallery.search(std::slice::from_ref(embedding), 1).unwrap()[0][0];
    nearest.similarity >= gallery.threshold(nearest.sku).unwrap()
}

#[test]
fn as_many_impostors_pass_as_may() {
    let mut world = World::new(1, 400);
    let data = world.gallery(6);
    let background = world.foreign(2000);
    let others = world.foreign(2000);
    for wanted in [0.01_f32, 0.05, 0.20] {
        let gallery = calibrated(data.clone(), &standard(&background, wanted));
        let fraction =
            |looks: &[Embedding]| looks.iter().filter(|look| accepted(&gallery, look)).count() as f32 / 2000.0;
        assert!(fraction(&background) <= wanted, "{} of the background pass, {wanted} may", fraction(&background));
        let of_others = fraction(&others);
        assert!((of_others - wanted).abs() < 0.4 * wanted + 0.006, "{of_others} of others pass, {wanted} may");
    }
    let none = calibrated(data, &standard(&background, 0.0));
    assert!(!background.iter().any(|look| accepted(&none, look)), "none of the background passes");
}

#[test]
fn a_sku_of_unlike_exemplars_has_a_lower_threshold() {
    let mut world = World::new(2, 100);
    let gallery = calibrated(world.gallery(8), &standard(&world.foreign(500), 0.05));
    let threshold = |sku: u32| gallery.threshold(SkuId(sku)).unwrap();
    assert!((1..=SKUS).step_by(2).all(|unlike| threshold(unlike) < threshold(unlike + 1)), "odd ones differ more");
}

#[test]
fn one_exemplar_a_sku_is_enough_for_thresholds() {
    let mut world = World::new(3, 400);
    let data = world.gallery(1);
    let background = world.foreign(1000);
    let gallery = calibrated(data, &standard(&background, 0.05));
    let passed = background.iter().filter(|look| accepted(&gallery, look)).count();
    assert!((1..=50).contains(&passed), "{passed} of 1000 pass");
    let own: Vec<_> = (0..SKUS as usize).map(|product| world.look_at(product, 0.1)).collect();
    assert!(own.iter().filter(|look| accepted(&gallery, look)).count() >= 6);
    let probability = |similarity| gallery.probability(SkuId(1), similarity, 0.1).unwrap();
    assert!(probability(0.9) > probability(0.5) && (0.0..=1.0).contains(&probability(-1.0)));
}

#[test]
fn without_impostors_there_are_no_thresholds() {
    let mut world = World::new(4, 20);
    let data = world.gallery(3);
    let empty = calibrated(gallery_of(DIMENSION, &[]), &standard(&world.foreign(50), 0.05));
    assert_eq!(empty.threshold(SkuId(1)), None);
    let alone = calibrated(data.clone(), &standard(&[], 0.05));
    assert_eq!(alone.threshold(SkuId(1)), None);
    let strict = Standard { impostors: Impostors::LookAlikes, ..(*standard(&[], 0.05)).clone() };
    assert!(calibrated(data, &Arc::new(strict)).threshold(SkuId(1)).is_some(), "look-alikes are in the gallery itself");
}

#[test]
fn a_product_of_the_background_that_is_enrolled_is_no_impostor() {
    let mut world = World::new(5, 200);
    let data = world.gallery(6);
    let mut background = world.foreign(400);
    let clean = calibrated(data.clone(), &standard(&background, 0.05));
    background.extend((0..200).map(|at| world.look_at(at % SKUS as usize, 0.02)));
    let mixed = calibrated(data, &standard(&background, 0.05));
    for sku in (1..=SKUS).map(SkuId) {
        let (clean, mixed) = (clean.threshold(sku).unwrap(), mixed.threshold(sku).unwrap());
        assert!((clean - mixed).abs() < 0.15, "{sku:?}: {clean} and {mixed}");
    }
}

#[test]
fn probabilities_are_as_often_right_as_they_say() {
    let mut world = World::new(6, 60);
    // Products that are hard to tell apart.
    for sku in 1..SKUS as usize {
        let first = world.products[0].clone();
        world.products[sku] = world.random.near(&first, 0.25);
    }
    let mut exemplars = Vec::new();
    for sku in 1..=SKUS {
        exemplars.extend((0..30).map(|_| (sku, world.look_at(sku as usize - 1, 0.3))));
    }
    let gallery = calibrated(gallery_of(DIMENSION, &exemplars), &standard(&world.foreign(500), 0.05));
    let (mut stated, mut right, mut count) = (0.0, 0.0, 0.0);
    for look in 0..800 {
        let sku = look % SKUS as usize;
        let query = world.look_at(sku, 0.3);
        let neighbors = gallery.search(&[query], 5).unwrap().remove(0);
        let decision = classifier::decide(&neighbors, &DecisionRule::default(), 1);
        let best = decision.candidates[0];
        stated += f64::from(gallery.probability(best.sku, best.similarity, decision.margin).unwrap());
        right += f64::from(u8::from(best.sku == SkuId(sku as u32 + 1)));
        count += 1.0;
    }
    assert!((stated / count - right / count).abs() < 0.08, "stated {}, right {}", stated / count, right / count);
}

#[test]
fn edits_are_followed_as_if_it_were_opened_anew() {
    let mut world = World::new(7, 300);
    let mut data = world.gallery(12);
    let standard = standard(&world.foreign(600), 0.05);
    let mut live = calibrated(data.clone(), &standard);
    for step in 0..12_u64 {
        if step % 3 == 2 {
            data.remove_exemplar(ExemplarId(step * 7 + 1)).unwrap();
        } else {
            let sku = SkuId(step as u32 % SKUS + 1);
            let embedding = world.look_at(sku.0 as usize - 1, 0.3);
            let id = ExemplarId(1000 + step);
            let exemplar = Exemplar { id, sku, origin: String::new(), sha256: Sha256::of(&step.to_le_bytes()) };
            data.insert_exemplar(exemplar, embedding.as_slice()).unwrap();
        }
        live = live.follow(data.clone(), &IndexOptions::default()).unwrap();
        let anew = calibrated(data.clone(), &standard);
        for sku in (1..=SKUS).map(SkuId) {
            assert_eq!(live.threshold(sku), anew.threshold(sku), "step {step}, {sku:?}");
        }
    }
}

#[test]
fn a_background_travels_with_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("next.onnx");
    fs::write(&weights, b"weights").unwrap();
    let mut random = Random::new(8);
    let embeddings: Vec<Embedding> = (0..70).map(|_| random.embedding(DIMENSION)).collect();
    let background = Background::of(&embeddings).unwrap();
    assert!(background.write_beside(&weights).unwrap_err().to_string().contains("no model card"));
    let mut card = vision::ModelCard::new(
        vision::model_card::Task::Embedder,
        "efficientnet_lite0".parse::<&dyn engine::Backbone>().unwrap().plan(),
    );
    card.weights = "next.onnx".to_owned();
    card.sha256 = Sha256::of(b"weights");
    card.write_beside(&weights).unwrap();
    assert_eq!(Background::beside(&weights, DIMENSION).unwrap(), None, "the card names none");

    let path = background.write_beside(&weights).unwrap();
    let read = Background::beside(&weights, DIMENSION).unwrap().unwrap();
    assert_eq!(read.embeddings().rows(), 70);
    for (row, embedding) in embeddings.iter().enumerate() {
        let own = Embedding::normalized(read.embeddings().row(row).to_vec()).unwrap();
        assert!(own.cosine(embedding) > 0.99999, "16 bits are enough");
    }
    let refused = |what: &str, dimension| {
        let error = Background::beside(&weights, dimension).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    refused("components", DIMENSION + 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 2);
    fs::write(&path, &bytes).unwrap();
    refused("does not match the model card", DIMENSION);
    fs::remove_file(&path).unwrap();
    refused("cannot access", DIMENSION);
}
