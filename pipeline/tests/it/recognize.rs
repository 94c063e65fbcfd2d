//! The recogniser over fakes: what goes in comes out counted, in order, whatever its neighbours in the batch are.

use std::sync::Arc;

use pipeline::{Photo, RecognizeError, RecognizeOptions, Recognizer, RecognizerSettings, Release, SecondOpinion};
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};
use vision::{
    BBox, DetectOptions, Detection, Detector, Embedder, Embedding, ModelError, Reason, RgbImage, Sha256, Sku, SkuId,
    SkuStatus,
};

const RED: [u8; 3] = [220, 10, 10];
const BLUE: [u8; 3] = [10, 10, 220];

/// Left half red, right half blue.
fn photo() -> RgbImage {
    RgbImage::from_fn(100, 50, |x, _| image::Rgb(if x < 50 { RED } else { BLUE }))
}

fn left_and_right() -> FixedDetector {
    FixedDetector::bottles(&[
        BBox::new(5.0, 5.0, 20.0, 45.0),
        BBox::new(25.0, 5.0, 45.0, 45.0),
        BBox::new(60.0, 5.0, 90.0, 45.0),
    ])
}

fn gallery(colors: &[[u8; 3]]) -> ListIndex {
    let embed = |color: &[u8; 3]| {
        let crop = RgbImage::from_pixel(4, 4, image::Rgb(*color));
        MeanColorEmbedder.embed(&[crop]).expect("embedded").remove(0)
    };
    let skus = (1..)
        .zip(colors)
        .map(|(id, _)| Arc::new(Sku { id: SkuId(id), code: format!("sku_{id}"), name: format!("Sku {id}") }));
    ListIndex { exemplars: (1..).map(SkuId).zip(colors.iter().map(embed)).collect(), skus: skus.collect() }
}

fn recognizer(detector: impl Detector + 'static, gallery: ListIndex) -> Recognizer {
    release(detector, gallery).recognizer()
}

fn release(detector: impl Detector + 'static, gallery: ListIndex) -> Release {
    let (detector, embedder) = (Arc::new(detector), Arc::new(MeanColorEmbedder));
    Release::new("test", detector, embedder, Arc::new(gallery), RecognizerSettings::default())
}

#[test]
fn facings_are_identified_and_counted() {
    let recognizer = recognizer(left_and_right(), gallery(&[RED, BLUE]));
    let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions::default());
    let recognition = &answers[0].as_ref().expect("recognised").recognition;
    assert_eq!((recognition.width, recognition.height), (100, 50));
    let skus: Vec<_> = recognition.items.iter().map(|i| i.decision.sku).collect();
    assert_eq!(skus, [Some(SkuId(1)), Some(SkuId(1)), Some(SkuId(2))]);
    assert!(recognition.items.iter().all(|i| i.decision.status == SkuStatus::Known && i.embedding.is_none()));
    let counts: Vec<_> = recognition.counts.iter().map(|c| (c.sku.id.0, c.count)).collect();
    assert_eq!(counts, [(1, 2), (2, 1)]);
    assert_eq!(recognition.unknown_count, 0);
    assert!(recognition.warnings.is_empty());
}

#[test]
fn a_sku_may_have_a_threshold_of_its_own() {
    let answer = |thresholds: &[(u32, f32)]| {
        let sku_thresholds = thresholds.iter().map(|&(sku, threshold)| (format!("sku_{sku}"), threshold)).collect();
        let release = release(left_and_right(), gallery(&[[200, 60, 10], BLUE]));
        let recognizer = Release { sku_thresholds, ..release }.recognizer();
        let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions::default());
        let recognition = &answers[0].as_ref().expect("recognised").recognition;
        recognition.items.iter().map(|i| i.decision.status).collect::<Vec<_>>()
    };
    use SkuStatus::{Known, Unknown};
    assert_eq!(answer(&[]), [Known, Known, Known]);
    // Red crops are near the first SKU, not on it; the blue one is exactly the second.
    assert_eq!(answer(&[(1, 0.9999)]), [Unknown, Unknown, Known]);
    assert_eq!(answer(&[(2, 0.9999), (7, 1.0)]), [Known, Known, Known]);
}

#[test]
fn what_is_far_from_everything_is_unknown() {
    let recognizer = recognizer(left_and_right(), gallery(&[RED]));
    let options = RecognizeOptions { keep_embeddings: true, ..RecognizeOptions::default() };
    let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &options);
    let recognition = &answers[0].as_ref().expect("recognised").recognition;
    assert_eq!(recognition.unknown_count, 1);
    assert!(matches!(recognition.items[2].decision.reason, Reason::BelowThreshold { .. }));
    assert!(recognition.items.iter().all(|i| i.embedding.is_some()));
}

#[test]
fn an_empty_gallery_says_so() {
    let recognizer = recognizer(left_and_right(), gallery(&[]));
    let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions::default());
    let recognition = &answers[0].as_ref().expect("recognised").recognition;
    assert_eq!(recognition.unknown_count, 3);
    assert!(recognition.warnings[0].contains("gallery build"), "{:?}", recognition.warnings);
}

#[test]
fn a_cut_list_says_so() {
    let recognizer = recognizer(left_and_right(), gallery(&[RED]));
    let detect = DetectOptions { max_detections: 3, ..DetectOptions::default() };
    let answers =
        recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions { detect, ..RecognizeOptions::default() });
    let recognition = &answers[0].as_ref().expect("recognised").recognition;
    assert!(recognition.warnings[0].contains("max_detections"), "{:?}", recognition.warnings);
}

#[test]
fn a_bad_photo_does_not_fail_its_neighbours() {
    let recognizer = recognizer(left_and_right(), gallery(&[RED, BLUE]));
    let photos = vec![
        Photo::Encoded(bytes::Bytes::from_static(b"no image")),
        Photo::Pixels(photo()),
        Photo::Encoded(bytes::Bytes::new()),
        Photo::Pixels(RgbImage::from_pixel(100, 50, image::Rgb(BLUE))),
    ];
    let answers = recognizer.recognize(photos, &RecognizeOptions::default());
    assert!(
        matches!(answers[0], Err(RecognizeError::Decode(_))) && matches!(answers[2], Err(RecognizeError::Decode(_)))
    );
    let blue = |at: usize| {
        let recognition = &answers[at].as_ref().expect("recognised").recognition;
        recognition.items.iter().filter(|i| i.decision.sku == Some(SkuId(2))).count()
    };
    assert_eq!((blue(1), blue(3)), (1, 3));
    assert!(recognizer.recognize(Vec::new(), &RecognizeOptions::default()).is_empty());
}

#[test]
fn a_facing_is_marked_where_a_second_opinion_names_another_sku() {
    let disagreement = |second: Option<ListIndex>| {
        let second = second.map(|gallery| SecondOpinion {
            embedder: Arc::new(MeanColorEmbedder),
            gallery: Arc::new(gallery),
            crop: RecognizerSettings::default().crop,
        });
        let recognizer = recognizer(left_and_right(), gallery(&[RED, BLUE])).with_second_opinion(second);
        let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions::default());
        let items = &answers[0].as_ref().expect("recognised").recognition.items;
        items.iter().map(|item| item.disagreement).collect::<Vec<_>>()
    };
    assert_eq!(disagreement(None), [false; 3]);
    assert_eq!(disagreement(Some(gallery(&[RED, BLUE]))), [false; 3]);
    assert_eq!(disagreement(Some(gallery(&[BLUE, RED]))), [true; 3], "red goes by the code of blue");
    assert_eq!(disagreement(Some(gallery(&[RED]))), [false; 3], "what it does not know it does not dispute");
}

#[test]
fn a_photo_without_containers_has_an_empty_answer() {
    let recognizer = recognizer(FixedDetector::bottles(&[]), gallery(&[RED]));
    let answers = recognizer.recognize(vec![Photo::Pixels(photo())], &RecognizeOptions::default());
    let answer = answers[0].as_ref().expect("recognised");
    assert!(answer.recognition.items.is_empty() && answer.recognition.counts.is_empty());
}

/// Breaks its promise of one answer per photo.
struct Forgetful;

impl Detector for Forgetful {
    fn detect(&self, _: &[RgbImage], _: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError> {
        Ok(Vec::new())
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn describe(&self) -> String {
        "forgetful".to_owned()
    }
}

/// Loses the last crop.
struct Lossy;

impl Embedder for Lossy {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        MeanColorEmbedder.embed(&crops[1..])
    }
    fn dimension(&self) -> usize {
        3
    }
    fn fingerprint(&self) -> Sha256 {
        Sha256::of(b"lossy")
    }
    fn describe(&self) -> String {
        "lossy".to_owned()
    }
}

#[test]
fn networks_that_break_their_promise_are_errors() {
    let forgetful = recognizer(Forgetful, gallery(&[RED]));
    let lossy = Release { embedder: Arc::new(Lossy), ..release(left_and_right(), gallery(&[RED])) }.recognizer();
    for recognizer in [forgetful, lossy] {
        let answers =
            recognizer.recognize(vec![Photo::Pixels(photo()), Photo::Pixels(photo())], &RecognizeOptions::default());
        assert_eq!(answers.len(), 2);
        for answer in answers {
            let error = answer.expect_err("the promise was broken").to_string();
            assert!(error.contains("expected"), "{error}");
        }
    }
}
