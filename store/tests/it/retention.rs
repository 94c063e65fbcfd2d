//! What may be forgotten is, and nothing else.

use std::time::Duration;

use store::retention::Retention;

use crate::shelf::{fill, item, recognition, says, sku};
use crate::test_store::on_each;

on_each! {
    async fn labelled_items_and_their_images_stay(place) {
        let store = &place.store;
        let items = fill(store, 4).await;
        store.enqueue(recognition("another photo"), vec![item(10)], Vec::new()).await.expect("queued");
        store.label(says("ann", &items[0], sku(1)), None).await.expect("labelled");
        store.comment(&items[1], "ann", "look at this", None).await.expect("said");
        let orphan = store.objects().put("no row names me".into()).await.expect("written");
        assert_eq!(store.objects().list().await.expect("a list").len(), 2 + 5 + 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let nothing = Retention { max_age: None, max_bytes: None, grace: Duration::from_secs(3600) };
        assert_eq!(store.forget(&nothing).await.expect("done"), store::retention::Forgotten::default());
        let old = Retention { max_age: Some(Duration::from_millis(1)), grace: Duration::from_millis(1), ..nothing };
        let gone = store.forget(&old).await.expect("done");
        assert_eq!((gone.items, gone.images), (3, 3 + 1 + 1), "two unlabelled of one photo, one with its photo, the orphan");
        assert!(store.objects().get(orphan).await.is_err());
        for kept in &items[..2] {
            let kept = store.item(kept).await.expect("it stays");
            store.objects().get(kept.crop.parse().expect("a digest")).await.expect("its crop stays");
            store.objects().get(kept.photo.parse().expect("a digest")).await.expect("its photo stays");
        }
        assert!(store.item(&items[2]).await.is_err());
        store.undo("ann", None, None).await.expect("labels still work");
    }

    async fn images_that_no_row_names_count(place) {
        let store = &place.store;
        fill(store, 3).await;
        store.objects().put(vec![7; 10_000].into()).await.expect("written");
        let limit = Retention { max_age: None, max_bytes: Some(5_000), grace: Duration::from_secs(3600) };
        assert_eq!(store.forget(&limit).await.expect("done").items, 3, "room is room, whatever takes it");
        let limit = Retention { max_bytes: Some(50_000), ..limit };
        fill(store, 2).await;
        assert_eq!(store.forget(&limit).await.expect("done").items, 0);
    }

    async fn size_drops_the_oldest_first(place) {
        let store = &place.store;
        fill(store, 3).await;
        let small = Retention { max_age: None, max_bytes: Some(0), grace: Duration::ZERO };
        assert_eq!(store.forget(&small).await.expect("done").items, 3);
        assert_eq!(store.stats().await.expect("statistics").open, 0);
    }
}
