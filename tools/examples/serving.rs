//! What the server costs beyond recognition itself: requests per second over in-process photos per second, time from start to
//! ready, and whether memory grows.
//!
//! ```sh
//! cargo build --release -p tools && cargo run --release -p tools --example serving -- \
//!     --shelf target/release/shelf --photo shelf.jpg --csv docs/results/serving.csv
//! ```
//!
//! The server runs as a process of its own. Rounds of both kinds alternate, so a machine that slows down slows both.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Parser;
use pipeline::config::{Overrides, PipelineConfig};
use pipeline::{Photo, Recognizer};
use reqwest::Client;

#[derive(Parser)]
struct Args {
    /// The server's binary
    #[arg(long)]
    shelf: PathBuf,
    #[arg(long, default_value = "configs/pipeline.yaml")]
    config: PathBuf,
    /// Sent again and again
    #[arg(long)]
    photo: PathBuf,
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Rounds of each kind
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Photos a round
    #[arg(long, default_value_t = 40)]
    photos: usize,
    /// Requests of the memory measurement
    #[arg(long, default_value_t = 1000)]
    requests: usize,
    #[arg(long)]
    csv: Option<PathBuf>,
}

struct Server {
    process: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// Starts a server and waits until it is ready; says how long that took.
    async fn start(args: &Args, client: &Client) -> anyhow::Result<(Self, Duration)> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let start = Instant::now();
        let process = Command::new(&args.shelf)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--config"])
            .arg(&args.config)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", args.shelf.display()))?;
        let server = Self { process, url };
        loop {
            if let Ok(answer) = client.get(format!("{}/readyz", server.url)).send().await
                && answer.status().is_success()
            {
                return Ok((server, start.elapsed()));
            }
            ensure!(start.elapsed() < Duration::from_secs(60), "the server was not ready after 60 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }

    /// Photos per second with `clients` clients that send their next photo when the last is answered.
    async fn throughput(&self, client: &Client, photo: &Bytes, clients: usize, photos: usize) -> anyhow::Result<f64> {
        let start = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|task| {
                let (client, photo, url) = (client.clone(), photo.clone(), format!("{}/v2/recognize", self.url));
                let each = photos / clients + usize::from(task < photos % clients);
                tokio::spawn(async move {
                    for _ in 0..each {
                        let request = client.post(&url).header("content-type", "image/jpeg").body(photo.clone());
                        request.send().await?.error_for_status()?.bytes().await?;
                    }
                    Ok::<_, reqwest::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(photos as f64 / start.elapsed().as_secs_f64())
    }
}

/// Photos per second of `threads` threads that share the recogniser.
fn in_process(recognizer: &Recognizer, config: &PipelineConfig, photo: &Bytes, threads: usize, photos: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < photos {
                    for answer in recognizer.recognize(vec![Photo::Encoded(photo.clone())], &config.options) {
                        answer.expect("the photo is recognised");
                    }
                }
            });
        }
    });
    photos as f64 / start.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn overrides() -> Overrides {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    Overrides {
        detector_model: path("AI_V2_DETECTOR_MODEL"),
        embedder_model: path("AI_V2_CLASSIFIER_MODEL"),
        gallery_path: path("AI_V2_EMBEDDINGS_PATH"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // Connections are not kept while the other kind has its round: the server closes idle ones.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().pool_idle_timeout(Duration::from_secs(5)).build()?;
    let photo = Bytes::from(fs::read(&args.photo)?);
    let config = PipelineConfig::read(&args.config, &overrides())?;
    let mut rows = Vec::new();

    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(Server::start(&args, &client).await?.1.as_secs_f64());
    }
    rows.push(("cold_start_to_ready_s_median_of_5", median(&mut starts)));
    rows.push(("cold_start_to_ready_s_worst_of_5", starts[4]));

    let (server, _) = Server::start(&args, &client).await?;
    let mut done = 0;
    let mut resident = Vec::new();
    for target in [100.min(args.requests), args.requests] {
        server.throughput(&client, &photo, args.clients, target - done).await?;
        done = target;
        resident.push(server.resident_kib()? as f64 / 1024.0);
    }
    rows.push(("resident_mib_after_100", resident[0]));
    rows.push(("resident_mib_after_all", resident[1]));
    rows.push(("resident_growth", resident[1] / resident[0] - 1.0));

    let recognizer = pipeline::load(&config)?.recognizer;
    in_process(&recognizer, &config, &photo, args.clients, args.photos / 4 + 1);
    let (mut served, mut local, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let here = in_process(&recognizer, &config, &photo, args.clients, args.photos);
        let there = server.throughput(&client, &photo, args.clients, args.photos).await?;
        local.push(here);
        served.push(there);
        ratios.push(there / here);
    }
    rows.push(("in_process_photos_per_s", median(&mut local)));
    rows.push(("server_requests_per_s", median(&mut served)));
    rows.push(("server_over_in_process", median(&mut ratios)));

    let mut csv = format!(
        "# command: cargo run --release -p tools --example serving -- --shelf target/release/shelf --photo {} (detector: {}; embedder: {})\n\
         # {} clients, {} rounds of {} photos, {} requests for memory\nmetric,value\n",
        file_name(&args.photo),
        recognizer.detector().describe(),
        recognizer.embedder().describe(),
        args.clients,
        args.rounds,
        args.photos,
        args.requests
    );
    for (name, value) in rows {
        csv += &format!("{name},{value:.4}\n");
    }
    print!("{csv}");
    if let Some(path) = &args.csv {
        fs::write(path, csv)?;
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
