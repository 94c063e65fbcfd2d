//! How long a search takes: the exact index in Rust and the linked FAISS beside `IndexFlatIP` of PyPI's faiss-cpu.
//!
//! ```text
//! pip install faiss-cpu
//! cargo run --release -p classifier --example gallery_bench -- [PYTHON] > docs/results/gallery_search.csv
//! ```
//!
//! Rounds are interleaved, so that a busy moment hits everyone. FAISS multiplies matrices from a number of queries on, which is
//! 128,000 as 1.15 comes; "tuned" is the number we set (see `gallery::faiss`), given to theirs, too. Exemplars and queries are
//! random unit vectors: exact search does not care what they are. Everyone's ids are compared.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use classifier::gallery::{GalleryData, IndexKind, NewExemplar};
use classifier::{EmbedderIdentity, Gallery, IndexOptions};
use vision::{Embedding, Sha256, SkuIndex as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const DIMENSION: usize = 512;
const K: usize = 5;
const ROUNDS: usize = 30;

/// One search: milliseconds, and the exemplars found.
type Search<'a> = Box<dyn Fn() -> Result<(f64, Vec<u64>)> + 'a>;

fn main() -> Result<()> {
    let python = std::env::args().nth(1).unwrap_or_else(|| "python3".to_owned());
    let folder = std::env::temp_dir().join(format!("gallery-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = compare(&python, &folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn compare(python: &str, folder: &Path) -> Result<()> {
    let peer = RefCell::new(Peer::start(python)?);
    let threads = std::thread::available_parallelism()?;
    println!("# cargo run --release -p classifier --example gallery_bench");
    println!("# {threads} threads, {}; dimension {DIMENSION}, k {K}, {ROUNDS} interleaved rounds", processor());
    println!("exemplars,queries,index,best_ms,median_ms");
    for exemplars in [1_000, 10_000, 100_000] {
        let vectors = random(exemplars, 1);
        let version = peer.borrow_mut().ask(&format!("index {}", written(folder, "exemplars", &vectors)?.display()))?;
        let data = gallery(vectors)?;
        let flat = Gallery::new(data.clone(), &IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() })?;
        let faiss = Gallery::new(data, &IndexOptions { kind: IndexKind::Faiss, ..IndexOptions::default() })?;
        for count in [1, 8, 60] {
            let queries = random(count, 99);
            let file = written(folder, "queries", &queries)?;
            let ours = |gallery| -> Search<'_> {
                let queries = &queries;
                Box::new(move || searched(gallery, queries))
            };
            let theirs = |threshold: &str| -> Search<'_> {
                let (peer, line) = (&peer, format!("search {} {K} {threshold}", file.display()));
                Box::new(move || peer.borrow_mut().search(&line))
            };
            let tuned = classifier::gallery::faiss::blas_threshold().to_string();
            let contestants = [
                ("flat in Rust", ours(&flat)),
                ("FAISS linked", ours(&faiss)),
                (&*format!("faiss-cpu {version} default"), theirs("default")),
                (&*format!("faiss-cpu {version} tuned"), theirs(&tuned)),
            ];
            for (name, times) in measure(&contestants)? {
                println!("{exemplars},{count},{name},{:.3},{:.3}", times[0], times[times.len() / 2]);
            }
        }
    }
    Ok(())
}

/// faiss-cpu in a process of its own.
struct Peer {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gallery_bench.py");
        let mut command = Command::new(python);
        let mut process = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let commands = process.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no output")?);
        Ok(Self { process, commands, answers })
    }

    fn ask(&mut self, command: &str) -> Result<String> {
        writeln!(self.commands, "{command}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the peer went away; does PYTHON have faiss-cpu?".into());
        }
        Ok(line.trim().to_owned())
    }

    fn search(&mut self, command: &str) -> Result<(f64, Vec<u64>)> {
        let line = self.ask(command)?;
        let mut words = line.split(' ');
        let time = words.next().ok_or("no time")?.parse()?;
        Ok((time, words.map(str::parse).collect::<std::result::Result<_, _>>()?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn searched(gallery: &Gallery, queries: &[Embedding]) -> Result<(f64, Vec<u64>)> {
    let start = Instant::now();
    let found = gallery.search(queries, K)?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    // Exemplars are numbered from 1, FAISS's from 0.
    Ok((time, found.iter().flatten().map(|neighbor| neighbor.exemplar.0 - 1).collect()))
}

/// Milliseconds of every contestant, ascending; all must find the same.
fn measure<'n>(contestants: &[(&'n str, Search<'_>)]) -> Result<Vec<(&'n str, Vec<f64>)>> {
    let mut times: Vec<(&str, Vec<f64>)> = contestants.iter().map(|(name, _)| (*name, Vec::new())).collect();
    let mut first = None;
    for round in 0..=ROUNDS {
        for ((name, search), (_, times)) in contestants.iter().zip(&mut times) {
            let (time, ids) = search()?;
            if *first.get_or_insert_with(|| ids.clone()) != ids {
                return Err(format!("{name} finds other exemplars").into());
            }
            // The first round warms caches and threads.
            if round > 0 {
                times.push(time);
            }
        }
    }
    for (_, times) in &mut times {
        times.sort_by(f64::total_cmp);
    }
    Ok(times)
}

fn written(folder: &Path, name: &str, vectors: &[Embedding]) -> Result<PathBuf> {
    let file = folder.join(name);
    let bytes: Vec<u8> = vectors.iter().flat_map(Embedding::as_slice).flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(&file, bytes)?;
    Ok(file)
}

fn gallery(exemplars: Vec<Embedding>) -> Result<GalleryData> {
    let identity =
        EmbedderIdentity { fingerprint: Sha256::of(b"random"), dimension: DIMENSION, description: "random".to_owned() };
    let mut data = GalleryData::new("bench", identity);
    let sku = data.add_sku("sku", "SKU")?;
    let new = exemplars.into_iter().map(|embedding| NewExemplar {
        sku,
        origin: String::new(),
        sha256: Sha256::of(b""),
        embedding,
    });
    data.add(new.collect())?;
    Ok(data)
}

fn random(count: usize, seed: u64) -> Vec<Embedding> {
    let mut random = vision::random::Random::new(seed);
    let mut value = || (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let vector =
        |_| Embedding::normalized((0..DIMENSION).map(|_| value()).collect()).expect("random values have a direction");
    (0..count).map(vector).collect()
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned())
}
