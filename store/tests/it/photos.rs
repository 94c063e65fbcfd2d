//! Photos are kept once, read by days, gone through by people, and leave with all their copies.

use std::collections::BTreeSet;
use std::time::Duration;

use store::access::{DEFAULT_ORGANISATION as HOME, Role};
use store::audit::Actor;
use store::flows::{Begun, Flow, RunLimits};
use store::photos::{Day, Facing, Month, NewPhoto, PhotoRetention, VerifyStatus};
use store::sets::{Manifest, SetLine, SetName, Shard, prefix};
use store::verify::{Boxes, MAX_HELD, NextPhoto, Save};
use store::{Store, StoreError};
use vision::Sha256;

use crate::shelf::{enrolled, item, recognition, says, sku};
use crate::test_store::on_each;

/// A day in November 2026.
const DAY: Day = Day(20_777);

fn owner() -> Actor {
    Actor { organisation: HOME.into(), name: "ann".into(), role: Role::Engineer, request: "r1".into() }
}

fn facing(x1: f32) -> Facing {
    Facing {
        corners: [x1, 10.0, x1 + 20.0, 60.5],
        class: "bottle".into(),
        sku: Some(1),
        code: Some("cola".into()),
        confidence: Some(0.9),
        similarity: Some(0.81),
    }
}

fn new(number: u32, at: i64) -> NewPhoto {
    let file = format!("photo {number}").into_bytes();
    NewPhoto {
        organisation: HOME.into(),
        at,
        request_id: format!("r{number}"),
        release: "shelf@1".into(),
        store: number.is_multiple_of(2).then(|| "north/12".into()),
        shelf: None,
        taken_at: Some(at - 60_000),
        photo: Sha256::of(&file),
        file: file.into(),
        extension: "jpg",
        width: 200,
        height: 100,
        image_hash: (!number.is_multiple_of(3)).then_some(u64::MAX - u64::from(number)),
        answer: vec![facing(10.0), facing(50.0)],
    }
}

async fn keep(store: &Store, count: u32) -> Vec<Sha256> {
    let photos: Vec<NewPhoto> = (0..count).map(|n| new(n, DAY.begin() + i64::from(n))).collect();
    let names = photos.iter().map(|photo| photo.photo).collect();
    store.keep_photos(photos).await.expect("kept");
    names
}

fn save(photo: Sha256, version: i64, boxes: Boxes, reviewer: &str, looks: u32) -> Save {
    Save {
        organisation: HOME.into(),
        photo,
        version,
        boxes,
        reviewer: reviewer.into(),
        at: store::model::now(),
        looks,
        key: None,
    }
}

fn next(reviewer: &str) -> NextPhoto {
    NextPhoto {
        organisation: HOME.into(),
        day: DAY,
        reviewer: reviewer.into(),
        lease: Duration::from_secs(60),
        holding: None,
    }
}

on_each! {
    async fn a_photo_is_kept_once_and_read_by_its_day(place) {
        let store = &place.store;
        let first = store.keep_photos((0..10).map(|n| new(n, DAY.begin() + 1)).collect()).await.expect("kept");
        assert_eq!((first.kept, first.known), (10, 0));
        // Sent again, on another day and twice in one go: it stays as it was answered first.
        let again = store.keep_photos(vec![new(3, DAY.end()), new(3, DAY.end()), new(10, DAY.end())]).await.expect("kept");
        assert_eq!((again.kept, again.known), (1, 2));
        assert_eq!(store.count_photos(HOME, DAY).await.expect("counted"), 10);
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = store.photos_of_day(HOME, DAY, after, 3).await.expect("read");
            let Some(last) = page.last() else { break };
            after = Some(last.photo);
            read.extend(page);
        }
        assert!(read.windows(2).all(|two| two[0].photo < two[1].photo));
        let digests: BTreeSet<Sha256> = read.iter().map(|photo| photo.photo).collect();
        assert_eq!(digests, (0..10).map(|n| new(n, 0).photo).collect());
        let (kept, sent) = (store.photo(HOME, new(4, 0).photo).await.expect("there"), new(4, DAY.begin() + 1));
        assert_eq!((kept.at, &kept.answer, kept.image_hash), (sent.at, &sent.answer, sent.image_hash));
        assert_eq!((kept.store.as_deref(), kept.status, kept.version), (Some("north/12"), VerifyStatus::Open, 0));
        assert_eq!(kept.object, format!("north=2F12/photo_{}.jpg", sent.photo));
        let file = store.photo_files().expect("a place").get(&kept.object, 100).await.expect("read");
        assert_eq!(file.as_deref(), Some(&sent.file[..]));
        assert!(store.photo_files().expect("a place").get(&kept.object, 3).await.is_err(), "more than was promised");
        assert_eq!(store.photos_of_day("other", DAY, None, 10).await.expect("read"), []);
        assert!(store.photo("other", sent.photo).await.is_err());
    }

    async fn a_deleted_photo_takes_every_copy_along(place) {
        let store = &place.store;
        let names = keep(store, 6).await;
        let gone = names[4];
        // A set that has been made, one that is being made, and the review queue.
        for (flow, period) in [(Flow::Daily, DAY.to_string()), (Flow::Monthly, DAY.month().to_string())] {
            let begun = store.begin_run(flow, &period, RunLimits::default(), &owner()).await.expect("begun");
            assert!(matches!(begun, Begun::Held(_)));
        }
        let files = store.artifacts().expect("a place");
        let (made, full) = (SetName::candidates(DAY), SetName::full(DAY.month()));
        let mut entries = Vec::new();
        for photo in store.photos_of_day(HOME, DAY, None, 100).await.expect("read") {
            let line = SetLine::of(&photo, &photo.answer, None);
            for set in [&made, &full] {
                files.put(&set.file(&line.image), format!("{}", photo.photo).into()).await.expect("put");
            }
            let shard = Shard::of(SetName::labels(&prefix(photo.photo, 2)), &[line]).expect("spelled");
            for set in [&made, &full] {
                files.put(&set.file(&shard.entry.path), shard.text.clone()).await.expect("put");
            }
            entries.push(shard.entry);
        }
        Manifest::of(&made, serde_json::json!({}), entries).write(files, &made).await.expect("written");
        store.adopt(enrolled()).await.expect("adopted");
        let mut seen = recognition("photo 4");
        seen.photo.0 = String::from_utf8(new(4, 0).file.to_vec()).expect("text").into();
        let queued = store.enqueue(seen, vec![item(0), item(1)], Vec::new()).await.expect("queued").items;
        store.label(says("ann", &queued[0], sku(1)), None).await.expect("labelled");

        assert!(store.delete_photo(gone, &Actor { organisation: "other".into(), ..owner() }).await.is_err());
        store.delete_photo(gone, &owner()).await.expect("deleted");
        assert!(matches!(store.delete_photo(gone, &owner()).await, Err(StoreError::NotFound { what: "photo", .. })));
        // Sent again before its copies are gone, it is not kept: what is removed now would go with it.
        let again = store.keep_photos(vec![new(4, DAY.begin())]).await.expect("taken");
        assert_eq!((again.kept, again.known), (0, 1));
        assert_eq!(store.erase().await.expect("erased"), 1);
        assert_eq!(store.erase().await.expect("erased"), 0);

        let digits = gone.to_string();
        for files in [store.photo_files().expect("a place"), files] {
            let mut listed = std::pin::pin!(files.list(""));
            while let Some(file) = futures_util::StreamExt::next(&mut listed).await {
                let name = file.expect("listed").name;
                assert!(!name.contains(&digits), "{name} is left");
                if name.ends_with(".jsonl") {
                    let text = files.get(&name, 1 << 20).await.expect("read").expect("there");
                    assert!(!String::from_utf8_lossy(&text).contains(&digits), "{name} names it");
                }
            }
        }
        let manifest = Manifest::read(files, &made).await.expect("sound").expect("there");
        assert_eq!((manifest.photos, manifest.boxes), (5, 10));
        let image = new(4, 0).photo;
        assert_eq!(store.objects().size(image).await.expect("asked"), None, "the queue's copy");
        assert!(store.item(&queued[1]).await.is_err(), "what waited is gone");
        let answered = store.item(&queued[0]).await.expect("what was answered stays");
        assert_eq!(store.objects().size(answered.crop.parse().expect("a digest")).await.expect("asked"), None);
        assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
        assert_eq!(store.verify_audit().await.expect("verified").faults, []);
        let audit = store.audit(0).await.expect("read");
        let entry = audit.iter().find(|entry| entry.action == "photo.delete").expect("it is there");
        assert_eq!((entry.actor.as_str(), entry.subject.as_str()), ("ann", digits.as_str()));
        // Now it may come again.
        assert_eq!(store.keep_photos(vec![new(4, DAY.begin())]).await.expect("kept").kept, 1);
    }

    async fn what_is_old_or_too_much_goes_and_what_people_said_stays(place) {
        let store = &place.store;
        let names = keep(store, 8).await;
        store.save_boxes(save(names[0], 0, Boxes::AsShown, "ann", 1)).await.expect("saved");
        let bytes = store.photo_bytes(HOME).await.expect("counted");
        let keep_all = PhotoRetention { max_age: None, max_bytes: Some(bytes) };
        assert_eq!(store.forget_photos(&keep_all, &owner()).await.expect("looked"), 0);
        let too_much = PhotoRetention { max_age: None, max_bytes: Some(bytes - 1) };
        assert_eq!(store.forget_photos(&too_much, &owner()).await.expect("dropped"), 1);
        assert!(store.photo(HOME, names[1]).await.is_err(), "the oldest that nobody has looked at");
        let old = PhotoRetention { max_age: Some(Duration::from_millis(1)), max_bytes: None };
        assert_eq!(store.forget_photos(&old, &owner()).await.expect("dropped"), 6);
        assert_eq!(store.photo(HOME, names[0]).await.expect("it stays").status, VerifyStatus::Verified);
        while store.erase().await.expect("erased") > 0 {}
        let mut listed = std::pin::pin!(store.photo_files().expect("a place").list(""));
        let mut left = 0;
        while let Some(file) = futures_util::StreamExt::next(&mut listed).await {
            file.expect("listed");
            left += 1;
        }
        assert_eq!(left, 1);
    }

    async fn two_people_never_get_the_same_photo(place) {
        let (one, other) = (&place.store, &place.again().await);
        keep(one, 30).await;
        let take = async |store: &Store, name: &str| {
            let mut taken = Vec::new();
            for _ in 0..6 {
                if let Some(photo) = store.next_photo(next(name)).await.expect("asked") {
                    taken.push(photo.photo);
                }
            }
            taken
        };
        let (ann, bob) = tokio::join!(take(one, "ann"), take(other, "bob"));
        assert_eq!((ann.len(), bob.len()), (MAX_HELD as usize, MAX_HELD as usize), "nobody holds more");
        assert!(ann.iter().all(|photo| !bob.contains(photo)), "{ann:?} {bob:?}");
        let refused = one.save_boxes(save(ann[0], 0, Boxes::AsShown, "bob", 1)).await;
        assert!(matches!(refused, Err(StoreError::Claimed { .. })), "{refused:?}");
        assert!(!one.release_photo(HOME, ann[0], "bob").await.expect("asked"));
        // A page that was loaded anew gets back what it held, one after the other, and what it says it has at hand not once more.
        let again = async |holding: &[Sha256]| {
            let next = NextPhoto { holding: Some(holding.to_vec()), ..next("ann") };
            one.next_photo(next).await.expect("asked").map(|photo| photo.photo)
        };
        let mut known = Vec::new();
        while let Some(photo) = again(&known).await {
            known.push(photo);
        }
        let mut held = ann.clone();
        known.sort();
        held.sort();
        assert_eq!(known, held);
        assert!(one.release_photo(HOME, ann[0], "ann").await.expect("given back"));
        one.save_boxes(save(ann[0], 0, Boxes::AsShown, "bob", 1)).await.expect("saved");
        let progress = one.verify_progress(HOME, DAY, store::model::now()).await.expect("counted");
        assert_eq!((progress.photos, progress.open, progress.verified, progress.claimed), (30, 29, 1, 7));
        assert_eq!(one.photo_days(HOME, 10).await.expect("read"), [DAY]);
    }

    async fn what_is_saved_is_on_top_of_what_was_shown(place) {
        let store = &place.store;
        store.adopt(enrolled()).await.expect("adopted");
        let photo = keep(store, 1).await[0];
        let drawn = Facing { confidence: None, similarity: None, code: None, sku: Some(2), ..facing(100.0) };
        let boxes = Boxes::Are(vec![drawn.clone()]);
        let (after, said) = store.save_boxes(save(photo, 0, boxes.clone(), "ann", 1)).await.expect("saved");
        assert_eq!((after.status, after.version, said.version), (VerifyStatus::Verified, 1, 1));
        assert_eq!((said.boxes[0].code.as_deref(), said.boxes[0].confidence), (Some("tea"), None));
        let late = store.save_boxes(save(photo, 0, Boxes::AsShown, "bob", 1)).await;
        assert!(matches!(late, Err(StoreError::Changed { shown: 0, now: 1, .. })), "{late:?}");
        store.save_boxes(save(photo, 1, Boxes::Are(Vec::new()), "bob", 1)).await.expect("nothing is on it");
        assert_eq!(store.annotations(HOME, photo).await.expect("read").len(), 2);
        // By its key, a request that is sent twice saves once.
        let key = store::Key::new("k1", "bob saves").expect("a key");
        let keyed = Save { key: Some(key), ..save(photo, 2, boxes, "bob", 1) };
        let once = store.save_boxes(keyed.clone()).await.expect("saved").1;
        assert_eq!(store.save_boxes(keyed).await.expect("as before").1, once);
        for (wrong, expected) in [
            (Facing { corners: [10.0, 10.0, 10.5, 50.0], ..drawn.clone() }, "one pixel"),
            (Facing { corners: [10.0, 10.0, 201.0, 50.0], ..drawn.clone() }, "within 200 x 100"),
            (Facing { corners: [f32::NAN, 10.0, 20.0, 50.0], ..drawn.clone() }, "within"),
            (Facing { class: String::new(), ..drawn.clone() }, "classes of 1 to 64"),
            (Facing { sku: Some(99), ..drawn.clone() }, "a SKU of the catalogue"),
        ] {
            let refused = store.save_boxes(save(photo, 3, Boxes::Are(vec![wrong]), "bob", 1)).await;
            let error = refused.expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(store.save_boxes(save(photo, 3, Boxes::Are(vec![drawn; 2_001]), "bob", 1)).await.is_err());
        assert_eq!(store.annotations(HOME, photo).await.expect("read").len(), 3, "nothing half done");
    }

    async fn two_people_must_leave_the_same_boxes_where_two_looks_are_wanted(place) {
        let store = &place.store;
        store.adopt(enrolled()).await.expect("adopted");
        let photo = keep(store, 1).await[0];
        let status = async |version: i64, boxes: Boxes, by: &str| {
            store.save_boxes(save(photo, version, boxes, by, 2)).await.expect("saved").0.status
        };
        assert_eq!(status(0, Boxes::AsShown, "ann").await, VerifyStatus::Second);
        assert_eq!(status(1, Boxes::AsShown, "ann").await, VerifyStatus::Second, "the same person says nothing new");
        assert!(store.next_photo(next("ann")).await.expect("asked").is_none());
        let shown = store.next_photo(next("bob")).await.expect("asked").expect("a second look");
        assert_eq!((shown.photo, shown.version), (photo, 2));
        let other = Boxes::Are(vec![facing(30.0)]);
        assert_eq!(status(2, other.clone(), "bob").await, VerifyStatus::Second, "another opinion");
        assert_eq!(status(3, other, "ann").await, VerifyStatus::Verified, "ann agrees");
        assert_eq!(status(4, Boxes::Are(Vec::new()), "ann").await, VerifyStatus::Second, "ann does not after all");
        let month = Month::of(store::model::now());
        let verified = store.verified_photos(HOME, month, None, 10).await.expect("read");
        assert_eq!(verified.len(), 1);
        assert_eq!((verified[0].annotation.version, verified[0].annotation.boxes.len()), (4, 1), "what they agreed on");
        assert_eq!(store.verified_photos(HOME, month.before(), None, 10).await.expect("read"), []);
        assert_eq!(store.count_verified(HOME, month).await.expect("counted"), 1);
    }
}
