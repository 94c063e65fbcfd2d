//! Search: the exact index against brute force in double precision, FAISS against the exact index.

use classifier::gallery::{Gallery, GalleryData, IndexKind, IndexOptions, NewExemplar};
use proptest::prelude::*;
use vision::{Embedding, ModelError, Neighbor, SkuIndex};

use crate::support::{Random, gallery_of, random_gallery};

const TOLERANCE: f32 = 1e-5;

fn with(kind: IndexKind) -> IndexOptions {
    IndexOptions { kind, ..IndexOptions::default() }
}

fn search(data: &GalleryData, options: &IndexOptions, queries: &[Embedding], k: usize) -> Vec<Vec<Neighbor>> {
    Gallery::new(data.clone(), options).unwrap().search(queries, k).unwrap()
}

/// Similarities in double precision, by row.
fn exact(data: &GalleryData, query: &Embedding) -> Vec<f64> {
    let dot = |row| {
        let pairs = data.embeddings().row(row).iter().zip(query.as_slice());
        pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    (0..data.exemplars().len()).map(dot).collect()
}

fn check_against_double_precision(data: &GalleryData, queries: &[Embedding], k: usize) {
    for (query, found) in queries.iter().zip(search(data, &with(IndexKind::Flat), queries, k)) {
        let truth = exact(data, query);
        assert_eq!(found.len(), k.min(truth.len()));
        let mut sorted = truth.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for (neighbor, best) in found.iter().zip(sorted) {
            let row = data.row_of(neighbor.exemplar).unwrap();
            assert_eq!(data.exemplars()[row].sku, neighbor.sku);
            assert!((f64::from(neighbor.similarity) - truth[row]).abs() < f64::from(TOLERANCE));
            assert!((truth[row] - best).abs() < f64::from(TOLERANCE), "a nearer exemplar was missed");
        }
    }
}

/// Galleries that are hard on ties: all different, few distinct vectors many times over, all equal.
fn galleries(seed: u64, dimension: usize, exemplars: usize) -> [GalleryData; 3] {
    let mut random = Random::new(seed);
    let distinct: Vec<Embedding> = (0..7).map(|_| random.embedding(dimension)).collect();
    let repeated: Vec<_> =
        (0..exemplars).map(|at| (at as u32 % 5 + 1, distinct[random.below(distinct.len())].clone())).collect();
    let equal: Vec<_> = (0..exemplars).map(|at| (at as u32 % 5 + 1, distinct[0].clone())).collect();
    [random_gallery(seed, dimension, 5, exemplars), gallery_of(dimension, &repeated), gallery_of(dimension, &equal)]
}

fn queries(data: &GalleryData, seed: u64, count: usize) -> Vec<Embedding> {
    let mut random = Random::new(seed ^ 0xabcd);
    let dimension = data.embeddings().columns();
    (0..count)
        .map(|at| match at % 2 {
            // Half of the queries are enrolled images themselves.
            0 => Embedding::normalized(data.embeddings().row(random.below(data.exemplars().len())).to_vec()).unwrap(),
            _ => random.embedding(dimension),
        })
        .collect()
}

#[test]
fn the_exact_index_agrees_with_double_precision() {
    for (dimension, exemplars) in [(1, 3), (17, 40), (512, 300), (1280, 77)] {
        for data in galleries(1, dimension, exemplars) {
            for (count, k) in [(1, 1), (3, 5), (9, 40), (2, 1000)] {
                check_against_double_precision(&data, &queries(&data, 2, count), k);
            }
        }
    }
}

#[test]
fn the_parallel_path_gives_the_same_answer() {
    // 60 queries are above the limit from which work is spread, one is below it.
    for data in galleries(3, 128, 3000) {
        let queries = queries(&data, 4, 60);
        let together = search(&data, &with(IndexKind::Flat), &queries, 12);
        for (query, found) in queries.iter().zip(together) {
            let alone = search(&data, &with(IndexKind::Flat), std::slice::from_ref(query), 12);
            assert_eq!(alone, [found]);
        }
    }
}

#[test]
fn ties_are_broken_by_exemplar() {
    let [_, _, equal] = galleries(5, 64, 500);
    for kind in [IndexKind::Flat, IndexKind::Auto] {
        let found = search(&equal, &with(kind), &queries(&equal, 6, 3), 20);
        for neighbors in found {
            let ids: Vec<u64> = neighbors.iter().map(|n| n.exemplar.0).collect();
            assert_eq!(ids, (1..=20).collect::<Vec<_>>(), "{kind:?}");
        }
    }
}

#[cfg(feature = "faiss")]
#[test]
fn faiss_and_the_exact_index_find_the_same_neighbours() {
    for (dimension, exemplars) in [(16, 60), (512, 2000), (1280, 500)] {
        for data in galleries(7, dimension, exemplars) {
            // From one query (vector by vector inside FAISS) to many (matrix products).
            for (count, k) in [(1, 1), (1, 10), (5, 5), (60, 10), (30, 150)] {
                let queries = queries(&data, 8, count);
                let flat = search(&data, &with(IndexKind::Flat), &queries, k);
                let faiss = search(&data, &with(IndexKind::Faiss), &queries, k);
                assert_same(&flat, &faiss);
            }
        }
    }
}

#[cfg(feature = "faiss")]
#[test]
fn faiss_agrees_at_its_own_threshold_too() {
    use classifier::gallery::faiss::{blas_threshold, set_blas_threshold};
    let data = random_gallery(9, 256, 5, 1000);
    let queries = queries(&data, 10, 60);
    let flat = search(&data, &with(IndexKind::Flat), &queries, 10);
    let tuned = blas_threshold();
    assert!(tuned < 20, "FAISS starts with 20");
    for threshold in [1, 20, 1000] {
        set_blas_threshold(threshold);
        assert_eq!(blas_threshold(), threshold);
        assert_same(&flat, &search(&data, &with(IndexKind::Faiss), &queries, 10));
    }
    set_blas_threshold(tuned);
}

#[cfg(feature = "faiss")]
fn assert_same(flat: &[Vec<Neighbor>], faiss: &[Vec<Neighbor>]) {
    assert_eq!(flat.len(), faiss.len());
    for (a, b) in flat.iter().zip(faiss) {
        let ids = |neighbors: &[Neighbor]| neighbors.iter().map(|n| n.exemplar).collect::<Vec<_>>();
        assert_eq!(ids(a), ids(b));
        for (a, b) in a.iter().zip(b) {
            assert!((a.similarity - b.similarity).abs() <= TOLERANCE);
            assert_eq!(a.sku, b.sku);
        }
    }
}

#[cfg(feature = "faiss")]
#[test]
fn inverted_lists_reach_the_recall_asked_for() {
    // Clusters, as real galleries have: 300 SKUs of about 20 exemplars.
    let mut random = Random::new(11);
    let centers: Vec<Embedding> = (0..300).map(|_| random.embedding(64)).collect();
    let exemplars: Vec<_> = (0..6000).map(|at| (at as u32 % 300 + 1, random.near(&centers[at % 300], 0.5))).collect();
    let data = gallery_of(64, &exemplars);
    let options = IndexOptions { kind: IndexKind::Faiss, ivf_above: 5000, ivf_recall: 0.95 };
    let gallery = Gallery::new(data.clone(), &options).unwrap();
    assert!(gallery.describe().contains("IVF"), "{}", gallery.describe());

    let queries: Vec<Embedding> = (0..100).map(|at| random.near(&centers[at], 0.5)).collect();
    let truth = search(&data, &with(IndexKind::Flat), &queries, 10);
    let found = gallery.search(&queries, 10).unwrap();
    let hits: usize = truth
        .iter()
        .zip(&found)
        .map(|(truth, found)| truth.iter().filter(|t| found.iter().any(|f| f.exemplar == t.exemplar)).count())
        .sum();
    let recall = hits as f32 / 1000.0;
    assert!(recall >= 0.9, "recall {recall} with {}", gallery.describe());
    for neighbors in found {
        assert!(neighbors.is_sorted_by(|a, b| a.similarity >= b.similarity));
    }
    // Everything asked for: probing all lists is exact.
    let all = IndexOptions { ivf_recall: f32::INFINITY, ..options };
    assert_same(&truth, &search(&data, &all, &queries, 10));
}

#[cfg(not(feature = "faiss"))]
#[test]
fn a_build_without_faiss_says_so() {
    let data = random_gallery(1, 4, 1, 3);
    let error = Gallery::new(data.clone(), &with(IndexKind::Faiss)).err().expect("FAISS is not there").to_string();
    assert!(error.contains("without FAISS") && error.contains("flat"), "{error}");
    assert!(Gallery::new(data, &with(IndexKind::Auto)).unwrap().describe().contains("flat"));
}

#[test]
fn edges_are_answered() {
    for kind in [IndexKind::Flat, IndexKind::Auto] {
        let empty = Gallery::new(gallery_of(8, &[]), &with(kind)).unwrap();
        let query = Random::new(1).embedding(8);
        assert!(empty.is_empty());
        assert_eq!(empty.search(&[query.clone(), query.clone()], 5).unwrap(), [vec![], vec![]]);
        let gallery = Gallery::new(random_gallery(1, 8, 2, 9), &with(kind)).unwrap();
        assert_eq!(gallery.len(), 9);
        assert_eq!(gallery.search(&[], 5).unwrap(), Vec::<Vec<Neighbor>>::new());
        assert_eq!(gallery.search(std::slice::from_ref(&query), 0).unwrap(), [vec![]]);
        assert_eq!(gallery.search(&[query], usize::MAX).unwrap()[0].len(), 9);
        let error = gallery.search(&[Random::new(1).embedding(9)], 5).unwrap_err();
        assert!(matches!(error, ModelError::Dimension { expected: 8, found: 9 }));
    }
}

#[test]
fn many_threads_search_at_once() {
    let data = random_gallery(12, 128, 5, 800);
    for kind in [IndexKind::Flat, IndexKind::Auto] {
        let gallery = Gallery::new(data.clone(), &with(kind)).unwrap();
        let queries = queries(&data, 13, 24);
        let expected = gallery.search(&queries, 7).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        assert_eq!(gallery.search(&queries, 7).unwrap(), expected);
                    }
                });
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn answers_are_sorted_bounded_and_distinct(
        seed: u64, dimension in 1_usize..70, exemplars in 1_usize..120, k in 0_usize..130, repeated: bool,
    ) {
        let data = galleries(seed, dimension, exemplars).into_iter().nth(usize::from(repeated)).unwrap();
        let queries = queries(&data, seed, 5);
        for kind in [IndexKind::Flat, IndexKind::Auto] {
            for neighbors in search(&data, &with(kind), &queries, k) {
                prop_assert_eq!(neighbors.len(), k.min(exemplars));
                let ranked = |a: &Neighbor, b: &Neighbor| {
                    a.similarity > b.similarity || (a.similarity == b.similarity && a.exemplar < b.exemplar)
                };
                prop_assert!(neighbors.is_sorted_by(ranked), "{:?}", neighbors);
                prop_assert!(neighbors.iter().all(|n| (-1.0..=1.0).contains(&n.similarity)));
            }
        }
    }

    #[test]
    fn the_order_of_enrolment_changes_only_numbers(seed: u64, exemplars in 1_usize..60) {
        let mut random = Random::new(seed);
        let mut all: Vec<_> = (0..exemplars).map(|at| (at as u32 % 4 + 1, random.embedding(33))).collect();
        let queries: Vec<_> = (0..3).map(|_| random.embedding(33)).collect();
        let similarities = |all: &[(u32, Embedding)]| -> Vec<Vec<(u32, u32)>> {
            let found = search(&gallery_of(33, all), &with(IndexKind::Flat), &queries, 10);
            found.iter().map(|n| n.iter().map(|n| (n.similarity.to_bits(), n.sku.0)).collect()).collect()
        };
        let before = similarities(&all);
        for at in (1..all.len()).rev() {
            all.swap(at, random.below(at + 1));
        }
        prop_assert_eq!(before, similarities(&all));
    }
}

#[test]
fn an_index_that_follows_edits_finds_what_one_built_anew_finds() {
    for kind in [IndexKind::Flat, IndexKind::Auto] {
        for mut data in galleries(11, 24, 2300) {
            let options = with(kind);
            let mut gallery = Gallery::new(data.clone(), &options).unwrap();
            let mut random = Random::new(12);
            // Few edits, then so many that FAISS is given everything anew.
            for edits in [1, 3, 40, 900, 2] {
                for _ in 0..edits {
                    let known = data.exemplars().len();
                    if random.below(3) == 0 {
                        let id = data.exemplars()[random.below(known)].id;
                        data.remove_exemplar(id).unwrap();
                    } else {
                        // Half of them twins of what is there: ties must go to the older one.
                        let twin = Embedding::normalized(data.embeddings().row(random.below(known)).to_vec()).unwrap();
                        let embedding = if random.below(2) == 0 { twin } else { random.embedding(24) };
                        let sku = data.skus().next().unwrap().id;
                        let exemplar =
                            NewExemplar { sku, origin: String::new(), sha256: vision::Sha256::of(b""), embedding };
                        data.add(vec![exemplar]).unwrap();
                    }
                }
                gallery = gallery.follow(data.clone(), &options).unwrap();
                let queries = queries(&data, edits as u64, 20);
                let found = gallery.search(&queries, 7).unwrap();
                assert_eq!(found, search(&data, &with(IndexKind::Flat), &queries, 7), "{kind:?}, {edits} edits");
            }
        }
    }
}

#[test]
fn an_empty_gallery_is_followed_by_its_first_exemplars() {
    for kind in [IndexKind::Flat, IndexKind::Auto] {
        let mut data = gallery_of(8, &[]);
        let sku = data.add_sku("sku_001_first", "First").unwrap();
        let mut gallery = Gallery::new(data.clone(), &with(kind)).unwrap();
        let mut random = Random::new(3);
        for count in 1..=3 {
            let embedding = random.embedding(8);
            let sha256 = vision::Sha256::of(b"");
            data.add(vec![NewExemplar { sku, origin: String::new(), sha256, embedding: embedding.clone() }]).unwrap();
            gallery = gallery.follow(data.clone(), &with(kind)).unwrap();
            let found = gallery.search(&[embedding], 5).unwrap();
            assert_eq!((found[0].len(), found[0][0].exemplar.0), (count, count as u64), "{kind:?}");
        }
        // And all of them away again.
        while let Some(last) = data.exemplars().last() {
            data.remove_exemplar(last.id).unwrap();
            gallery = gallery.follow(data.clone(), &with(kind)).unwrap();
            let found = gallery.search(&[random.embedding(8)], 5).unwrap();
            assert_eq!(found[0].len(), data.exemplars().len(), "{kind:?}");
        }
    }
}
