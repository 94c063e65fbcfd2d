//! Exact search by comparing with every row: the reference, and the index of a build without FAISS.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::kernel::dot_products;
use super::matrix::Matrix;

/// A row near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// Row of the matrix.
    pub(crate) row: usize,
    /// Cosine similarity in `-1..=1`.
    pub(crate) similarity: f32,
}

/// Rows compared at a time stay in the second-level cache while all queries pass over them.
const BLOCK_BYTES: usize = 128 << 10;

/// Multiply-adds below which waking other threads costs more than it saves (about half a millisecond of work).
const PARALLEL_FROM: usize = 1 << 24;

/// The `k` rows with the largest dot product of each query (rows of `queries`), best first, ties by row.
pub(crate) fn search(rows: &Matrix, queries: &Matrix, k: usize) -> Vec<Vec<Hit>> {
    assert_eq!(rows.columns(), queries.columns(), "one dimension");
    let (row_count, query_count) = (rows.rows(), queries.rows());
    let k = k.min(row_count);
    if k == 0 || query_count == 0 {
        return vec![Vec::new(); query_count];
    }
    let work = row_count.saturating_mul(rows.columns()).saturating_mul(query_count);
    let parts = if work < PARALLEL_FROM { 1 } else { rayon::current_num_threads().max(1) };
    if parts == 1 {
        return search_part(rows, 0..row_count, queries, k).into_iter().map(TopK::into_hits).collect();
    }
    let length = row_count.div_ceil(parts);
    let found: Vec<Vec<TopK>> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let start = (part * length).min(row_count);
            search_part(rows, start..(start + length).min(row_count), queries, k)
        })
        .collect();
    found
        .into_iter()
        .reduce(|mut merged, part| {
            for (all, some) in merged.iter_mut().zip(part) {
                for worst_first in some.heap {
                    all.offer(worst_first.0);
                }
            }
            merged
        })
        .map(|merged| merged.into_iter().map(TopK::into_hits).collect())
        .unwrap_or_default()
}

fn search_part(rows: &Matrix, range: std::ops::Range<usize>, queries: &Matrix, k: usize) -> Vec<TopK> {
    let columns = rows.columns();
    let block = (BLOCK_BYTES / (columns * size_of::<f32>())).max(8);
    let query_count = queries.rows();
    let mut best: Vec<TopK> = (0..query_count).map(|_| TopK::new(k)).collect();
    let mut scores = vec![0.0; block.min(range.len()) * query_count];
    let mut start = range.start;
    while start < range.end {
        let end = (start + block).min(range.end);
        let scores = &mut scores[..(end - start) * query_count];
        dot_products(queries.values(), &rows.values()[start * columns..end * columns], columns, scores);
        for (best, scores) in best.iter_mut().zip(scores.chunks_exact(end - start)) {
            best.offer_all(start, scores);
        }
        start = end;
    }
    best
}

/// Rounding may carry the product of two unit vectors a few ulps past one. Adding zero turns -0 into 0, which are equal
/// to people and must tie.
pub(crate) fn clamp_similarity(dot: f32) -> f32 {
    dot.clamp(-1.0, 1.0) + 0.0
}

/// Best first; ties by row.
pub(crate) fn by_rank(a: &Hit, b: &Hit) -> Ordering {
    b.similarity.total_cmp(&a.similarity).then(a.row.cmp(&b.row))
}

/// Keeps the best `k` of what it is offered.
struct TopK {
    k: usize,
    heap: BinaryHeap<Ranked>,
}

/// Orders a heap so that its top is the worst hit.
struct Ranked(Hit);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        by_rank(&self.0, &other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl TopK {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k + 1) }
    }

    fn offer_all(&mut self, first_row: usize, dots: &[f32]) {
        let mut floor = self.floor();
        for (row, &dot) in (first_row..).zip(dots) {
            // Rows come in ascending order, so an equal similarity never displaces an earlier row.
            if dot > floor {
                self.offer(Hit { row, similarity: clamp_similarity(dot) });
                floor = self.floor();
            }
        }
    }

    fn offer(&mut self, hit: Hit) {
        self.heap.push(Ranked(hit));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// What a dot product must exceed to be worth a look.
    fn floor(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.0.similarity,
            _ => f32::NEG_INFINITY,
        }
    }

    fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
    }
}
