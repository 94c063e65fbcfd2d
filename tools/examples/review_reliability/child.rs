//! The server in a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::{RecognizeOptions, RecognizerSettings, Release};
use reqwest::Client;
use review::ReviewConfig;
use review::config::{Limits, Samplers};
use server::{Loaded, ReviewSetup, ServerConfig};
use store::StoreSettings;
use vision::BBox;
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};

use crate::Error;
use crate::bench::{enrolled, live};

/// The child: a real server, whose port is its first line.
pub(crate) async fn serve(settings: &StoreSettings) -> Result<(), Error> {
    let review = ReviewConfig {
        enabled: true,
        database: vision::Secret::default(),
        objects: String::new(),
        // Every photo gives an item: to the fakes most colours look alike.
        samplers: Samplers { duplicate_similarity: 0.0, duplicate_bits: 0, ..Samplers::default() },
        limits: Limits { per_minute: 100_000, per_hour: 100_000, per_day: 100_000, ..Limits::default() },
        claim: Duration::from_secs(2),
        keep: None,
        max_bytes: None,
        second_opinion: None,
    };
    let settings = settings.clone();
    let load = move || {
        let detector = Arc::new(FixedDetector::bottles(&[BBox::new(10.0, 10.0, 60.0, 110.0)]));
        let gallery = Arc::new(ListIndex::default());
        let recognizer =
            Release::new("bench", detector, Arc::new(MeanColorEmbedder), gallery, RecognizerSettings::default())
                .recognizer();
        let review = Some(ReviewSetup {
            config: review,
            store: settings.into(),
            live: live(),
            enrolled: enrolled(),
            gallery: "nowhere".into(),
        });
        Ok(Loaded { review, ..Loaded::new(recognizer, RecognizeOptions::default()) })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let config = ServerConfig { workers: 1.try_into()?, ..ServerConfig::default() };
    Ok(server::run(config, load, listener, std::future::pending()).await?)
}

/// A server in a process of its own.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    pub(crate) async fn start(settings: &StoreSettings, client: &Client) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", settings.database.expose(), &settings.objects])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = format!("http://{}", line.trim());
        let begin = Instant::now();
        while !client.get(format!("{url}/readyz")).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if begin.elapsed() > Duration::from_secs(60) {
                return Err("the server does not become ready".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { child, url })
    }

    pub(crate) fn kill(mut self) {
        // SIGKILL: nothing is flushed, nothing is said.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
