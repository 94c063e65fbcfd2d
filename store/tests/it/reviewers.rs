//! One name a person, and nobody takes all.

use std::time::Duration;

use store::{Answer, ClaimRequest, MAX_HELD, StoreError};

use crate::shelf::{fill, says, sku};
use crate::test_store::on_each;

on_each! {
    async fn a_name_that_looks_the_same_is_no_third_person(place) {
        let store = &place.store;
        let items = fill(store, 2).await;
        store.label(says("ace", &items[0], sku(1)), None).await.expect("labelled");
        store.label(says("bob", &items[0], sku(2)), None).await.expect("a conflict");
        for other in ["ace\u{200b}", "\u{202e}ace", "a\u{441}e", "\u{430}\u{441}\u{435}", "a ce\u{2060}"] {
            let refused = store.label(says(other, &items[0], sku(1)), None).await;
            assert!(matches!(refused, Err(StoreError::Invalid { field: "reviewer", .. })), "{other:?}: {refused:?}");
            assert!(store.comment(&items[0], other, "hello", None).await.is_err(), "{other:?}");
        }
        // Another case, another composition: the same person, under the spelling that was first.
        let same = store.label(says("ACE", &items[0], sku(1)), None).await;
        assert!(matches!(same, Err(StoreError::SecondLook { .. })), "{same:?}");
        let said = store.comment(&items[1], "Ace", "hello", None).await.expect("said");
        assert_eq!(said.author, "ace");
        // Another process knows as much.
        let again = place.again().await;
        assert!(again.label(says("\u{430}\u{441}\u{435}", &items[1], sku(1)), None).await.is_err());
        assert_eq!(again.label(says("cem", &items[0], sku(1)), None).await.expect("settled")[0].reviewer, "cem");
    }

    async fn nobody_holds_more_than_their_share(place) {
        let store = &place.store;
        fill(store, MAX_HELD + 20).await;
        let claim = |reviewer: &str| {
            let lease = Duration::from_secs(60);
            store.claim(ClaimRequest { reviewer: reviewer.to_owned(), count: 50, lease, key: None })
        };
        let mut held = Vec::new();
        for expected in [50, 50, 0] {
            let claimed = claim("ann").await.expect("claimed");
            assert_eq!(claimed.len(), expected);
            held.extend(claimed);
        }
        assert_eq!(claim("bob").await.expect("claimed").len(), 20, "there is work for others");
        store.label(says("ann", &held[0].id, sku(1)), None).await.expect("labelled");
        store.release("ann".into(), vec![held[1].id.clone()]).await.expect("given back");
        assert_eq!(claim("ann").await.expect("claimed").len(), 1, "what is given back is free again");
    }

    async fn nobody_changes_their_mind_for_ever(place) {
        let store = &place.store;
        let items = fill(store, 2).await;
        for round in 0..20 {
            store.label(says("ann", &items[0], sku(1 + round % 2)), None).await.expect("labelled");
        }
        let refused = store.label(says("ann", &items[0], sku(1)), None).await;
        assert!(matches!(refused, Err(StoreError::TooOften { times: 20, .. })), "{refused:?}");
        store.undo("ann", Some(&items[0]), None).await.expect("what was said may be taken back");
        let refused = store.label(says("ann", &items[0], Answer::Skip), None).await;
        assert!(refused.is_err());
        store.label(says("ann", &items[1], sku(1)), None).await.expect("other items are other items");
    }

    async fn comments_come_in_pages(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        for number in 0..store::COMMENTS + 2 {
            store.comment(&items[0], "ann", &format!("comment {number}"), None).await.expect("said");
        }
        let first = store.comments(&items[0], None).await.expect("a page");
        assert_eq!((first.comments.len(), first.comments[0].body.as_str()), (50, "comment 0"));
        let rest = store.comments(&items[0], first.next.as_deref()).await.expect("a page");
        assert_eq!((rest.comments.len(), rest.comments[1].body.as_str(), rest.next), (2, "comment 51", None));
    }

    async fn a_correction_is_checked_before_its_crop_is_made(place) {
        let store = &place.store;
        let items = fill(store, 2).await;
        let wrong = |bbox: [f32; 4], sku: &str| {
            let [x1, y1, x2, y2] = bbox;
            let (bbox, sku) = (vision::BBox::new(x1, y1, x2, y2), Some(store::SkuRef::Code(sku.to_owned())));
            Answer::WrongBox { bbox, sku, crop: None }
        };
        let check = async |who: &str, item: &str, answer: Answer| store.correctable(&says(who, item, answer)[0], None).await;
        let good = || wrong([0.0, 0.0, 50.0, 60.0], "tea");
        assert!(check("ann", &items[0], good()).await.expect("fine").is_some());
        assert!(matches!(check("ann", "nowhere", good()).await, Err(StoreError::NotFound { .. })));
        assert!(matches!(check("ann", &items[0], wrong([0.0, 0.0, 50.0, 60.0], "x")).await, Err(StoreError::NotFound { .. })));
        assert!(matches!(check("ann", &items[0], wrong([0.0, 0.0, 5e3, 60.0], "tea")).await, Err(StoreError::Invalid { .. })));
        assert!(matches!(check("ann", &items[0], wrong([0.0, f32::NAN, 5.0, 6.0], "tea")).await, Err(StoreError::Invalid { .. })));
        let lease = Duration::from_secs(60);
        store.claim(ClaimRequest { reviewer: "bob".into(), count: 1, lease, key: None }).await.expect("claimed");
        assert!(matches!(check("ann", &items[0], good()).await, Err(StoreError::Claimed { .. })));
        let key = store::Key::new("k", "this request").expect("a key");
        store.label(says("ann", &items[1], sku(1)), Some(key.clone())).await.expect("labelled");
        let again = store.correctable(&says("ann", &items[1], good())[0], Some(&key)).await.expect("fine");
        assert!(again.is_none(), "it was done before");
    }
}
