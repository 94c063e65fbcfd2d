//! Small shelves: photos, items, a gallery.

use store::exemplars::{Enrolled, EnrolledExemplar};
use store::model::{NewItem, NewRecognition, Reason};
use store::{Answer, LabelRequest, SkuRef, Store};
use vision::{BBox, ExemplarId, Sha256, Sku, SkuId};

pub(crate) fn embedder() -> Sha256 {
    Sha256::of(b"the embedder of these tests")
}

pub(crate) fn recognition(photo: &str) -> NewRecognition {
    NewRecognition {
        request_id: "request".to_owned(),
        detector: "detector".to_owned(),
        embedder: "embedder".to_owned(),
        gallery: "gallery".to_owned(),
        width: 1000,
        height: 800,
        facings: 12,
        ambiguous: 1,
        unknown: 2,
        total_ms: 12.5,
        photo: (photo.to_owned().into(), "image/jpeg"),
        release: None,
        arm: None,
    }
}

/// Item `number`, the more urgent the smaller.
pub(crate) fn item(number: u32) -> NewItem {
    let angle = number as f32 * 0.37;
    NewItem {
        id: uuid::Uuid::now_v7().to_string(),
        facing: number,
        class: if number.is_multiple_of(3) { "can" } else { "bottle" }.to_owned(),
        confidence: 0.9,
        bbox: BBox::new(10.0, 20.0, 110.0, 220.0),
        decision: "unknown",
        sku: Some(SkuId(1 + number % 2)),
        similarity: 0.3 + 0.001 * number as f32,
        margin: 0.01,
        candidates: vec![(SkuId(1), 0.31), (SkuId(2), 0.3)],
        crop: format!("crop {number}").into(),
        embedder: embedder(),
        embedding: vec![angle.cos(), angle.sin()],
        image_hash: None,
        reasons: vec![
            if number.is_multiple_of(2) { Reason::Unknown } else { Reason::SmallMargin },
            Reason::LowConfidence,
        ],
        uncertainty: 1.0 / (1.0 + number as f32),
        facings: 1,
    }
}

/// Two SKUs, three exemplars.
pub(crate) fn enrolled() -> Enrolled {
    let sku = |id: u32, code: &str, name: &str| Sku { id: SkuId(id), code: code.to_owned(), name: name.to_owned() };
    let exemplar = |id: u64, sku: u32, embedding: [f32; 2]| EnrolledExemplar {
        id: ExemplarId(id),
        sku: SkuId(sku),
        origin: format!("sku_{sku}/{id}.jpg"),
        image: Sha256::of(format!("image {id}").as_bytes()),
        embedding: embedding.to_vec(),
    };
    Enrolled {
        embedder: embedder(),
        skus: vec![sku(1, "cola", "Cola"), sku(2, "tea", "Green Tea")],
        exemplars: vec![exemplar(1, 1, [1.0, 0.0]), exemplar(2, 1, [0.8, 0.6]), exemplar(5, 2, [0.0, 1.0])],
    }
}

/// A gallery of two SKUs and a queue of `count` items, most urgent first.
pub(crate) async fn fill(store: &Store, count: u32) -> Vec<String> {
    store.adopt(enrolled()).await.expect("adopted");
    let items = (0..count).map(item).collect();
    store.enqueue(recognition("a photo"), items, Vec::new()).await.expect("queued").items
}

pub(crate) fn says(reviewer: &str, item: &str, answer: Answer) -> Vec<LabelRequest> {
    vec![LabelRequest { item: item.to_owned(), reviewer: reviewer.to_owned(), answer, comment: None }]
}

pub(crate) fn sku(id: u32) -> Answer {
    Answer::Sku(SkuRef::Id(SkuId(id)))
}

/// Numbers and SKUs of the exemplars that are in the gallery, from the beginning.
pub(crate) async fn gallery(store: &Store) -> Vec<(u64, u32)> {
    let changes = store.changes_since(0, embedder()).await.expect("the gallery");
    changes.exemplars.iter().filter(|e| e.active).map(|e| (e.id.0, e.sku.0)).collect()
}
