//! What was verified becomes training sets: split once and for ever, without near-duplicates, without what is reserved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flows::{FlowError, Flows, FlowsConfig, Period};
use serde_json::json;
use store::Store;
use store::flows::FlowStatus;
use store::photos::Month;
use store::sets::{Manifest, SetLine, SetName, read_shard};
use vision::Sha256;

use crate::place::{HOME, accept, brighter, config, flows, image, keep, past, photo, png, tree};
use crate::test_store::on_each;

/// Months of the past, in which everything is verified on the first.
fn month(back: i64) -> Month {
    Month(Month::of(store::model::now()).0 - back)
}

async fn verify(store: &Store, photos: &[Sha256], month: Month) {
    for photo in photos {
        accept(store, *photo, month.first().begin() + 1).await;
    }
}

async fn lines(store: &Store, set: &SetName) -> BTreeMap<Sha256, SetLine> {
    let files = store.artifacts().expect("a place");
    let manifest = Manifest::read(files, set).await.expect("sound").expect("there");
    let mut all = BTreeMap::new();
    for entry in &manifest.files {
        let lines = read_shard(files, set, &entry.path).await.expect("read").expect("there");
        assert_eq!(lines.len() as u64, entry.photos);
        for line in lines {
            let file = files.get(&set.file(&line.image), 1 << 20).await.expect("read").expect("there");
            assert_eq!(Sha256::of(&file), line.photo);
            assert!(all.insert(line.photo, line).is_none(), "each once");
        }
    }
    assert_eq!(all.len() as u64, manifest.photos);
    all
}

/// A photo that somebody puts there by hand: for no line of it is believed, its hash is wrong.
async fn put_gold(store: &Store, number: u32, part: Option<&str>) -> Sha256 {
    let (files, set, file) = (store.artifacts().expect("a place"), SetName::gold(), png(&image(number)));
    let digest = Sha256::of(&file);
    let line = json!({
        "photo": digest, "image": format!("images/by hand/{number}.png"), "bytes": file.len(), "width": 64, "height": 48,
        "hash": "0000000000000000", "part": part, "boxes": [{"box": [1, 2, 3, 4], "class": "can", "sku": "tea"}],
    });
    files.put(&set.file(&format!("images/by hand/{number}.png")), file.into()).await.expect("put");
    files.put(&set.file(&format!("labels/{number}.jsonl")), format!("{line}\n").into()).await.expect("put");
    digest
}

fn parts(lines: &BTreeMap<Sha256, SetLine>) -> BTreeMap<Sha256, String> {
    lines.iter().map(|(photo, line)| (*photo, line.part.clone().expect("a part"))).collect()
}

fn folder(place: &crate::test_store::TestStore) -> PathBuf {
    Path::new(&place.settings.objects).join("ml-artifacts")
}

on_each! {
    async fn what_was_verified_becomes_a_training_set(place) {
        let store = &place.store;
        let photos = keep(store, past(40), 0..40).await;
        verify(store, &photos[..30], month(2)).await;
        let golden = put_gold(store, 1_000, Some("test")).await;
        let done = flows(store).run(Period::Month(month(2))).await.expect("done").run;
        let said = done.outcome.expect("an outcome");
        assert_eq!((said["verified"]["photos"].as_u64(), said["full"]["photos"].as_u64()), (Some(30), Some(31)));
        let verified = lines(store, &SetName::verified(month(2))).await;
        assert_eq!(verified.keys().copied().collect::<Vec<_>>(), { let mut sorted = photos[..30].to_vec(); sorted.sort(); sorted });
        let by = verified.values().next().and_then(|line| line.verified.clone()).expect("somebody");
        assert_eq!((by.by.as_str(), by.version), ("ann", 1));
        let first = lines(store, &SetName::full(month(2))).await;
        assert_eq!(first[&golden].part.as_deref(), Some("test"));
        assert_eq!(first[&golden].boxes[0].sku.as_deref(), Some("tea"));
        assert_ne!(first[&golden].hash.as_deref(), Some("0000000000000000"), "looked at, not believed");
        let train = parts(&first).values().filter(|part| *part == "train").count();
        assert!((12..=28).contains(&train), "{train} of 31 at .70");

        // The month after: other seed and ratios are configured, and nothing moves.
        verify(store, &photos[25..40], month(1)).await;
        let moved = FlowsConfig::parse("monthly: {seed: 7, ratios: .1/.1/.8}\nsettle_seconds: 0", Path::new("flows.yaml"));
        let done = Flows::new(store.clone(), moved.expect("sound"), "test").run(Period::Month(month(1))).await.expect("done");
        assert_eq!(done.run.status, FlowStatus::Completed);
        let second = lines(store, &SetName::full(month(1))).await;
        assert_eq!(second.len(), 41);
        let (before, after) = (parts(&first), parts(&second));
        assert!(before.iter().all(|(photo, part)| after[photo] == *part), "frozen");
        // Ten photos that are new are divided as the seed of the first month has it, by themselves.
        let train = photos[30..].iter().filter(|photo| after[photo] == "train").count();
        assert!(train >= 3, "{train} of 10 at .70, not at .10");
        assert_eq!(second[&photos[27]].verified.as_ref().map(|by| by.version), Some(2), "what was said last counts");
        let manifest = Manifest::read(store.artifacts().expect("a place"), &SetName::full(month(1))).await;
        let made = manifest.expect("sound").expect("there").made;
        assert_eq!((made["seed"].as_u64(), made["of"].as_array().map(Vec::len)), (Some(42), Some(3)));

        // What is said today belongs to this month, and changes nothing that was made.
        let tree_before = tree(&folder(&place));
        accept(store, photos[0], store::model::now()).await;
        assert!(flows(store).run(Period::Month(month(1))).await.expect("asked").before);
        assert_eq!(tree(&folder(&place)), tree_before);
    }

    async fn what_looks_the_same_is_in_once_and_what_is_reserved_is_not_in(place) {
        let store = &place.store;
        let photos = keep(store, past(40), 0..20).await;
        // The same shelves once more, a little brighter; and one that is measured on.
        let copies: Vec<_> = (0..5).map(|n| photo(&brighter(n), past(40).begin() + 1_000, None)).collect();
        let copied: Vec<Sha256> = copies.iter().map(|copy| copy.photo).collect();
        store.keep_photos(copies).await.expect("kept");
        verify(store, &photos, month(2)).await;
        verify(store, &copied, month(1)).await;
        let reserved = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(reserved.path().join("images")).expect("made");
        std::fs::write(reserved.path().join("images/a.png"), png(&brighter(9))).expect("written");
        std::fs::write(reserved.path().join("images/b.png"), png(&image(12))).expect("written");
        let mut config = config();
        config.full.reserved = vec![reserved.path().to_owned()];
        let flows = Flows::new(store.clone(), config, "test");
        flows.run(Period::Month(month(2))).await.expect("done");
        let first = lines(store, &SetName::full(month(2))).await;
        assert!(!first.contains_key(&photos[9]), "looks like a reserved one");
        assert!(!first.contains_key(&photos[12]), "is a reserved one");
        assert_eq!(first.len(), 18);
        let done = flows.run(Period::Month(month(1))).await.expect("done").run.outcome.expect("an outcome");
        let second = lines(store, &SetName::full(month(1))).await;
        assert_eq!(second.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "copies are left out, what was there stays");
        assert_eq!((done["verified"]["photos"].as_u64(), done["full"]["left_out"].as_u64()), (Some(5), Some(5)));
        let files = store.artifacts().expect("a place");
        let name = SetName::full(month(1)).metadata("left_out.jsonl");
        let text = files.get(&name, 1 << 20).await.expect("read").expect("there");
        let said: Vec<serde_json::Value> =
            text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).expect("JSON")).collect();
        assert_eq!(said.len(), 5);
        let why = said.iter().find(|line| line["photo"] == copied[0].to_string()).expect("it is named");
        assert_eq!((why["why"].as_str(), why["of"].as_str()), (Some("near_duplicate"), Some(photos[0].to_string().as_str())));
        // A folder that is not there is said, and nothing is made without it.
        let mut lost = crate::place::config();
        lost.full.reserved = vec!["/nowhere/at all".into()];
        verify(store, &photos[..1], month(3)).await;
        let error = Flows::new(store.clone(), lost, "test").run(Period::Month(month(3))).await.expect_err("it is not there");
        assert!(matches!(error, FlowError::Reserved { .. }), "{error}");
        assert_eq!(Manifest::read(files, &SetName::full(month(3))).await.expect("read"), None);
    }

    async fn shelves_stay_in_one_part(place) {
        let store = &place.store;
        let mut photos = Vec::new();
        for shelf in 0..12 {
            for n in 0..5 {
                let name = format!("shelf {shelf}");
                photos.push(photo(&image(shelf * 100 + n), past(40).begin() + i64::from(n), Some(&name)));
            }
        }
        let names: Vec<Sha256> = photos.iter().map(|photo| photo.photo).collect();
        store.keep_photos(photos).await.expect("kept");
        // Some photos of a shelf in one month, others in the next.
        let (early, late): (Vec<Sha256>, Vec<Sha256>) = names.iter().partition(|photo| photo.0[5] < 128);
        verify(store, &early, month(2)).await;
        verify(store, &late, month(1)).await;
        flows(store).run(Period::Month(month(2))).await.expect("done");
        flows(store).run(Period::Month(month(1))).await.expect("done");
        let mut by_shelf = BTreeMap::new();
        let all = lines(store, &SetName::full(month(1))).await;
        assert_eq!(all.len(), 60);
        for line in all.values() {
            let part = line.part.clone().expect("a part");
            let first = by_shelf.entry(line.shelf.clone().expect("a shelf")).or_insert_with(|| part.clone());
            assert_eq!(*first, part, "{:?}", line.shelf);
        }
        assert_eq!(by_shelf.len(), 12);
    }

    async fn a_month_without_photos_has_what_was_there(place) {
        let store = &place.store;
        let photos = keep(store, past(40), 0..3).await;
        verify(store, &photos, month(3)).await;
        for back in [3, 2, 1] {
            flows(store).run(Period::Month(month(back))).await.expect("done");
        }
        assert_eq!(lines(store, &SetName::verified(month(1))).await.len(), 0);
        assert_eq!(lines(store, &SetName::full(month(1))).await.len(), 3);
        // What its owner deletes leaves all of them.
        let owner = store::audit::Actor {
            organisation: HOME.into(),
            name: "owner".into(),
            role: store::access::Role::Engineer,
            request: String::new(),
        };
        // Photos of this test were answered forty days ago and verified months before: sets of earlier months have them, too.
        store.delete_photo(photos[1], &owner).await.expect("deleted");
        while store.erase().await.expect("erased") > 0 {}
        assert_eq!(lines(store, &SetName::full(month(1))).await.len(), 2);
    }

    async fn what_somebody_put_there_by_hand_is_held_to_its_name(place) {
        let store = &place.store;
        put_gold(store, 5, None).await;
        let files = store.artifacts().expect("a place");
        files.put("datasets/gold/images/by hand/5.png", png(&image(6)).into()).await.expect("put");
        let error = flows(store).run(Period::Month(month(1))).await.expect_err("another image").to_string();
        assert!(error.contains("5.png"), "{error}");
        let outside = r#"{"photo": "00", "image": "../../secret", "bytes": 1, "width": 1, "height": 1, "boxes": []}"#;
        let outside = outside.replace("\"00\"", &format!("\"{}\"", Sha256::of(b"x")));
        files.put("datasets/gold/labels/6.jsonl", outside.into()).await.expect("put");
        let error = flows(store).run(Period::Month(month(1))).await.expect_err("outside").to_string();
        assert!(error.contains("6.jsonl:1"), "{error}");
    }
}
