//! How long a search takes: the exact index in Rust, FAISS as it comes, FAISS with its threshold tuned.
//!
//! ```text
//! cargo run --release -p classifier --example gallery_bench > gallery_search.csv
//! ```
//!
//! Every cell is the best and the median of interleaved runs, so that a busy moment hits all of them. The queries and
//! exemplars are random unit vectors: exact search does not care what they are.

use std::time::Instant;

use classifier::gallery::{GalleryData, IndexKind, NewExemplar};
use classifier::{EmbedderIdentity, Gallery, IndexOptions};
use vision::{Embedding, Sha256, SkuIndex as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const DIMENSION: usize = 512;
const K: usize = 5;
const ROUNDS: usize = 15;
/// FAISS's own value of the number of queries from which it multiplies matrices.
const FAISS_DEFAULT: i32 = 20;

/// A way to search, by name.
type Contestant<'a> = (&'static str, Box<dyn Fn(&[Embedding]) -> Result<()> + 'a>);

fn main() -> Result<()> {
    let threads = std::thread::available_parallelism()?;
    println!("# cargo run --release -p classifier --example gallery_bench");
    println!("# {} threads, {}; dimension {DIMENSION}, k {K}, {ROUNDS} interleaved rounds", threads, processor());
    println!("exemplars,queries,index,best_ms,median_ms");
    for exemplars in [1_000, 10_000, 50_000] {
        let data = gallery(exemplars)?;
        let flat = Gallery::new(data.clone(), &IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() })?;
        let faiss = faiss_gallery(&data)?;
        for count in [1, 8, 60] {
            let queries = vectors(count, 99);
            let contestants = contestants(&flat, faiss.as_ref());
            for (name, times) in measure(&contestants, &queries)? {
                println!("{exemplars},{count},{name},{:.3},{:.3}", times[0], times[times.len() / 2]);
            }
        }
    }
    Ok(())
}

fn contestants<'a>(flat: &'a Gallery, faiss: Option<&'a Gallery>) -> Vec<Contestant<'a>> {
    let run = |gallery: &'a Gallery| {
        move |queries: &[Embedding]| -> Result<()> {
            std::hint::black_box(gallery.search(queries, K)?);
            Ok(())
        }
    };
    let mut all: Vec<Contestant<'a>> = vec![("flat in Rust", Box::new(run(flat)))];
    if let Some(faiss) = faiss {
        let at = |threshold| move |queries: &[Embedding]| with_threshold(threshold, || run(faiss)(queries));
        all.push(("FAISS default", Box::new(at(Some(FAISS_DEFAULT)))));
        all.push(("FAISS tuned", Box::new(at(None))));
    }
    all
}

#[cfg(feature = "faiss")]
fn faiss_gallery(data: &GalleryData) -> Result<Option<Gallery>> {
    Ok(Some(Gallery::new(data.clone(), &IndexOptions { kind: IndexKind::Faiss, ..IndexOptions::default() })?))
}

#[cfg(not(feature = "faiss"))]
fn faiss_gallery(_data: &GalleryData) -> Result<Option<Gallery>> {
    Ok(None)
}

/// Runs `search` under another threshold than the tuned one.
#[cfg(feature = "faiss")]
fn with_threshold(threshold: Option<i32>, search: impl FnOnce() -> Result<()>) -> Result<()> {
    use classifier::gallery::faiss::{blas_threshold, set_blas_threshold};
    let tuned = blas_threshold();
    set_blas_threshold(threshold.unwrap_or(tuned));
    let result = search();
    set_blas_threshold(tuned);
    result
}

#[cfg(not(feature = "faiss"))]
fn with_threshold(_threshold: Option<i32>, search: impl FnOnce() -> Result<()>) -> Result<()> {
    search()
}

/// Milliseconds of every contestant, ascending.
fn measure(contestants: &[Contestant<'_>], queries: &[Embedding]) -> Result<Vec<(&'static str, Vec<f64>)>> {
    let mut times: Vec<(&str, Vec<f64>)> = contestants.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for round in 0..=ROUNDS {
        for ((_, run), (_, times)) in contestants.iter().zip(&mut times) {
            let start = Instant::now();
            run(queries)?;
            // The first round warms caches and threads.
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    for (_, times) in &mut times {
        times.sort_by(f64::total_cmp);
    }
    Ok(times)
}

fn gallery(exemplars: usize) -> Result<GalleryData> {
    let identity =
        EmbedderIdentity { fingerprint: Sha256::of(b"random"), dimension: DIMENSION, description: "random".to_owned() };
    let mut data = GalleryData::new("bench", identity);
    let sku = data.add_sku("sku", "SKU")?;
    let new = vectors(exemplars, 1).into_iter().map(|embedding| NewExemplar {
        sku,
        origin: String::new(),
        sha256: Sha256::of(b""),
        embedding,
    });
    data.add(new.collect())?;
    Ok(data)
}

fn vectors(count: usize, seed: u64) -> Vec<Embedding> {
    let mut state = seed;
    let mut value = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let vector =
        |_| Embedding::normalized((0..DIMENSION).map(|_| value()).collect()).expect("random values have a direction");
    (0..count).map(vector).collect()
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned())
}
