//! SKUs, and the gallery's folder taken over.

use vision::{ExemplarId, SkuId};

use crate::shelf::{embedder, enrolled, fill, gallery, says, sku};
use crate::test_store::on_each;

/// The exemplars of a folder that was rebuilt from the store.
async fn rebuilt(store: &store::Store, embedder: vision::Sha256) -> Vec<store::exemplars::EnrolledExemplar> {
    let changes = store.changes_since(0, embedder).await.expect("the gallery");
    let active = changes.exemplars.into_iter().filter(|e| e.active);
    active
        .map(|e| store::exemplars::EnrolledExemplar {
            id: e.id,
            sku: e.sku,
            origin: e.origin,
            image: e.image,
            embedding: e.embedding,
        })
        .collect()
}

on_each! {
    async fn the_catalogue_is_searched_as_people_type(place) {
        let store = &place.store;
        fill(store, 1).await;
        let find = async |text: &str| {
            store.search_skus(text, 10).await.expect("found").into_iter().map(|sku| sku.id.0).collect::<Vec<_>>()
        };
        assert_eq!(find("TEA").await, [2]);
        assert_eq!(find("").await, [1, 2]);
        assert_eq!(find("%").await, [0_u32; 0]);
        assert_eq!(find("_").await, [0_u32; 0]);
        assert_eq!(find("x' OR '1'='1").await, [0_u32; 0]);
    }

    async fn a_changed_folder_is_followed_and_labels_stay(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled");
        assert_eq!(gallery(store).await, [(1, 1), (2, 1), (5, 2), (6, 2)]);
        let mut folder = enrolled();
        // One image left, one came under a number that a label has meanwhile, and a SKU was renamed.
        folder.exemplars.remove(1);
        folder.exemplars.push(store::exemplars::EnrolledExemplar {
            id: ExemplarId(6),
            sku: SkuId(1),
            origin: "cola/new.jpg".into(),
            image: vision::Sha256::of(b"new"),
            embedding: vec![0.8, -0.6],
        });
        folder.skus[0].name = "Cola Classic".into();
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(gallery(store).await, [(1, 1), (5, 2), (6, 2), (7, 1)]);
        assert_eq!(store.sku(SkuId(1)).await.expect("there").name, "Cola Classic");
        store.adopt(folder).await.expect("adopted again");
        assert_eq!(gallery(store).await, [(1, 1), (5, 2), (6, 2), (7, 1)]);
        // An image that enrolling put among the objects is shown.
        store.objects().put("new".into()).await.expect("written");
        let mut folder = enrolled();
        folder.exemplars.truncate(1);
        folder.exemplars[0].image = vision::Sha256::of(b"new");
        store.adopt(folder).await.expect("adopted");
        assert_eq!(store.exemplar_images(&[SkuId(1)], 3).await.expect("images").len(), 1);
    }

    async fn images_that_are_not_there_are_shown_by_their_thumbnails(place) {
        let store = &place.store;
        store.adopt(enrolled()).await.expect("adopted");
        let unseen = store.unseen_images().await.expect("images");
        assert_eq!(store.exemplar_images(&[SkuId(1), SkuId(2)], 3).await.expect("none"), []);
        let taken: Vec<_> = unseen.iter().map(|image| (*image, image.to_string().into())).collect();
        store.take_thumbnails(taken.clone()).await.expect("taken");
        assert!(store.unseen_images().await.expect("images").is_empty());
        let shown = store.exemplar_images(&[SkuId(1), SkuId(2)], 3).await.expect("images");
        assert_eq!(shown.len(), enrolled().exemplars.len());
        for (_, image) in &shown {
            let bytes = store.objects().get(*image).await.expect("it is there");
            assert!(unseen.iter().any(|image| image.to_string().as_bytes() == &bytes[..]));
        }
        // Taken over again nothing changes, and a sweep leaves them.
        store.take_thumbnails(taken).await.expect("taken again");
        let all = store::retention::Retention { max_age: None, max_bytes: None, grace: std::time::Duration::ZERO };
        store.forget(&all).await.expect("tidied");
        assert_eq!(store.exemplar_images(&[SkuId(1), SkuId(2)], 3).await.expect("images"), shown);
        assert!(store.objects().get(shown[0].1).await.is_ok());
    }

    async fn labels_go_along_to_another_embedder(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled");
        let old = gallery(store).await;
        assert_eq!(old, [(1, 1), (2, 1), (5, 2), (6, 2)]);
        // The folder was rebuilt from this store, and embedded again by the next embedder.
        let changes = store.changes_since(0, embedder()).await.expect("the gallery");
        let label = changes.exemplars.iter().find(|e| e.id == ExemplarId(6)).expect("the label's");
        let mut folder = enrolled();
        folder.exemplars.push(store::exemplars::EnrolledExemplar {
            id: label.id,
            sku: label.sku,
            origin: label.origin.clone(),
            image: label.image,
            embedding: vec![0.6, 0.8],
        });
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(gallery(store).await, old, "of the same embedder, the label stands for it");
        let next = vision::Sha256::of(b"the next embedder");
        folder.embedder = next;
        let skus = async || {
            let changes = store.changes_since(0, next).await.expect("the gallery");
            changes.exemplars.iter().filter(|e| e.active).map(|e| e.sku.0).collect::<Vec<_>>()
        };
        for _ in 0..2 {
            store.adopt(folder.clone()).await.expect("adopted");
            assert_eq!(skus().await, [1, 1, 2, 2]);
        }
        assert_eq!(gallery(store).await, old);
        // The folder is rebuilt once more: it has the numbers of here now, and keeps them.
        let numbers = async || {
            let changes = store.changes_since(0, next).await.expect("the gallery");
            changes.exemplars.into_iter().filter(|e| e.active).map(|e| (e.id, e.sku.0)).collect::<Vec<_>>()
        };
        let before = numbers().await;
        folder.exemplars = rebuilt(store, next).await;
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(numbers().await, before);
        store.undo("ann", None, None).await.expect("undone");
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(skus().await, [1, 1, 2], "what was taken back goes");
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(skus().await, [1, 1, 2], "and does not come back");
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled anew");
        store.adopt(folder).await.expect("adopted");
        assert_eq!(skus().await, [1, 1, 2, 2], "until it is said again");
    }

    async fn labels_count_under_the_next_embedder_too(place) {
        let store = &place.store;
        let items = fill(store, 4).await;
        for item in &items[..3] {
            store.label(says("ann", item, sku(2)), None).await.expect("labelled");
        }
        store.label(says("ann", &items[3], store::Answer::NotAContainer), None).await.expect("labelled");
        let next = vision::Sha256::of(b"the next embedder");
        let to_embed = async |after: u64, limit: u32| {
            let found = store.labels_of_other_embedders(next, 0, ExemplarId(after), limit).await.expect("found");
            found.into_iter().map(|label| label.id).collect::<Vec<_>>()
        };
        let first = to_embed(0, 3).await;
        assert_eq!(first.len(), 3);
        let rest = to_embed(first[2].0, 3).await;
        assert_eq!(rest.len(), 1);
        // Taken back between the look and the answer.
        store.undo("ann", Some(&items[1]), None).await.expect("undone");
        let embedded = first.iter().chain(&rest).map(|id| (*id, vec![0.6, 0.8])).collect::<Vec<_>>();
        for _ in 0..2 {
            store.add_reembedded(next, embedded.clone()).await.expect("taught");
            let changes = store.changes_since(0, next).await.expect("the gallery");
            let skus: Vec<_> = changes.exemplars.iter().filter(|e| e.active).map(|e| e.sku.0).collect();
            assert_eq!(skus, [2, 2, SkuId::NOT_A_CONTAINER.0], "once each, and nothing that was taken back");
        }
        assert_eq!(to_embed(0, 9).await, []);
        assert_eq!(to_embed(0, 0).await, []);
        store.undo("ann", Some(&items[0]), None).await.expect("undone");
        let changes = store.changes_since(0, next).await.expect("the gallery");
        assert_eq!(changes.exemplars.iter().filter(|e| e.active).count(), 2, "it leaves both galleries");
        assert_eq!(store.check().await.expect("checked"), [""; 0]);
    }

    async fn a_sku_that_left_the_folder_leaves_unless_something_stands_for_it(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        let active = async || {
            store.search_skus("", 10).await.expect("found").into_iter().map(|sku| sku.id.0).collect::<Vec<_>>()
        };
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled");
        let mut folder = enrolled();
        folder.skus.pop();
        folder.exemplars.pop();
        store.adopt(folder.clone()).await.expect("adopted");
        assert_eq!(active().await, [1, 2], "a person has named it");
        store.undo("ann", None, None).await.expect("undone");
        let before = store.last_change().await.expect("a number");
        store.adopt(folder).await.expect("adopted");
        assert_eq!(active().await, [1]);
        let changes = store.changes_since(before, embedder()).await.expect("the gallery");
        assert_eq!(changes.active_skus().count(), 0);
        assert_eq!(changes.skus.iter().map(|sku| sku.id).collect::<Vec<_>>(), [SkuId(2)], "servers are told");
        store.adopt(enrolled()).await.expect("adopted");
        assert_eq!(active().await, [1, 2], "enrolled again, it is there again");
    }

    async fn exemplars_are_counted_by_where_they_come_from(place) {
        let store = &place.store;
        let items = fill(store, 1).await;
        store.label(says("ann", &items[0], sku(2)), None).await.expect("labelled");
        let counts = store.exemplar_counts(embedder()).await.expect("counts");
        assert_eq!(counts, [(SkuId(1), 2, 0), (SkuId(2), 1, 1)]);
        assert_eq!(store.exemplar_images(&[SkuId(1), SkuId(2)], 3).await.expect("images").len(), 1);
    }
}
