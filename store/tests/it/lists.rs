//! Pages, filters, orders.

use store::model::{Item, ItemStatus, Reason};
use store::{ItemFilter, ItemSort, StoreError};
use vision::SkuId;

use crate::shelf::{fill, item, recognition, says, sku};
use crate::test_store::on_each;

on_each! {
    async fn pages_cover_the_list_once_in_order(place) {
        let store = &place.store;
        let items = fill(store, 23).await;
        for (sort, expected) in [
            (ItemSort::Priority, items.clone()),
            (ItemSort::Similarity, items.clone()),
            (ItemSort::Oldest, items.clone()),
            (ItemSort::Newest, items.iter().rev().cloned().collect()),
        ] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.list(&ItemFilter::default(), sort, cursor.as_deref(), 5).await.expect("a page");
                assert!(page.items.len() <= 5);
                seen.extend(page.items.into_iter().map(|item| item.id));
                let Some(next) = page.next else { break };
                cursor = Some(next);
            }
            let mut both = (seen, expected);
            if matches!(sort, ItemSort::Oldest | ItemSort::Newest) {
                // Items of one photo share a moment: their ids then order them, however they were sampled.
                both.0.sort();
                both.1.sort();
            }
            assert_eq!(both.0, both.1, "{sort}");
        }
        let wrong = store.list(&ItemFilter::default(), ItemSort::Priority, Some("priority.0.x.00000000"), 5).await;
        assert!(matches!(wrong, Err(StoreError::Invalid { field: "cursor", .. })));
    }

    async fn filters_combine(place) {
        let store = &place.store;
        let items = fill(store, 12).await;
        store.label(says("ann", &items[0], sku(1)), None).await.expect("labelled");
        let count = async |filter: ItemFilter| {
            store.list(&filter, ItemSort::Priority, None, 200).await.expect("a page").items.len()
        };
        let all = ItemFilter::default;
        assert_eq!(count(all()).await, 11);
        assert_eq!(count(ItemFilter { status: Some(ItemStatus::Labelled), ..all() }).await, 1);
        assert_eq!(count(ItemFilter { class: Some("can".into()), ..all() }).await, 3);
        assert_eq!(count(ItemFilter { reason: Some(Reason::Unknown), ..all() }).await, 5);
        assert_eq!(count(ItemFilter { sku: Some(SkuId(2)), ..all() }).await, 6);
        assert_eq!(count(ItemFilter { sku: Some(SkuId(2)), class: Some("can".into()), ..all() }).await, 2);
        assert_eq!(count(ItemFilter { min_similarity: Some(0.3045), max_similarity: Some(0.3085), ..all() }).await, 4);
        assert_eq!(count(ItemFilter { since: Some(store::model::now() + 60_000), ..all() }).await, 0);
        assert_eq!(count(ItemFilter { until: Some(store::model::now() + 60_000), ..all() }).await, 11);
        assert_eq!(count(ItemFilter { class: Some("'; DROP TABLE items; --".into()), ..all() }).await, 0);
    }

    async fn every_filter_gives_its_items_in_every_order(place) {
        let store = &place.store;
        let items = fill(store, 60).await;
        let all = ItemFilter::default;
        let filters = [
            all(),
            ItemFilter { class: Some("can".into()), ..all() },
            ItemFilter { reason: Some(Reason::Unknown), ..all() },
            ItemFilter { sku: Some(SkuId(2)), ..all() },
            ItemFilter { class: Some("can".into()), reason: Some(Reason::Unknown), ..all() },
            ItemFilter { class: Some("bottle".into()), sku: Some(SkuId(2)), min_similarity: Some(0.31), ..all() },
            ItemFilter { reason: Some(Reason::Unknown), max_similarity: Some(0.34), until: Some(i64::MAX), ..all() },
        ];
        // Open items have indexes of their own; what was labelled is cut from the orders.
        for status in [ItemStatus::Open, ItemStatus::Labelled] {
            if status == ItemStatus::Labelled {
                for item in &items {
                    store.label(says("ann", item, sku(1)), None).await.expect("labelled");
                }
            }
            let every = store.list(&ItemFilter { status: Some(status), ..all() }, ItemSort::Oldest, None, 200).await;
            let every = every.expect("a page").items;
            assert_eq!(every.len(), items.len());
            for filter in &filters {
                let filter = ItemFilter { status: Some(status), ..filter.clone() };
                let passes = |item: &&Item| {
                    filter.class.as_ref().is_none_or(|class| *class == item.class)
                        && filter.reason.is_none_or(|reason| item.reasons[0] == reason)
                        && filter.sku.is_none_or(|sku| item.sku == Some(sku))
                        && filter.min_similarity.is_none_or(|min| item.similarity >= min)
                        && filter.max_similarity.is_none_or(|max| item.similarity <= max)
                };
                let mut expected: Vec<&Item> = every.iter().filter(passes).collect();
                assert!(!expected.is_empty(), "{filter:?}");
                for sort in ItemSort::ALL {
                    let ascending = |a: &Item, b: &Item| match sort {
                        ItemSort::Priority => a.priority.total_cmp(&b.priority),
                        ItemSort::Similarity => a.similarity.total_cmp(&b.similarity),
                        ItemSort::Newest | ItemSort::Oldest => a.created_at.cmp(&b.created_at),
                    };
                    expected.sort_by(|a, b| ascending(a, b).then(a.id.cmp(&b.id)));
                    if matches!(sort, ItemSort::Priority | ItemSort::Newest) {
                        expected.reverse();
                    }
                    let (mut seen, mut cursor) = (Vec::new(), None);
                    loop {
                        let page = store.list(&filter, sort, cursor.as_deref(), 7).await.expect("a page");
                        seen.extend(page.items.into_iter().map(|item| item.id));
                        let Some(next) = page.next else { break };
                        cursor = Some(next);
                    }
                    let expected: Vec<&str> = expected.iter().map(|item| item.id.as_str()).collect();
                    assert_eq!(seen, expected, "{sort}, {filter:?}");
                }
            }
        }
    }

    async fn ranges_give_the_same_items_however_many_lie_within(place) {
        // Up to 2,000 are gathered and sorted; more are met along the order of the list.
        const ITEMS: u32 = 2100;
        let store = &place.store;
        let items = fill(store, ITEMS).await;
        let similarity = |number: u32| f64::from(0.3 + 0.001 * number as f32);
        for (min, max) in [(0, ITEMS - 1), (1000, 1100)] {
            let filter = ItemFilter {
                class: Some("can".into()),
                min_similarity: Some(similarity(min)),
                max_similarity: Some(similarity(max)),
                ..ItemFilter::default()
            };
            let expected: Vec<_> =
                (min..=max).filter(|number| number % 3 == 0).map(|number| items[number as usize].clone()).collect();
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.list(&filter, ItemSort::Priority, cursor.as_deref(), 20).await.expect("a page");
                seen.extend(page.items.into_iter().map(|item| item.id));
                let Some(next) = page.next.filter(|_| seen.len() < 50) else { break };
                cursor = Some(next);
            }
            let count = expected.len().min(60);
            assert_eq!(seen[..count.min(seen.len())], expected[..count.min(seen.len())], "{min} to {max}");
            assert!(seen.len() >= expected.len().min(50), "{min} to {max}: {}", seen.len());
        }
    }

    async fn what_is_seen_again_becomes_more_urgent(place) {
        let store = &place.store;
        let items = fill(store, 3).await;
        store.enqueue(recognition("another photo"), vec![item(9)], vec![(items[2].clone(), 4)]).await.expect("queued");
        let page = store.list(&ItemFilter::default(), ItemSort::Priority, None, 10).await.expect("a page");
        assert_eq!(page.items[0].id, items[2]);
        assert_eq!(page.items[0].facings, 5);
        assert_eq!(page.items[0].candidates.len(), 2);
        assert_eq!(page.items[0].reasons, [Reason::Unknown, Reason::LowConfidence]);
    }

    async fn lists_and_claims_go_by_indexes(place) {
        let store = &place.store;
        fill(store, 3).await;
        if place.settings.database.expose().starts_with("sqlite") {
            for filter in [ItemFilter::default(), ItemFilter { reason: Some(Reason::Unknown), ..ItemFilter::default() }] {
                for sort in ItemSort::ALL {
                    let plan = store.explain_list(&filter, sort).await.expect("a plan").join("\n");
                    // What was gathered, by an index too, may be looked through.
                    let gathered = plan.contains("MATERIALIZE few");
                    assert!(gathered || !plan.contains("SCAN i"), "{sort}: {plan}");
                    assert!(plan.contains("COVERING INDEX"), "{sort}: {plan}");
                }
            }
            // What others have claimed is passed over within the index, and nothing is sorted.
            let plan = store.explain_claim().await.expect("a plan");
            assert_eq!(plan, ["SEARCH i USING COVERING INDEX items_claim (status=?)"]);
        }
    }
}
