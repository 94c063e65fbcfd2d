//! What is worth a look, how much of it is queued, and the gallery that follows labels.

use classifier::EmbedderIdentity;
use classifier::gallery::{GalleryData, IndexKind, IndexOptions, NewExemplar};
use review::config::{Limits, Samplers};
use review::reasons::{Surroundings, reasons};
use review::sampler::GalleryFacts;
use review::{LiveGallery, Sampler};
use store::Reason;
use store::exemplars::GalleryChanges;
use store::model::{CatalogueSku, SkuState, StoredExemplar};
use vision::fakes::MeanColorEmbedder;
use vision::{
    BBox, Candidate, ClassId, Decision, Detection, Embedder, Embedding, ExemplarId, Reason as Decided, Recognition,
    RecognizedItem, Sha256, SkuId, SkuIndex, SkuStatus,
};

const THRESHOLD: f32 = 0.6;

fn unit(values: [f32; 3]) -> Embedding {
    Embedding::normalized(values.to_vec()).expect("a direction")
}

fn facing(status: SkuStatus, similarity: f32, margin: f32, confidence: f32, embedding: [f32; 3]) -> RecognizedItem {
    let candidates = [(1, similarity), (2, similarity - margin)]
        .map(|(sku, similarity)| Candidate { sku: SkuId(sku), similarity, score: similarity })
        .to_vec();
    RecognizedItem {
        detection: Detection { bbox: BBox::new(0.0, 0.0, 10.0, 20.0), class: ClassId(0), confidence },
        decision: Decision {
            status,
            reason: Decided::Accepted,
            sku: (status != SkuStatus::Unknown).then_some(SkuId(1)),
            similarity,
            margin,
            probability: None,
            candidates,
        },
        embedding: Some(unit(embedding)),
        disagreement: false,
    }
}

fn photo(items: Vec<RecognizedItem>) -> Recognition {
    Recognition {
        width: 100,
        height: 100,
        items,
        counts: Vec::new(),
        unknown_count: 0,
        trace: vision::DetectionTrace::default(),
        warnings: Vec::new(),
    }
}

fn quiet() -> Samplers {
    Samplers { random_ratio: 0.0, ..Samplers::default() }
}

fn facts() -> GalleryFacts<'static> {
    GalleryFacts { threshold: &|_| THRESHOLD, exemplars: None, image_hash: None, gallery_version: 0 }
}

#[test]
fn every_reason_has_its_facing() {
    let around = Surroundings { sampled: 0.9, threshold: THRESHOLD, nearest_queued: Some(0.9), exemplars: Some(9) };
    let samplers = Samplers { novelty: 0.5, rare_sku: 3, low_similarity: 0.7, ..Samplers::default() };
    let check = |item: RecognizedItem, around: Surroundings, expected: &[Reason]| {
        let (mut found, uncertainty) = reasons(&item, &around, &samplers);
        let first = found.first().copied();
        found.sort();
        assert_eq!(found, expected);
        assert!((0.0..=1.0).contains(&uncertainty), "{uncertainty}");
        assert!(first != Some(Reason::LowConfidence) || expected.len() == 1, "the foremost comes first");
    };
    use SkuStatus::{Ambiguous, Known, Unknown};
    let front = [1.0, 0.0, 0.0];
    check(facing(Known, 0.9, 0.2, 0.9, front), around, &[]);
    check(facing(Unknown, 0.4, 0.2, 0.9, front), around, &[Reason::Unknown]);
    check(facing(Ambiguous, 0.9, 0.01, 0.9, front), around, &[Reason::SmallMargin]);
    check(facing(Known, 0.61, 0.2, 0.9, front), around, &[Reason::NearThreshold, Reason::LowSimilarity]);
    check(facing(Unknown, 0.59, 0.2, 0.9, front), around, &[Reason::Unknown, Reason::NearThreshold]);
    check(facing(Known, 0.9, 0.2, 0.26, front), around, &[Reason::LowConfidence]);
    check(
        facing(Known, 0.9, 0.2, 0.9, front),
        Surroundings { nearest_queued: Some(0.1), ..around },
        &[Reason::Novelty],
    );
    check(facing(Known, 0.9, 0.2, 0.9, front), Surroundings { exemplars: Some(2), ..around }, &[Reason::RareSku]);
    check(facing(Known, 0.9, 0.2, 0.9, front), Surroundings { sampled: 0.001, ..around }, &[Reason::Random]);
    let disagreement = |item: RecognizedItem| RecognizedItem { disagreement: true, ..item };
    check(disagreement(facing(Known, 0.9, 0.2, 0.9, front)), around, &[Reason::Disagreement]);
    let mut refused = disagreement(facing(Unknown, 0.9, 0.0, 0.9, front));
    refused.decision.reason = Decided::NotAContainer;
    check(refused, around, &[]);
    // The random fraction comes first whatever else holds: an estimate rests on it.
    let (found, _) =
        reasons(&facing(Unknown, 0.4, 0.0, 0.1, front), &Surroundings { sampled: 0.0, ..around }, &samplers);
    assert_eq!(found[0], Reason::Random);
}

#[test]
fn near_duplicates_make_one_item_more_urgent() {
    let mut sampler = Sampler::new(quiet(), Limits::default());
    let unknown = |embedding| facing(SkuStatus::Unknown, 0.4, 0.2, 0.9, embedding);
    let recognition = photo(vec![unknown([1.0, 0.0, 0.0]), unknown([1.0, 0.01, 0.0]), unknown([0.0, 1.0, 0.0])]);
    let picked = sampler.pick(&recognition, 1_000, &facts());
    let facings: Vec<_> = picked.new.iter().map(|pick| (pick.facing, pick.facings)).collect();
    assert_eq!((facings, picked.again.len()), (vec![(0, 2), (2, 1)], 0));
    // What could not be queued is picked again, what was is not.
    sampler.unpick(&picked);
    let picked = sampler.pick(&recognition, 2_000, &facts());
    assert_eq!(picked.new.len(), 2);
    let again = sampler.pick(&recognition, 3_000, &facts());
    assert_eq!((again.new.len(), again.again.iter().map(|(_, times)| times).sum::<u32>()), (0, 3));
    assert_eq!(again.again[0].0, picked.new[0].item);
    // Answered, it waits no longer: what still looks unsure to a gallery that knows the answer is asked anew; to one that
    // does not know it yet, everything of before looks unsure.
    sampler.answered(&[picked.new[0].item.as_str()].into(), 7);
    let before = sampler.pick(&recognition, 4_000, &GalleryFacts { gallery_version: 6, ..facts() });
    assert_eq!((before.new.len(), before.again.len()), (0, 1), "{before:?}");
    let knowing = GalleryFacts { gallery_version: 7, ..facts() };
    let anew = sampler.pick(&recognition, 4_000, &knowing);
    assert_eq!((anew.new.len(), anew.new[0].facings), (1, 2));
    sampler.unpick(&anew);
    // Taken back, it waits as before.
    sampler.reopened(&[picked.new[0].item.as_str()].into());
    let waits = sampler.pick(&recognition, 5_000, &knowing);
    assert_eq!((waits.new.len(), waits.again.len()), (0, 2), "{waits:?}");
}

#[test]
fn room_goes_to_what_one_answer_settles_most_of() {
    let limits = Limits { per_photo: 1, ..Limits::default() };
    let unknown = |similarity, embedding| facing(SkuStatus::Unknown, similarity, 0.2, 0.9, embedding);
    let many = [1.0, 0.0, 0.0];
    let recognition = photo(vec![unknown(0.1, [0.0, 1.0, 0.0]), unknown(0.5, many), unknown(0.4, many)]);
    let picked = Sampler::new(quiet(), limits).pick(&recognition, 0, &facts());
    let facings: Vec<_> = picked.new.iter().map(|pick| (pick.facing, pick.facings)).collect();
    assert_eq!((facings, picked.crowded_out), (vec![(2, 2)], 1));
}

#[test]
fn images_that_look_the_same_are_queued_once() {
    let samplers = Samplers { duplicate_similarity: 0.0, duplicate_bits: 3, ..quiet() };
    let mut sampler = Sampler::new(samplers, Limits::default());
    let unknown = |embedding| facing(SkuStatus::Unknown, 0.4, 0.2, 0.9, embedding);
    // Whatever their embeddings say.
    let recognition = photo(vec![unknown([1.0, 0.0, 0.0]), unknown([0.0, 1.0, 0.0]), unknown([0.0, 0.0, 1.0])]);
    let hash = |facing: usize| [Some(0b0000), Some(0b0111), Some(0b1111)][facing];
    let facts = GalleryFacts { image_hash: Some(&hash), ..facts() };
    let picked = sampler.pick(&recognition, 1_000, &facts);
    let facings: Vec<_> = picked.new.iter().map(|pick| (pick.facing, pick.facings)).collect();
    assert_eq!(facings, [(0, 2), (2, 1)]);
    let again = sampler.pick(&recognition, 2_000, &facts);
    assert_eq!((again.new.len(), again.again.iter().map(|(_, times)| times).sum::<u32>()), (0, 3));
    // A crop that shows nothing is like no other.
    let blank = GalleryFacts { image_hash: Some(&|_| None), ..facts };
    assert_eq!(sampler.pick(&recognition, 3_000, &blank).new.len(), 3);
    let off = Samplers { duplicate_bits: 0, ..samplers };
    assert_eq!(Sampler::new(off, Limits::default()).pick(&recognition, 0, &facts).new.len(), 3);
}

#[test]
fn limits_hold_by_photo_minute_hour_and_day() {
    let limits = Limits { per_photo: 3, per_minute: 4, per_hour: 5, per_day: 6 };
    let mut sampler = Sampler::new(Samplers { duplicate_similarity: 0.0, ..quiet() }, limits);
    let items = (0..10).map(|n| facing(SkuStatus::Unknown, 0.05 * n as f32, 0.2, 0.9, [1.0, n as f32, 0.0])).collect();
    let recognition = photo(items);
    let minute = 60_000;
    let mut queue = |now: i64| {
        let picked = sampler.pick(&recognition, now, &facts());
        assert_eq!(picked.new.len() + picked.crowded_out + picked.again.len(), 10);
        picked.new.len()
    };
    assert_eq!(queue(0), 3, "a photo");
    assert_eq!(queue(1), 1, "a minute");
    assert_eq!(queue(2 * minute), 1, "an hour");
    assert_eq!(queue(61 * minute), 1, "a day");
    assert_eq!(queue(122 * minute), 0);
    // What could not be queued took no room.
    let picked = sampler.pick(&recognition, 25 * 60 * minute, &facts());
    sampler.unpick(&picked);
    assert_eq!(sampler.pick(&recognition, 25 * 60 * minute, &facts()).new.len(), 3);
}

#[test]
fn random_items_are_the_ratio_asked_for() {
    let samplers = Samplers { random_ratio: 0.2, duplicate_similarity: 0.0, ..Samplers::default() };
    let limits = Limits { per_photo: 1_000_000, per_minute: 1_000_000, per_hour: 1_000_000, per_day: 1_000_000 };
    let mut sampler = Sampler::new(samplers, limits);
    let recognition = photo(vec![facing(SkuStatus::Known, 0.95, 0.4, 0.9, [1.0, 0.0, 0.0]); 5_000]);
    let picked = sampler.pick(&recognition, 0, &facts());
    assert!(picked.new.iter().all(|pick| pick.reasons == [Reason::Random]));
    // Five standard deviations.
    assert!((picked.new.len() as f64 - 1_000.0).abs() < 142.0, "{}", picked.new.len());
}

fn sku(id: u32, status: SkuState) -> CatalogueSku {
    let text = |what: &str| format!("{what} {id}");
    CatalogueSku { id: SkuId(id), code: text("code"), name: text("name"), gtin: None, brand: None, size: None, status }
}

fn exemplar(id: u64, sku: u32, active: bool) -> StoredExemplar {
    StoredExemplar {
        id: ExemplarId(id),
        sku: SkuId(sku),
        origin: format!("review/{id}"),
        image: Sha256::of(&id.to_le_bytes()),
        embedder: MeanColorEmbedder.fingerprint(),
        embedding: unit([id as f32, 1.0, 2.0]).as_slice().to_vec(),
        active,
    }
}

fn live() -> LiveGallery {
    let options = IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() };
    LiveGallery::new("live", EmbedderIdentity::of(&MeanColorEmbedder), options)
}

#[test]
fn followed_change_by_change_or_read_at_once_the_gallery_is_the_same() {
    use SkuState::{Active, Retired};
    let steps = [
        GalleryChanges {
            change: 1,
            skus: vec![sku(1, Active), sku(2, Active)],
            exemplars: vec![exemplar(1, 1, true), exemplar(2, 2, true)],
        },
        GalleryChanges { change: 2, skus: vec![sku(3, Active)], exemplars: vec![exemplar(3, 3, true)] },
        GalleryChanges { change: 3, skus: vec![], exemplars: vec![exemplar(4, 0, true)] },
        GalleryChanges { change: 4, skus: vec![], exemplars: vec![exemplar(2, 2, false)] },
        GalleryChanges { change: 5, skus: vec![sku(3, Retired)], exemplars: vec![exemplar(3, 3, false)] },
        GalleryChanges { change: 6, skus: vec![], exemplars: vec![exemplar(2, 2, true)] },
    ];
    let mut followed = live();
    for step in &steps {
        assert!(followed.apply(step).expect("it fits"));
        assert!(!followed.apply(step).expect("it fits"), "twice is once");
    }
    let mut whole = live();
    whole
        .apply(&GalleryChanges {
            change: 6,
            skus: vec![sku(1, Active), sku(2, Active), sku(3, Retired)],
            exemplars: vec![exemplar(1, 1, true), exemplar(2, 2, true), exemplar(3, 3, false), exemplar(4, 0, true)],
        })
        .expect("it fits");
    let sealed = |live: &LiveGallery| {
        let mut data = live.data().clone();
        data.seal();
        data.digest()
    };
    assert_eq!(sealed(&followed), sealed(&whole));
    assert_eq!(followed.change(), 6);
    let index = followed.index().expect("indexed");
    assert!(index.describe().contains("+6 "), "named by the last change: {}", index.describe());
    followed.seal();
    let index = followed.index().expect("indexed");
    assert_eq!(index.skus().iter().map(|sku| sku.id.0).collect::<Vec<_>>(), [1, 2], "no container is no product");
    assert!(index.sku(SkuId::NOT_A_CONTAINER).is_none());
    assert!(index.describe().contains(&sealed(&whole).expect("sealed").short()));
    // Written and read again, it is what a folder has enrolled, without what only labels know.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut data = followed.data().clone();
    classifier::gallery::snapshot::write(&mut data, folder.path()).expect("written");
    assert_eq!(data.digest(), sealed(&whole));
    let read = classifier::gallery::snapshot::read(folder.path()).expect("read");
    assert_eq!(LiveGallery::enrolled(&read).exemplars.len(), 2);
}

#[test]
fn a_full_list_of_one_sku_leaves_room_for_others() {
    let mut data = GalleryData::new("wide", EmbedderIdentity::of(&MeanColorEmbedder));
    let mut add = |code: &str, embeddings: Vec<[f32; 3]>| {
        let sku = data.add_sku(code, code).expect("a new code");
        let new = |(at, values): (usize, [f32; 3])| NewExemplar {
            sku,
            origin: format!("{code}/{at}"),
            sha256: Sha256::of(format!("{code}{at}").as_bytes()),
            embedding: unit(values),
        };
        data.add(embeddings.into_iter().enumerate().map(new).collect()).expect("added");
    };
    add("near", (0..300).map(|n| [1.0, 0.0001 * n as f32, 0.0]).collect());
    for (code, y) in [("b", 0.3), ("c", 0.6), ("d", 0.9)] {
        add(code, vec![[1.0, y, 0.0]]);
    }
    let options = IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() };
    let gallery = classifier::gallery::Gallery::new(data, &options).expect("indexed");
    let query = [unit([1.0, 0.0, 0.0])];
    let names = |neighbors: &[vision::Neighbor]| {
        let mut skus: Vec<_> = neighbors.iter().map(|n| n.sku.0).collect();
        skus.dedup();
        skus
    };
    assert_eq!(names(&gallery.search(&query, 5).expect("found")[0]), [1]);
    assert_eq!(names(&gallery.search_wide(&query, 5, 3).expect("found")[0])[..3], [1, 2, 3]);
    assert_eq!(names(&gallery.search_wide(&query, 5, 9).expect("found")[0]), [1, 2, 3, 4], "all there are");
}
