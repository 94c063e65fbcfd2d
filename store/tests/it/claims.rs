//! Two reviewers never get the same item.

use std::collections::BTreeSet;
use std::time::Duration;

use store::{Answer, ClaimRequest, StoreError};

use crate::shelf::{fill, says, sku};
use crate::test_store::on_each;

fn asks(reviewer: &str, count: u32, lease_ms: u64) -> ClaimRequest {
    ClaimRequest { reviewer: reviewer.to_owned(), count, lease: Duration::from_millis(lease_ms), key: None }
}

on_each! {
    async fn the_most_urgent_come_first_and_to_one_person(place) {
        let store = &place.store;
        let items = fill(store, 5).await;
        let ids = |claimed: Vec<store::Item>| claimed.into_iter().map(|item| item.id).collect::<Vec<_>>();
        assert_eq!(ids(store.claim(asks("ann", 2, 60_000)).await.expect("claimed")), items[..2]);
        assert_eq!(ids(store.claim(asks("bob", 2, 60_000)).await.expect("claimed")), items[2..4]);
        let refused = store.label(says("bob", &items[0], sku(1)), None).await;
        assert!(matches!(refused, Err(StoreError::Claimed { .. })));
        store.label(says("ann", &items[0], Answer::Skip), None).await.expect("put off");
        assert_eq!(store.release("ann".into(), items.clone()).await.expect("given back"), 1);
        // What was given back is as urgent as before, what was put off comes last.
        let rest = [&items[1..2], &items[4..], &items[..1]].concat();
        assert_eq!(ids(store.claim(asks("cem", 9, 60_000)).await.expect("claimed")), rest);
        assert!(store.claim(asks("dee", 9, 60_000)).await.expect("nothing is left").is_empty());
    }

    async fn a_claim_ends(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        store.claim(asks("ann", 1, 30)).await.expect("claimed");
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(store.claim(asks("bob", 1, 60_000)).await.expect("claimed").len(), 1);
        assert!(matches!(store.label(says("ann", &items[0], sku(1)), None).await, Err(StoreError::Claimed { .. })));
        store.label(says("bob", &items[0], sku(1)), None).await.expect("his now");
    }

    async fn twenty_reviewers_at_once(place) {
        fill(&place.store, 200).await;
        // Two processes, as far as the database can tell.
        let stores = [place.store.clone(), place.again().await];
        let reviewers = (0..20).map(|number| {
            let (store, name) = (stores[number % 2].clone(), format!("reviewer {number}"));
            tokio::spawn(async move {
                let mut done = Vec::new();
                loop {
                    let claimed = store.claim(asks(&name, 3, 60_000)).await.expect("claimed");
                    if claimed.is_empty() {
                        return done;
                    }
                    for item in claimed {
                        store.label(says(&name, &item.id, sku(1)), None).await.expect("labelled");
                        done.push(item.id);
                    }
                }
            })
        });
        let mut all = Vec::new();
        for reviewer in reviewers.collect::<Vec<_>>() {
            all.extend(reviewer.await.expect("no panic"));
        }
        assert_eq!(all.len(), 200);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 200, "none was labelled twice");
        let stats = place.store.stats().await.expect("statistics");
        assert_eq!((stats.open, stats.labelled, stats.labels_last_hour), (0, 200, 200));
        let exemplars = crate::shelf::gallery(&place.store).await;
        assert_eq!(exemplars.len(), 203);
        assert_eq!(exemplars.last().map(|e| e.0), Some(205), "numbers without gaps");
        assert_eq!(place.store.check().await.expect("checked"), [""; 0]);
    }
}
