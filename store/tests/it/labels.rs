//! What labels do, and undo.

use store::label::CorrectedCrop;
use store::model::{ItemStatus, LabelKind, NewSku};
use store::{Answer, ClaimRequest, Key, SkuRef, StoreError};
use vision::{BBox, Sha256, SkuId};

use crate::shelf::{embedder, fill, gallery, says, sku};
use crate::test_store::on_each;

const ENROLLED: [(u64, u32); 3] = [(1, 1), (2, 1), (5, 2)];

fn with(more: &[(u64, u32)]) -> Vec<(u64, u32)> {
    [&ENROLLED[..], more].concat()
}

/// Everything could be written to a file without a name, and nothing would be left of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_removed_takes_no_labels() {
    let place = crate::test_store::TestStore::sqlite().await.expect("SQLite is always there");
    let store = &place.store;
    let items = fill(store, 2).await;
    let file = std::path::PathBuf::from(place.settings.database.expose().strip_prefix("sqlite:").expect("a file"));
    let aside = file.with_extension("aside");
    let label = || store.label(says("ann", &items[0], sku(1)), None);
    let gone = |result: Result<_, StoreError>| matches!(result, Err(StoreError::Unavailable { what: "database", .. }));
    std::fs::rename(&file, &aside).expect("moved");
    assert!(gone(label().await.map(drop)) && gone(store.ping().await), "it is not there");
    std::fs::copy(&aside, &file).expect("copied");
    assert!(gone(label().await.map(drop)), "it is another one");
    std::fs::rename(&aside, &file).expect("moved back");
    label().await.expect("it is the same again");
    std::fs::remove_file(&file).expect("removed");
    assert!(gone(store.undo("ann", None, None).await.map(drop)));
}

on_each! {
    async fn a_label_teaches_and_undo_takes_it_away(place) {
        let store = &place.store;
        let items = fill(store, 3).await;
        let label = store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled").remove(0);
        assert_eq!((label.kind, label.sku, label.undoes), (LabelKind::Sku, Some(SkuId(2)), None));
        assert_eq!(gallery(store).await, with(&[(6, 2)]));
        let item = store.item(&items[0]).await.expect("it is there");
        let verdict = item.verdict.expect("an answer");
        assert_eq!((item.status, verdict.sku, verdict.by.as_str()), (ItemStatus::Labelled, Some(SkuId(2)), "ann"));

        let undone = store.undo("ann", None, None).await.expect("undone");
        assert_eq!((undone.kind, undone.undoes), (LabelKind::Undo, Some(label.seq)));
        assert_eq!(gallery(store).await, ENROLLED);
        let item = store.item(&items[0]).await.expect("it is there");
        assert_eq!((item.status, item.verdict), (ItemStatus::Open, None));
        assert!(matches!(store.undo("ann", None, None).await, Err(StoreError::NothingToUndo { .. })));
        let labels = store.history(&items[0]).await.expect("history");
        assert_eq!(labels.iter().map(|l| l.kind).collect::<Vec<_>>(), [LabelKind::Sku, LabelKind::Undo]);
    }

    async fn every_kind_of_answer(place) {
        let store = &place.store;
        let items = fill(store, 6).await;
        let label = async |item: &str, answer: Answer| store.label(says("ann", item, answer), None).await.map(|mut l| l.remove(0));
        let new = |name: &str| Answer::NewSku(NewSku { name: name.to_owned(), brand: Some("ACME".into()), ..NewSku::default() });
        let made = label(&items[0], new("Ginger Ale")).await.expect("a new SKU");
        assert_eq!(made.sku, Some(SkuId(3)));
        let sku_3 = store.sku(SkuId(3)).await.expect("in the catalogue");
        assert_eq!((sku_3.code.as_str(), sku_3.brand.as_deref()), ("ginger_ale", Some("ACME")));
        // The same product, met by somebody else a moment later.
        assert_eq!(label(&items[1], new("ginger ale")).await.expect("the same").sku, Some(SkuId(3)));
        label(&items[2], Answer::NotAContainer).await.expect("a negative exemplar");
        label(&items[3], Answer::CannotTell).await.expect("nothing to learn");
        let bbox = BBox::new(0.0, 0.0, 50.0, 60.0);
        let crop = CorrectedCrop { image: Sha256::of(b"right"), bytes: 5, embedder: embedder(), embedding: vec![0.6, 0.8] };
        let wrong = Answer::WrongBox { bbox, sku: Some(SkuRef::Code("tea".into())), crop: Some(crop) };
        let boxed = label(&items[4], wrong).await.expect("a corrected box");
        assert_eq!((boxed.bbox, boxed.sku), (Some(bbox), Some(SkuId(2))));
        label(&items[5], Answer::Skip).await.expect("later");
        assert_eq!(gallery(store).await, with(&[(6, 3), (7, 3), (8, 0), (9, 2)]));
        let skipped = store.item(&items[5]).await.expect("it is there");
        assert_eq!((skipped.status, skipped.skips), (ItemStatus::Open, 1));
        let stats = store.stats().await.expect("statistics");
        assert_eq!((stats.open, stats.labelled, stats.labels_last_hour), (1, 5, 5));

        // Undo takes the new SKU away only once nobody needs it.
        store.undo("ann", Some(&items[1]), None).await.expect("undone");
        assert!(store.sku(SkuId(3)).await.is_ok_and(|sku| sku.status.as_str() == "active"));
        store.undo("ann", Some(&items[0]), None).await.expect("undone");
        assert!(store.sku(SkuId(3)).await.is_ok_and(|sku| sku.status.as_str() == "retired"));
        assert!(matches!(label(&items[0], sku(3)).await, Err(StoreError::NotFound { what: "SKU", .. })));
    }

    async fn what_cannot_be_is_refused(place) {
        let store = &place.store;
        let items = fill(store, 2).await;
        let label = async |item: &str, answer: Answer| store.label(says("ann", item, answer), None).await;
        assert!(matches!(label("nowhere", sku(1)).await, Err(StoreError::NotFound { what: "item", .. })));
        assert!(matches!(label(&items[0], sku(99)).await, Err(StoreError::NotFound { what: "SKU", .. })));
        assert!(matches!(label(&items[0], sku(0)).await, Err(StoreError::NotFound { what: "SKU", .. })));
        for b in [(0.0, 0.0, 1001.0, 10.0), (-1.0, 0.0, 5.0, 5.0), (5.0, 5.0, 5.0, 9.0), (f32::NAN, 0.0, 5.0, 5.0)] {
            let answer = Answer::WrongBox { bbox: BBox::new(b.0, b.1, b.2, b.3), sku: None, crop: None };
            assert!(matches!(label(&items[0], answer).await, Err(StoreError::Invalid { field: "box", .. })), "{b:?}");
        }
        let named = |name: &str, code: &str| {
            Answer::NewSku(NewSku { name: name.to_owned(), code: Some(code.to_owned()), ..NewSku::default() })
        };
        assert!(matches!(label(&items[0], named("Other", "cola")).await, Err(StoreError::CodeTaken { .. })));
        assert!(matches!(label(&items[0], named("Other", "a/b")).await, Err(StoreError::Invalid { .. })));
        assert!(matches!(label(&items[0], named("", "c")).await, Err(StoreError::Invalid { .. })));
        for reviewer in ["", " ann", "a\nb", &"x".repeat(65)] {
            let refused = store.label(says(reviewer, &items[0], sku(1)), None).await;
            assert!(matches!(refused, Err(StoreError::Invalid { field: "reviewer", .. })), "{reviewer:?}");
        }
        assert!(store.comment(&items[0], "ann", &"x".repeat(2001), None).await.is_err());
        assert!(store.comment("nowhere", "ann", "hello", None).await.is_err());
        label(&items[0], sku(1)).await.expect("once");
        assert!(matches!(label(&items[0], sku(1)).await, Err(StoreError::AlreadyLabelled { .. })));
        // Nothing of all that left a trace.
        assert_eq!(gallery(store).await, with(&[(6, 1)]));
        assert_eq!(store.history(&items[0]).await.expect("history").len(), 1);
    }

    async fn disagreement_goes_to_a_third_person(place) {
        let store = &place.store;
        let items = fill(store, 2).await;
        let label = async |who: &str, answer: Answer| store.label(says(who, &items[0], answer), None).await;
        label("ann", sku(1)).await.expect("first");
        label("bob", sku(1)).await.expect("agrees");
        assert_eq!(store.item(&items[0]).await.expect("there").agreements, 1);
        label("cem", sku(2)).await.expect("disagrees");
        let item = store.item(&items[0]).await.expect("there");
        assert_eq!((item.status, item.verdict), (ItemStatus::Conflict, None));
        assert_eq!(gallery(store).await, ENROLLED, "nobody knows, so nothing is taught");
        assert!(matches!(label("ann", sku(1)).await, Err(StoreError::SecondLook { .. })));
        let claim = async |who: &str| {
            let request = ClaimRequest { reviewer: who.into(), count: 1, lease: std::time::Duration::from_secs(60), key: None };
            store.claim(request).await.expect("claimed").remove(0).id
        };
        assert_eq!(claim("bob").await, items[1], "not the one bob has labelled");
        assert_eq!(claim("dee").await, items[0], "second looks come first");
        label("dee", sku(2)).await.expect("decides");
        let item = store.item(&items[0]).await.expect("there");
        assert_eq!(item.verdict.expect("settled").sku, Some(SkuId(2)));
        assert_eq!(gallery(store).await, with(&[(7, 2)]));
        // Undone, the conflict is back, and then the first answers.
        store.undo("dee", Some(&items[0]), None).await.expect("undone");
        assert_eq!(store.item(&items[0]).await.expect("there").status, ItemStatus::Conflict);
        store.undo("cem", Some(&items[0]), None).await.expect("undone");
        let item = store.item(&items[0]).await.expect("there");
        assert_eq!((item.status, item.agreements), (ItemStatus::Labelled, 1));
        assert_eq!(gallery(store).await, with(&[(6, 1)]), "under its old number");
        assert_eq!(store.stats().await.expect("statistics").disagreed, 1);
        assert_eq!(store.check().await.expect("checked"), [""; 0]);
    }

    async fn a_correction_replaces_and_its_undo_restores(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        store.label(says("ann", &items[0], sku(1)), None).await.expect("first");
        store.label(says("ann", &items[0], sku(2)), None).await.expect("on second thoughts");
        assert_eq!(gallery(store).await, with(&[(7, 2)]));
        store.undo("ann", None, None).await.expect("undone");
        assert_eq!(gallery(store).await, with(&[(6, 1)]));
        assert_eq!(store.item(&items[0]).await.expect("there").verdict.expect("an answer").sku, Some(SkuId(1)));
        store.undo("ann", None, None).await.expect("undone");
        assert_eq!(gallery(store).await, ENROLLED);
    }

    async fn sent_twice_it_is_done_once(place) {
        let store = &place.store;
        let items = fill(store, 3).await;
        let key = |name: &str, request: &str| Some(Key::new(name, request).expect("a key"));
        let first = store.label(says("ann", &items[0], sku(1)), key("k1", "label a")).await.expect("labelled");
        let again = store.label(says("ann", &items[0], sku(1)), key("k1", "label a")).await.expect("the same");
        assert_eq!(first, again);
        let other = store.label(says("ann", &items[1], sku(1)), key("k1", "label b")).await;
        assert!(matches!(other, Err(StoreError::KeyReused { .. })));
        assert_eq!(gallery(store).await, with(&[(6, 1)]));
        // A refused request leaves its key free.
        assert!(store.label(says("ann", "nowhere", sku(1)), key("k2", "label c")).await.is_err());
        store.label(says("ann", &items[1], sku(1)), key("k2", "label d")).await.expect("labelled");
        let undone = store.undo("ann", None, key("k3", "undo")).await.expect("undone");
        assert_eq!(store.undo("ann", None, key("k3", "undo")).await.expect("the same"), undone);
        assert_eq!(gallery(store).await, with(&[(6, 1)]));
        let said = store.comment(&items[0], "ann", "blurred", key("k4", "comment")).await.expect("said");
        assert_eq!(store.comment(&items[0], "ann", "blurred", key("k4", "comment")).await.expect("the same"), said);
        assert_eq!(store.comments(&items[0], None).await.expect("comments").comments.len(), 1);
        let claim = || ClaimRequest { reviewer: "bob".into(), count: 1, lease: std::time::Duration::from_secs(60), key: key("k5", "claim") };
        let mine = store.claim(claim()).await.expect("claimed");
        assert_eq!(store.claim(claim()).await.expect("the same")[0].id, mine[0].id);
    }

    async fn a_cluster_is_labelled_whole_or_not_at_all(place) {
        let store = &place.store;
        let items = fill(store, 4).await;
        let all = |ids: &[String]| ids.iter().flat_map(|id| says("ann", id, sku(2))).collect::<Vec<_>>();
        let mut broken = all(&items);
        broken[3].item = "nowhere".to_owned();
        assert!(store.label(broken, None).await.is_err());
        assert_eq!(gallery(store).await, ENROLLED);
        assert_eq!(store.label(all(&items), None).await.expect("labelled").len(), 4);
        assert_eq!(gallery(store).await, with(&[(6, 2), (7, 2), (8, 2), (9, 2)]));
    }

    async fn after_a_restart_everything_is_as_it_was(place) {
        let store = &place.store;
        let items = fill(store, 3).await;
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled");
        store.label(says("ann", &items[1], Answer::NotAContainer), None).await.expect("labelled");
        let before = store.changes_since(0, embedder()).await.expect("the gallery");
        store.close().await;
        let store = place.again().await;
        // The folder is read at every start; nothing in it is new.
        store.adopt(crate::shelf::enrolled()).await.expect("adopted again");
        let after = store.changes_since(0, embedder()).await.expect("the gallery");
        assert_eq!(before.exemplars, after.exemplars);
        assert_eq!(before.skus, after.skus);
        let seen = store.changes_since(before.change, embedder()).await.expect("what is new");
        assert!(seen.exemplars.is_empty() && seen.skus.is_empty(), "{seen:?}");
    }
}
