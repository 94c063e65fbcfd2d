//! How soon a label is seen in a large gallery, and what searches notice of it.
//!
//! ```text
//! cargo run --release -p tools --example live_gallery -- [EXEMPLARS] > docs/results/live_gallery.csv
//! ```
//!
//! A gallery of EXEMPLARS (100,000) random embeddings of 512 components under 1,000 SKUs, followed as a server follows its
//! labels, while another thread searches 60 facings at a time without a pause. One change at a time: an exemplar more, the
//! same one away again (an undo), and one of the oldest away, which moves all rows behind it. `visible` is the time from the
//! change until every search that begins sees it, `seen` that to the end of one that finds it (or no longer does): it waits for
//! the cores with the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use classifier::gallery::{EmbedderIdentity, Gallery, IndexKind, IndexOptions};
use review::LiveGallery;
use store::exemplars::GalleryChanges;
use store::model::{CatalogueSku, SkuState, StoredExemplar};
use vision::random::Random;
use vision::{Embedding, ExemplarId, Sha256, SkuId, SkuIndex as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const DIMENSION: usize = 512;
const SKUS: u32 = 1000;
const ROUNDS: usize = 100;

fn main() -> Result<()> {
    let exemplars: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    println!("# cargo run --release -p tools --example live_gallery -- {exemplars}");
    println!("# {} threads; {DIMENSION} components, {SKUS} SKUs, {ROUNDS} changes of each kind", rayon_threads());
    println!("index,exemplars,figure,p50_ms,p99_ms,max_ms");
    for kind in [IndexKind::Flat, IndexKind::Faiss] {
        measure(kind, exemplars)?;
    }
    Ok(())
}

fn rayon_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn embedding(random: &mut Random) -> Vec<f32> {
    let values = (0..DIMENSION).map(|_| (random.next_u64() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0).collect();
    Embedding::normalized(values).expect("random directions have a length").as_slice().to_vec()
}

fn exemplar(id: u64, embedding: Vec<f32>, active: bool) -> StoredExemplar {
    StoredExemplar {
        id: ExemplarId(id),
        sku: SkuId(1 + (id % u64::from(SKUS)) as u32),
        origin: format!("review/0194f3a2-7c1e-7f00-8000-{id:012}"),
        image: Sha256::of(&id.to_le_bytes()),
        embedder: Sha256::of(b"random"),
        embedding,
        active,
    }
}

fn measure(kind: IndexKind, exemplars: u64) -> Result<()> {
    let mut random = Random::new(1);
    let identity =
        EmbedderIdentity { fingerprint: Sha256::of(b"random"), dimension: DIMENSION, description: "random".to_owned() };
    let options = IndexOptions { kind, ..IndexOptions::default() };
    let mut live = LiveGallery::new("live", identity, options);
    let sku = |id: u32| CatalogueSku {
        id: SkuId(id),
        code: format!("sku_{id:04}"),
        name: format!("Product {id}"),
        gtin: None,
        brand: None,
        size: None,
        status: SkuState::Active,
    };
    let whole = GalleryChanges {
        change: 1,
        skus: (1..=SKUS).map(sku).collect(),
        exemplars: (1..=exemplars).map(|id| exemplar(id, embedding(&mut random), true)).collect(),
    };
    live.apply(&whole)?;
    let start = Instant::now();
    let gallery = live.index()?;
    let name = gallery.describe().rsplit(", ").next().unwrap_or_default().trim_end_matches(')').to_owned();
    println!("# {name}: built at once in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    live.seal();
    println!("# {name}: named by its content in {:.0} ms, when labels rest", start.elapsed().as_secs_f64() * 1e3);

    let served = RwLock::new(gallery);
    let queries: Vec<Embedding> =
        (0..60).map(|_| Embedding::normalized(embedding(&mut random))).collect::<std::result::Result<_, _>>()?;
    let (stop, changing) = (AtomicBool::new(false), AtomicBool::new(false));
    let times = Mutex::new([Vec::new(), Vec::new()]);
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let gallery = Arc::clone(&served.read().expect("nobody panics"));
                let meanwhile = changing.load(Ordering::Relaxed);
                let start = Instant::now();
                std::hint::black_box(gallery.search(&queries, 5).expect("it can be searched"));
                times.lock().expect("nobody panics")[usize::from(meanwhile)].push(start.elapsed());
            }
        });
        std::thread::sleep(Duration::from_secs(4));
        changing.store(true, Ordering::Relaxed);
        let outcome = change(&mut live, &served, exemplars, &mut random);
        stop.store(true, Ordering::Relaxed);
        for (metric, times) in outcome? {
            print(&name, exemplars, &metric, times);
        }
        Ok(())
    })?;
    let [idle, meanwhile] = times.into_inner()?;
    print(&name, exemplars, "search_60_before", idle);
    print(&name, exemplars, "search_60_while_changing", meanwhile);
    Ok(())
}

/// Makes changes one after the other, and sees each.
fn change(
    live: &mut LiveGallery,
    served: &RwLock<Arc<Gallery>>,
    exemplars: u64,
    random: &mut Random,
) -> Result<Vec<(String, Vec<Duration>)>> {
    let mut kinds = ["label", "undo", "old_removal"].map(|kind| (kind, Vec::new(), Vec::new()));
    let mut number = 1;
    for round in 0..ROUNDS as u64 {
        let new = exemplar(exemplars + 1 + round, embedding(random), true);
        let gone = StoredExemplar { active: false, ..new.clone() };
        let row = live.data().row_of(ExemplarId(1 + round)).ok_or("it is enrolled")?;
        let old = exemplar(1 + round, live.data().embeddings().row(row).to_vec(), false);
        for ((_, visible, seen), step) in kinds.iter_mut().zip([new, gone, old]) {
            number += 1;
            let (id, active) = (step.id, step.active);
            let query = [Embedding::normalized(step.embedding.clone())?];
            let changes = GalleryChanges { change: number, skus: Vec::new(), exemplars: vec![step] };
            let start = Instant::now();
            live.apply(&changes)?;
            let gallery = live.index()?;
            *served.write().map_err(|_| "a reader panicked")? = Arc::clone(&gallery);
            visible.push(start.elapsed());
            let found = gallery.search(&query, 1)?[0].iter().any(|neighbor| neighbor.exemplar == id);
            seen.push(start.elapsed());
            if found != active {
                return Err(format!("exemplar {} is {}", id.0, if found { "still there" } else { "not found" }).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let metrics = |(kind, visible, seen)| [(format!("{kind}_visible"), visible), (format!("{kind}_seen"), seen)];
    Ok(kinds.into_iter().flat_map(metrics).collect())
}

fn print(name: &str, exemplars: u64, metric: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |fraction: f64| {
        let at = ((times.len() as f64 * fraction).ceil() as usize).clamp(1, times.len().max(1)) - 1;
        times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    println!("{name},{exemplars},{metric},{:.2},{:.2},{:.2}", at(0.5), at(0.99), at(1.0));
}
