//! Small values: digests, embeddings, SKU names, and the fakes others test with.

use std::fs;
use std::sync::Arc;

use proptest::prelude::*;
use vision::embedding::EmbeddingError;
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};
use vision::sku::display_name;
use vision::{
    BBox, ClassId, Confidences, DetectOptions, Detector, Embedder, Embedding, ExemplarId, Reason, RgbImage, Sha256,
    Sku, SkuId, SkuIndex, SkuStatus,
};

use crate::geometry::hostile;

#[test]
fn digests_of_bytes_and_files() {
    // FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Sha256::of(b"abc").to_string(), abc);
    assert_eq!(abc.to_uppercase().parse::<Sha256>().unwrap(), Sha256::of(b"abc"));
    assert_eq!(Sha256::of(b"abc").short(), "ba7816bf");
    assert_eq!(format!("{:?}", Sha256::of(b"abc")), format!("Sha256({abc})"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let large = vec![7; (1 << 18) + 3];
    fs::write(&path, &large).unwrap();
    assert_eq!(Sha256::of_file(&path).unwrap(), Sha256::of(&large));
    assert!(Sha256::of_file(folder.path()).is_err());
    assert_ne!(Sha256::of_parts(&[b"ab", b"c"]), Sha256::of_parts(&[b"a", b"bc"]));
    assert_ne!(Sha256::of_parts(&[b"ab"]), Sha256::of_parts(&[b"ab", b""]));
}

#[test]
fn texts_that_are_no_digests() {
    for text in
        ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"é".repeat(32), &format!("+{}", "a".repeat(63))]
    {
        let error = text.parse::<Sha256>().unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits are expected"), "{error}");
    }
    let long = "x".repeat(10_000).parse::<Sha256>().unwrap_err().to_string();
    assert!(long.len() < 200, "an error quotes no more than the beginning");
}

#[test]
fn display_names() {
    for (code, name) in [
        ("sku_001_absolut_vodka", "Absolut Vodka"),
        ("SKU-12-coke", "Coke"),
        ("coke-zero", "Coke Zero"),
        ("sku_001", "Sku 001"),
        ("sku_light", "Sku Light"),
        ("7up", "7up"),
        ("__a__b__", "A B"),
        ("élan vital", "Élan Vital"),
        ("ßpecial", "SSpecial"),
        ("可樂_330", "可樂 330"),
        ("", ""),
        ("___", ""),
    ] {
        assert_eq!(display_name(code), name, "{code}");
    }
}

#[test]
fn vectors_without_a_direction() {
    assert_eq!(Embedding::normalized(vec![0.0; 4]), Err(EmbeddingError::ZeroLength));
    assert_eq!(Embedding::normalized(vec![]), Err(EmbeddingError::ZeroLength));
    assert_eq!(Embedding::normalized(vec![1.0, f32::NAN]), Err(EmbeddingError::NotFinite(1)));
    assert_eq!(Embedding::normalized(vec![f32::INFINITY]), Err(EmbeddingError::NotFinite(0)));
    // Squares that overflow or vanish in f32 have a direction all the same.
    let huge = Embedding::normalized(vec![3e30, 4e30]).unwrap();
    assert!((huge.as_slice()[0] - 0.6).abs() < 1e-6 && (huge.as_slice()[1] - 0.8).abs() < 1e-6);
    let tiny = Embedding::normalized(vec![3e-30, 4e-30]).unwrap();
    assert!((tiny.as_slice()[1] - 0.8).abs() < 1e-6);
}

#[test]
fn a_class_may_have_a_confidence_of_its_own() {
    let classes = ["bottle", "can"].map(str::to_owned);
    let mut confidences = Confidences::uniform(0.5);
    assert_eq!((confidences.to_string().as_str(), confidences.by_number(&classes)), ("0.5", vec![0.5, 0.5]));
    confidences.by_class = [("can".to_owned(), 0.7), ("glass".to_owned(), 0.4)].into();
    assert_eq!(confidences.by_number(&classes), [0.5, 0.7]);
    assert_eq!(confidences.to_string(), "0.5 (can 0.7, glass 0.4)");
    assert_eq!(confidences.map(|c| (c * 10.0) as u32).of("can"), 7);
    assert_eq!(confidences.check(&classes), Ok(()), "another detector may know glasses");
    confidences.by_class.insert("glas".to_owned(), 0.4);
    let error = confidences.check(&classes).unwrap_err();
    assert_eq!(error.to_string(), "there is no class \"glas\"; there are bottle, can");
    confidences.by_class.remove("glas");

    let mut detector = FixedDetector::bottles(&[BBox::new(0.0, 0.0, 9.0, 9.0); 3]);
    detector.classes.push("can".to_owned());
    for (detection, (class, confidence)) in detector.detections.iter_mut().zip([(0, 0.6), (1, 0.6), (1, 0.7)]) {
        (detection.class, detection.confidence) = (ClassId(class), confidence);
    }
    let options = DetectOptions { confidence: confidences, ..DetectOptions::default() };
    let found = detector.detect(&[RgbImage::new(9, 9)], &options).unwrap().remove(0);
    assert_eq!(found, [detector.detections[2], detector.detections[0]]);
}

#[test]
fn decisions_explain_themselves() {
    assert_eq!(SkuStatus::Ambiguous.as_str(), "ambiguous");
    for (reason, words) in [
        (Reason::Accepted, "clearly ahead"),
        (Reason::BelowThreshold { threshold: 0.5 }, "below the threshold 0.50"),
        (Reason::MarginTooSmall { required: 0.05, runner_up: SkuId(3) }, "required margin 0.05"),
        (Reason::EmptyGallery, "no SKU is enrolled"),
    ] {
        assert!(reason.to_string().contains(words), "{reason}");
    }
}

#[test]
fn fakes_do_what_the_traits_promise() {
    let boxes: Vec<BBox> = (0..5).map(|i| BBox::new(i as f32, 0.0, i as f32 + 9.0, 9.0)).collect();
    let mut detector = FixedDetector::bottles(&boxes);
    detector.detections[3].confidence = 0.95;
    detector.detections[0].confidence = 0.2;
    let photos = vec![RgbImage::new(20, 20); 2];
    let options = DetectOptions { max_detections: 3, ..DetectOptions::default() };
    let found = detector.detect(&photos, &options).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].len(), 3);
    assert_eq!(found[0][0].bbox, boxes[3]);
    assert!(found[1].iter().all(|d| d.confidence >= options.confidence.default));

    let color = |rgb| RgbImage::from_pixel(3, 3, image::Rgb(rgb));
    let embedder = MeanColorEmbedder;
    let embeddings = embedder.embed(&[color([200, 0, 0]), color([0, 200, 0]), color([180, 20, 0])]).unwrap();
    assert!(embeddings.iter().all(|e| e.dimension() == embedder.dimension()));
    let skus = ["red", "green"]
        .iter()
        .zip(0..)
        .map(|(name, id)| Arc::new(Sku { id: SkuId(id), code: (*name).to_owned(), name: display_name(name) }));
    let index = ListIndex {
        exemplars: vec![
            (SkuId(0), embeddings[0].clone()),
            (SkuId(1), embeddings[1].clone()),
            (SkuId(0), embeddings[0].clone()),
        ],
        skus: skus.collect(),
    };
    let nearest = index.search(&embeddings[2..], 2).unwrap();
    assert_eq!(nearest[0].iter().map(|n| n.exemplar).collect::<Vec<_>>(), [ExemplarId(0), ExemplarId(2)]);
    assert_eq!(index.sku(SkuId(1)).unwrap().name, "Green");
    assert!(index.sku(SkuId(9)).is_none() && !index.is_empty());
}

proptest! {
    #[test]
    fn digests_come_back(bytes in prop::array::uniform32(any::<u8>())) {
        let digest = Sha256(bytes);
        prop_assert_eq!(digest.to_string().parse::<Sha256>().unwrap(), digest);
        let json = serde_json::to_string(&digest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Sha256>(&json).unwrap(), digest);
    }

    #[test]
    fn embeddings_have_unit_length(values in prop::collection::vec(-1e3..1e3_f32, 1..1300)) {
        prop_assume!(values.iter().any(|v| v.abs() > 1e-3));
        let embedding = Embedding::normalized(values.clone()).unwrap();
        let norm: f64 = embedding.as_slice().iter().map(|&v| f64::from(v).powi(2)).sum();
        prop_assert!((norm - 1.0).abs() < 1e-5);
        let itself = embedding.cosine(&embedding);
        prop_assert!(itself <= 1.0 && itself > 1.0 - 1e-5);
        let opposite = Embedding::normalized(values.iter().map(|v| -v).collect()).unwrap();
        prop_assert!(embedding.cosine(&opposite) >= -1.0);
    }

    #[test]
    fn hostile_vectors_are_refused_or_sound(values in prop::collection::vec(hostile(), 0..20)) {
        if let Ok(embedding) = Embedding::normalized(values) {
            prop_assert!(embedding.as_slice().iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn display_names_never_panic(code in "\\PC*") {
        let name = display_name(&code);
        prop_assert_eq!(name.trim(), name.as_str());
    }
}
