//! Search by FAISS: `IdMap<Flat>` (exact), or inverted lists above a configured size (approximate).
//!
//! FAISS proposes, this crate ranks: a few rows more than asked for are fetched and their similarities computed again by
//! the kernel of the exact index. So both indexes give the same numbers and break ties alike, which FAISS alone does not
//! promise (its sums depend on a row's place in a block, its ties on the order of a heap).

use std::os::raw::c_int;
use std::sync::{Arc, Once, OnceLock};

use faiss::index::flat::FlatIndexImpl;
use faiss::index::ivf_flat::IVFFlatIndexImpl;
use faiss::{ConcurrentIndex, IdMap, Idx, Index as _};
use rayon::prelude::*;
use vision::ExemplarId;

use super::super::blocks::{BLOCK, Blocks};
use super::super::data::{Exemplar, GalleryData, place};
use super::super::error::GalleryError;
use super::super::flat::{Hit, Panels, by_rank, clamp_similarity};
use super::super::index::IndexOptions;
use super::super::kernel::dots;
use super::super::matrix::Matrix;

unsafe extern "C" {
    // Part of FAISS's C interface (c_api/utils/distances_c.h) that faiss-sys does not declare.
    fn faiss_set_distance_compute_blas_threshold(value: c_int);
    fn faiss_get_distance_compute_blas_threshold() -> c_int;
    // OpenMP's run-time library, which faiss-sys links. Acts on the calling thread only.
    fn omp_set_num_threads(value: c_int);
}

/// Queries from which FAISS multiplies matrices instead of vectors. Its default, 20, leaves small requests on a path that
/// is several times slower.
const BLAS_THRESHOLD: c_int = 2;
/// Rows fetched beyond `k`, so that ties around the last place are seen whole.
const EXTRA: usize = 16;
/// How far FAISS's sums and ours may differ.
const ROUNDING: f32 = 1e-5;
/// Multiply-adds from which the queries are spread over threads.
const PARALLEL_FROM: usize = 1 << 27;
/// Rows FAISS trains the centre of a list on.
const ROWS_PER_LIST: usize = 64;
/// Queries and neighbours by which the recall of inverted lists is measured.
const RECALL_QUERIES: usize = 64;
const RECALL_AT: usize = 10;

/// Exemplars that may have come or gone since FAISS was given them all, and that many more for each [`BASE_ROWS_PER_EDIT`] of them:
/// those that came are compared with one by one, those that went are passed over.
const RECENT: usize = 256;
const BASE_ROWS_PER_EDIT: usize = 64;

/// An index over the exemplars of one [`GalleryData`].
pub(crate) struct FaissIndex {
    base: Arc<Base>,
    recent: Recent,
    /// The exact index, made when ties first ask for it.
    exact: OnceLock<Panels>,
}

/// What FAISS was given.
struct Base {
    native: Native,
    /// For which ids.
    exemplars: Blocks<Exemplar>,
    description: String,
}

/// What came and went since.
struct Recent {
    /// Rows of the data that FAISS does not have, and their panels.
    rows: Vec<usize>,
    panels: Panels,
    /// How many FAISS has that the data has not.
    gone: usize,
}

impl Recent {
    /// `None` when it is so much that FAISS should be given all of it anew.
    fn since(base: &Base, data: &GalleryData) -> Option<Self> {
        if base.exemplars.is_empty() {
            // There is nothing to ask it for.
            return None;
        }
        let limit = RECENT + base.exemplars.len() / BASE_ROWS_PER_EDIT;
        let mut rows = Vec::new();
        for (number, block) in data.exemplars().blocks().iter().enumerate() {
            if base.exemplars.blocks().get(number).is_some_and(|known| Arc::ptr_eq(known, block)) {
                continue;
            }
            let new = |exemplar: &Exemplar| place(&base.exemplars, exemplar.id).is_err();
            rows.extend(block.iter().enumerate().filter(|(_, e)| new(e)).map(|(at, _)| number * BLOCK + at));
            if rows.len() > limit {
                return None;
            }
        }
        let gone = (base.exemplars.len() + rows.len()).saturating_sub(data.exemplars().len());
        let mut matrix = Matrix::new(data.embeddings().columns());
        rows.iter().for_each(|&row| matrix.push(data.embeddings().row(row)));
        (rows.len() + gone <= limit).then(|| Self { rows, panels: Panels::of(&matrix), gone })
    }

    fn none(data: &GalleryData) -> Self {
        Self { rows: Vec::new(), panels: Panels::of(&Matrix::new(data.embeddings().columns())), gone: 0 }
    }
}

enum Native {
    Flat(IdMap<FlatIndexImpl>),
    Lists(IVFFlatIndexImpl),
}

impl FaissIndex {
    /// Copies the embeddings into FAISS; trains inverted lists above [`IndexOptions::ivf_above`].
    pub(crate) fn build(data: &GalleryData, options: &IndexOptions) -> Result<Self, GalleryError> {
        configure();
        if data.exemplars().len() > options.ivf_above {
            return Self::build_lists(data, options);
        }
        let failed = failed("build its index");
        let flat = FlatIndexImpl::new_ip(data.embeddings().columns() as u32).map_err(&failed)?;
        let mut native = IdMap::new(flat).map_err(&failed)?;
        for (embeddings, exemplars) in blocks(data) {
            native.add_with_ids(embeddings, &ids(exemplars)).map_err(&failed)?;
        }
        Ok(Self::over(data, Native::Flat(native), "FAISS flat".to_owned()))
    }

    fn over(data: &GalleryData, native: Native, description: String) -> Self {
        let base = Arc::new(Base { native, exemplars: data.exemplars().clone(), description });
        Self { base, recent: Recent::none(data), exact: OnceLock::new() }
    }

    /// The same over data that differs in few exemplars; `None` when they are too many.
    pub(crate) fn follow(&self, data: &GalleryData) -> Option<Self> {
        let recent = Recent::since(&self.base, data)?;
        Some(Self { base: Arc::clone(&self.base), recent, exact: OnceLock::new() })
    }

    /// About sqrt(n) lists of about sqrt(n) rows; as many are probed as the recall asked for needs.
    fn build_lists(data: &GalleryData, options: &IndexOptions) -> Result<Self, GalleryError> {
        let failed = failed("train its inverted lists");
        let rows = data.embeddings();
        let lists = (rows.rows() as f64).sqrt().round().max(1.0) as usize;
        let quantizer = FlatIndexImpl::new_ip(rows.columns() as u32).map_err(&failed)?;
        let mut native = IVFFlatIndexImpl::new_ip(quantizer, rows.columns() as u32, lists as u32).map_err(&failed)?;
        let sample = spread_rows(rows, lists * ROWS_PER_LIST);
        native.train(&sample).map_err(&failed)?;
        for (embeddings, exemplars) in blocks(data) {
            native.add_with_ids(embeddings, &ids(exemplars)).map_err(&failed)?;
        }

        let queries = spread_rows(rows, RECALL_QUERIES);
        let truth = Panels::of(rows).search_rows(&queries, RECALL_AT);
        let mut probes = 1;
        loop {
            native.set_nprobe(probes as u32);
            let found = ConcurrentIndex::search(&native, &queries, RECALL_AT).map_err(&failed)?;
            let recall = recall_of(data, &truth, found.labels.chunks(RECALL_AT));
            if recall >= options.ivf_recall || probes >= lists {
                let description = format!("FAISS IVF, {probes} of {lists} lists, recall@{RECALL_AT} {recall:.3}");
                return Ok(Self::over(data, Native::Lists(native), description));
            }
            probes = (probes * 2).min(lists);
        }
    }

    pub(crate) fn search(&self, data: &GalleryData, queries: &Matrix, k: usize) -> Result<Vec<Vec<Hit>>, GalleryError> {
        let rows = data.embeddings().rows();
        let k = k.min(rows);
        if k == 0 || queries.rows() == 0 {
            return Ok(vec![Vec::new(); queries.rows()]);
        }
        let columns = queries.columns();
        let work = rows.saturating_mul(columns).saturating_mul(queries.rows());
        let threads = if work < PARALLEL_FROM { 1 } else { rayon::current_num_threads().max(1) };
        let part = queries.rows().div_ceil(threads) * columns;
        let parts: Vec<&[f32]> = queries.blocks().iter().flat_map(|block| block.chunks(part)).collect();
        if let [all] = parts.as_slice() {
            return self.search_part(data, all, k);
        }
        let parts: Result<Vec<_>, _> = parts.into_par_iter().map(|part| self.search_part(data, part, k)).collect();
        Ok(parts?.into_iter().flatten().collect())
    }

    pub(crate) fn describe(&self) -> &str {
        &self.base.description
    }

    fn search_part(&self, data: &GalleryData, queries: &[f32], k: usize) -> Result<Vec<Vec<Hit>>, GalleryError> {
        one_thread_here();
        let held = self.base.exemplars.len();
        let fetch = (k + EXTRA + self.recent.gone).min(held);
        let columns = data.embeddings().columns();
        let recent = self.recent.panels.search_rows(queries, k);
        let found = match &self.base.native {
            Native::Flat(native) => ConcurrentIndex::search(native, queries, fetch),
            Native::Lists(native) => ConcurrentIndex::search(native, queries, fetch),
        }
        .map_err(failed("search"))?;
        let proposals = found.labels.chunks_exact(fetch).zip(found.distances.chunks_exact(fetch));
        let mut answers = Vec::with_capacity(queries.len() / columns);
        let mut unsettled = Vec::new();
        for ((query, recent), (labels, similarities)) in queries.chunks_exact(columns).zip(recent).zip(proposals) {
            let recent = recent.into_iter().map(|hit| Hit { row: self.recent.rows[hit.row], ..hit });
            let hits = rank(data, query, labels, recent, k);
            // A row that FAISS left out is at most as similar as the last one it proposed. Where that is a tie with the
            // last place, as among many equal images, only comparing with all rows tells who comes first.
            let left_out = similarities.last().copied().unwrap_or(f32::NEG_INFINITY) + ROUNDING;
            let settled = matches!(self.base.native, Native::Lists(_))
                || fetch == held
                || (hits.len() == k && hits.last().is_some_and(|last| last.similarity > left_out));
            if !settled {
                unsettled.push((answers.len(), query));
            }
            answers.push(hits);
        }
        if !unsettled.is_empty() {
            let values: Vec<f32> = unsettled.iter().flat_map(|(_, query)| query.iter().copied()).collect();
            let exact = self.exact.get_or_init(|| Panels::of(data.embeddings()));
            let found = exact.search_rows(&values, k);
            for ((at, _), hits) in unsettled.into_iter().zip(found) {
                answers[at] = hits;
            }
        }
        Ok(answers)
    }
}

/// Ranks proposals by our own similarities, among those that need no proposal.
fn rank(data: &GalleryData, query: &[f32], labels: &[Idx], recent: impl Iterator<Item = Hit>, k: usize) -> Vec<Hit> {
    let rows: Vec<usize> =
        labels.iter().filter_map(|label| label.get()).filter_map(|id| data.row_of(ExemplarId(id))).collect();
    let similarities = dots(query, rows.iter().map(|&row| data.embeddings().row(row)));
    let mut hits: Vec<Hit> =
        rows.into_iter().zip(similarities).map(|(row, dot)| Hit { row, similarity: clamp_similarity(dot) }).collect();
    hits.extend(recent);
    hits.sort_by(by_rank);
    hits.truncate(k);
    hits
}

/// Embeddings and exemplars, a block at a time.
fn blocks(data: &GalleryData) -> impl Iterator<Item = (&[f32], &[Exemplar])> {
    let embeddings = data.embeddings().blocks().iter().map(|block| block.as_slice());
    embeddings.zip(data.exemplars().blocks().iter().map(|block| block.as_slice()))
}

fn ids(exemplars: &[Exemplar]) -> Vec<Idx> {
    exemplars.iter().map(|exemplar| Idx::new(exemplar.id.0)).collect()
}

/// Values of at most `count` rows, evenly spread: the same every time.
fn spread_rows(rows: &Matrix, count: usize) -> Vec<f32> {
    let count = count.clamp(1, rows.rows());
    (0..count).flat_map(|i| rows.row(i * rows.rows() / count).iter().copied()).collect()
}

/// Fraction of the true hits that are among the labels found.
fn recall_of<'a>(data: &GalleryData, truth: &[Vec<Hit>], found: impl Iterator<Item = &'a [Idx]>) -> f32 {
    let row = |label: &Idx| label.get().and_then(|id| data.row_of(ExemplarId(id)));
    let hits = truth.iter().zip(found).map(|(truth, found)| {
        let found: Vec<usize> = found.iter().filter_map(row).collect();
        truth.iter().filter(|hit| found.contains(&hit.row)).count()
    });
    hits.sum::<usize>() as f32 / truth.iter().map(Vec::len).sum::<usize>().max(1) as f32
}

fn failed(doing: &'static str) -> impl Fn(faiss::error::Error) -> GalleryError {
    move |error| GalleryError::Faiss { doing, source: Box::new(error) }
}

/// Queries from which FAISS multiplies matrices, for the whole process.
#[must_use]
pub fn blas_threshold() -> i32 {
    configure();
    // SAFETY: reads a global integer of the linked library.
    unsafe { faiss_get_distance_compute_blas_threshold() }
}

/// Sets [`blas_threshold`]. For measurements: the value in force from the start is the fast one.
pub fn set_blas_threshold(value: i32) {
    configure();
    // SAFETY: writes a global integer that FAISS reads once at the start of a search; a search that runs meanwhile takes
    // either path, and both give its answer.
    unsafe { faiss_set_distance_compute_blas_threshold(value) }
}

/// Once a process: the fast path for small requests, and no threads inside BLAS. Parallelism is over queries, out here;
/// threads below that, on both OpenMP's and OpenBLAS's account, only take cores from each other.
fn configure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: as in `set_blas_threshold`.
        unsafe { faiss_set_distance_compute_blas_threshold(BLAS_THRESHOLD) };
        type SetThreads = unsafe extern "C" fn(c_int);
        let program = libloading::os::unix::Library::this();
        // SAFETY: OpenBLAS declares `void openblas_set_num_threads(int)`. Another BLAS does not have the symbol, and
        // then there is nothing to set.
        if let Ok(set_threads) = unsafe { program.get::<SetThreads>(b"openblas_set_num_threads\0") } {
            // SAFETY: called with an argument of the declared type.
            unsafe { set_threads(1) };
        }
    });
}

/// OpenMP's number of threads belongs to the calling thread, so every thread that searches sets it once.
fn one_thread_here() {
    thread_local! {
        static DONE: () = {
            // SAFETY: `omp_set_num_threads` takes any positive number and touches only this thread's settings.
            unsafe { omp_set_num_threads(1) };
        };
    }
    DONE.with(|()| ());
}
