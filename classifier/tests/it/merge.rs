//! Two SKUs become one: what moves, what goes, what is refused.

use classifier::gallery::{Gallery, GalleryError, IndexOptions, Merged, NewExemplar, snapshot};
use vision::{ExemplarId, Sha256, Sku, SkuId, SkuIndex as _};

use crate::support::{Random, random_gallery};

#[test]
fn exemplars_move_and_the_emptied_sku_goes() {
    let mut data = random_gallery(7, 8, 3, 12);
    let before = data.clone();
    data.seal();
    assert_eq!(data.merge(SkuId(3), SkuId(1)).unwrap(), Merged { moved: 4, repeated: 0 });
    assert_eq!(data.digest(), None, "it is other content");
    assert_eq!(data.skus().map(|sku| sku.id.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(data.embeddings(), before.embeddings());
    for (now, then) in data.exemplars().iter().zip(before.exemplars()) {
        let expected = if then.sku == SkuId(3) { SkuId(1) } else { then.sku };
        assert_eq!((now.id, now.sku, &now.origin, now.sha256), (then.id, expected, &then.origin, then.sha256));
    }
    assert_eq!(before.exemplars().iter().filter(|e| e.sku == SkuId(3)).count(), 4, "copies keep what they had");
    assert_eq!(data.add_sku("after", "After").unwrap(), SkuId(4), "the number is not used again");

    // Stored, read again, and seen by an index that follows.
    let folder = tempfile::tempdir().unwrap();
    snapshot::write(&mut data, folder.path()).unwrap();
    assert_eq!(snapshot::read(folder.path()).unwrap(), data);
    let query = vision::Embedding::normalized(before.embeddings().row(2).to_vec()).unwrap();
    let gallery = Gallery::new(before, &IndexOptions::default()).unwrap();
    let nearest = |gallery: &Gallery| gallery.search(std::slice::from_ref(&query), 1).unwrap()[0][0];
    assert_eq!((nearest(&gallery).exemplar, nearest(&gallery).sku), (ExemplarId(3), SkuId(3)));
    let after = gallery.follow(data, &IndexOptions::default()).unwrap();
    assert_eq!((nearest(&after).exemplar, nearest(&after).sku), (ExemplarId(3), SkuId(1)));
}

#[test]
fn an_image_under_both_stays_once() {
    let mut data = random_gallery(8, 8, 2, 6);
    let shared = data.exemplars()[0].clone();
    assert_eq!(shared.sku, SkuId(1));
    let mut random = Random::new(9);
    let mut again = |origin: &str, sha256: Sha256| NewExemplar {
        sku: SkuId(2),
        origin: origin.to_owned(),
        sha256,
        embedding: random.embedding(8),
    };
    let new = vec![again("copy.png", shared.sha256), again("other.png", Sha256::of(b"other"))];
    data.add(new).unwrap();
    assert_eq!(data.merge(SkuId(2), SkuId(1)).unwrap(), Merged { moved: 4, repeated: 1 });
    let ids: Vec<_> = data.exemplars().iter().map(|e| e.id.0).collect();
    assert_eq!((ids.as_slice(), data.embeddings().rows()), (&[1, 2, 3, 4, 5, 6, 8][..], 7));
    assert!(data.exemplars().iter().all(|e| e.sku == SkuId(1) && e.origin != "copy.png"));
}

#[test]
fn what_cannot_be_merged_is_left_as_it_was() {
    let mut data = random_gallery(10, 8, 2, 6);
    let none = Sku { id: SkuId::NOT_A_CONTAINER, code: "none".to_owned(), name: "None".to_owned() };
    data.insert_sku(none).unwrap();
    let before = data.clone();
    let mut error = |from, into| data.merge(SkuId(from), SkuId(into)).unwrap_err();
    assert!(matches!(error(1, 9), GalleryError::UnknownSku(SkuId(9))));
    assert!(matches!(error(9, 1), GalleryError::UnknownSku(SkuId(9))));
    assert!(matches!(error(1, 1), GalleryError::MergeIntoItself(SkuId(1))));
    assert!(error(1, 1).to_string().contains("into itself"));
    for (from, into) in [(0, 1), (1, 0)] {
        assert!(matches!(error(from, into), GalleryError::MergeOfNoSku), "negative exemplars are no product's");
    }
    assert_eq!(data, before);
    // One without exemplars has nothing to move and goes.
    let empty = data.add_sku("empty", "Empty").unwrap();
    assert_eq!(data.merge(empty, SkuId(1)).unwrap(), Merged { moved: 0, repeated: 0 });
    assert!(data.sku(empty).is_none());
}
