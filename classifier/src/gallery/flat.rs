//! Exact search by comparing with every row: the index of most galleries, and what FAISS is held to.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::BLOCK;
use super::kernel::{LANES, panel_products};
use super::matrix::Matrix;

/// A row near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// Row of the matrix.
    pub(crate) row: usize,
    /// Cosine similarity in `-1..=1`.
    pub(crate) similarity: f32,
}

/// Multiply-adds below which waking other threads costs more than it saves (about a tenth of a millisecond of work).
const PARALLEL_FROM: usize = 1 << 23;

/// Blocks that one thread copies, about a millisecond each.
const AT_ONCE: usize = 8;

/// Panels of a whole block of a matrix.
const PANELS: usize = BLOCK / LANES;

/// A copy of a matrix's rows, [`LANES`] at a time and interleaved, as the kernel wants them; in the matrix's blocks.
#[derive(Clone)]
pub(crate) struct Panels {
    rows: usize,
    dimension: usize,
    blocks: Vec<PanelBlock>,
}

#[derive(Clone)]
struct PanelBlock {
    /// What was copied; held so that it can be told from another block.
    source: Arc<Vec<f32>>,
    /// Panel by panel; within one, component by component; the last one is filled up with zeros.
    values: Arc<Vec<f32>>,
}

impl PanelBlock {
    fn of(source: &Arc<Vec<f32>>, dimension: usize) -> Self {
        let rows: Vec<&[f32]> = source.chunks_exact(dimension).collect();
        let mut values = vec![0.0; rows.len().div_ceil(LANES) * dimension * LANES];
        for (rows, panel) in rows.chunks(LANES).zip(values.chunks_exact_mut(dimension * LANES)) {
            for (lane, row) in rows.iter().enumerate() {
                for (value, component) in row.iter().zip(panel.chunks_exact_mut(LANES)) {
                    component[lane] = *value;
                }
            }
        }
        Self { source: Arc::clone(source), values: Arc::new(values) }
    }
}

impl Panels {
    pub(crate) fn of(matrix: &Matrix) -> Self {
        Self::following(&[], matrix)
    }

    /// Shares what `self` has of the same rows.
    pub(crate) fn follow(&self, matrix: &Matrix) -> Self {
        Self::following(&self.blocks, matrix)
    }

    fn following(before: &[PanelBlock], matrix: &Matrix) -> Self {
        let dimension = matrix.columns();
        let shared = |(at, source): (usize, &Arc<Vec<f32>>)| before.get(at).filter(|b| Arc::ptr_eq(&b.source, source));
        let block =
            |it: (usize, &Arc<Vec<f32>>)| shared(it).map_or_else(|| PanelBlock::of(it.1, dimension), Clone::clone);
        let sources = matrix.blocks();
        let new = sources.iter().enumerate().filter(|it| shared(*it).is_none()).count();
        // The threads may be busy searching: what is soon done does not queue behind them.
        let blocks = if new <= AT_ONCE {
            sources.iter().enumerate().map(block).collect()
        } else {
            sources.par_iter().enumerate().map(block).collect()
        };
        Self { rows: matrix.rows(), dimension, blocks }
    }

    /// The `k` rows with the largest dot product of each query (rows of `queries`), best first, ties by row.
    pub(crate) fn search(&self, queries: &Matrix, k: usize) -> Vec<Vec<Hit>> {
        assert_eq!(self.dimension, queries.columns(), "one dimension");
        queries.blocks().iter().flat_map(|queries| self.search_rows(queries, k)).collect()
    }

    /// The same for queries that lie one behind the other.
    pub(crate) fn search_rows(&self, queries: &[f32], k: usize) -> Vec<Vec<Hit>> {
        let k = k.min(self.rows);
        if k == 0 {
            return vec![Vec::new(); queries.len() / self.dimension];
        }
        let panels = self.rows.div_ceil(LANES);
        let work = (panels * LANES).saturating_mul(queries.len());
        let parts = if work < PARALLEL_FROM { 1 } else { rayon::current_num_threads().clamp(1, panels) };
        let length = panels.div_ceil(parts);
        let search = |part: usize| self.search_part(part * length..((part + 1) * length).min(panels), queries, k);
        let best = if parts == 1 {
            search(0)
        } else {
            (0..parts).into_par_iter().map(search).reduce_with(merge).unwrap_or_default()
        };
        best.into_iter().map(TopK::into_hits).collect()
    }

    fn search_part(&self, panels: Range<usize>, queries: &[f32], k: usize) -> Vec<TopK> {
        let count = queries.len() / self.dimension;
        let mut best: Vec<TopK> = (0..count).map(|_| TopK::new(k)).collect();
        let mut products = vec![0.0; count * LANES];
        let size = self.dimension * LANES;
        for panel in panels {
            let values = &self.blocks[panel / PANELS].values[panel % PANELS * size..][..size];
            panel_products(values, queries, self.dimension, &mut products);
            let first = panel * LANES;
            let filled = LANES.min(self.rows - first);
            for (best, products) in best.iter_mut().zip(products.chunks_exact(LANES)) {
                best.offer_all(first, &products[..filled]);
            }
        }
        best
    }
}

fn merge(mut all: Vec<TopK>, some: Vec<TopK>) -> Vec<TopK> {
    for (all, some) in all.iter_mut().zip(some) {
        for ranked in some.heap {
            all.offer(ranked.0);
        }
    }
    all
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
