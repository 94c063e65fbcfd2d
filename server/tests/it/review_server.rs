//! Servers with a review queue: the usual fakes, a real gallery, a real store in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use classifier::EmbedderIdentity;
use classifier::gallery::{IndexKind, IndexOptions};
use pipeline::RecognizeOptions;
use review::config::{Limits, Samplers};
use review::{LiveGallery, ReviewConfig};
use serde_json::{Value, json};
use server::{Loaded, ReviewSetup, ServerConfig};
use store::StoreSettings;
use store::exemplars::{Enrolled, EnrolledExemplar};
use vision::fakes::MeanColorEmbedder;
use vision::{Embedder, Embedding, ExemplarId, ModelError, RgbImage, Sha256, Sku, SkuId};

use crate::harness::{Control, Server, config, recognizer_by};
use crate::photos;

/// Everything unsure, nothing sampled at random, no limits in the way.
pub(crate) fn review_config() -> ReviewConfig {
    ReviewConfig {
        enabled: true,
        database: vision::Secret::default(),
        objects: String::new(),
        samplers: Samplers {
            random_ratio: 0.0,
            low_confidence: 0.0,
            low_similarity: 0.0,
            duplicate_similarity: 0.9999,
            duplicate_bits: 0,
            ..Samplers::default()
        },
        limits: Limits::default(),
        claim: Duration::from_secs(300),
        keep: None,
        max_bytes: None,
        second_opinion: None,
    }
}

pub(crate) fn settings(folder: &Path) -> StoreSettings {
    StoreSettings {
        database: format!("sqlite:{}", folder.join("shelf.db").display()).into(),
        objects: folder.join("objects").display().to_string(),
        ..StoreSettings::default()
    }
}

/// Sees as [`MeanColorEmbedder`] does, and says it otherwise: nothing of the one can be compared with the other.
#[derive(Debug)]
pub(crate) struct NextEmbedder;

impl Embedder for NextEmbedder {
    fn embed(&self, crops: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        let seen = MeanColorEmbedder.embed(crops)?;
        let turned = seen.iter().map(|e| {
            let &[red, green, blue] = e.as_slice() else { panic!("three components") };
            Embedding::normalized(vec![-green, blue, red]).map_err(ModelError::inference)
        });
        turned.collect()
    }

    fn dimension(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> Sha256 {
        Sha256::of(b"the next embedder")
    }

    fn describe(&self) -> String {
        "the next embedder".to_owned()
    }
}

/// Red, green and blue, as the usual fakes know them.
pub(crate) fn enrolled(embedder: &dyn Embedder) -> Enrolled {
    let colors =
        [("sku_001_red_cola", "Red Cola"), ("sku_002_green_tea", "Green Tea"), ("sku_003_blue_water", "Blue Water")];
    let skus = (1..).zip(colors).map(|(id, (code, name))| Sku { id: SkuId(id), code: code.into(), name: name.into() });
    let exemplars = (1..).zip([[255, 0, 0], [0, 255, 0], [0, 0, 255]]).map(|(id, color)| EnrolledExemplar {
        id: ExemplarId(id),
        sku: SkuId(id as u32),
        origin: format!("{id}.jpg"),
        image: Sha256::of(&[id as u8]),
        embedding: embedder.embed(&[RgbImage::from_pixel(8, 8, image::Rgb(color))]).expect("embedded")[0]
            .as_slice()
            .to_vec(),
    });
    Enrolled { embedder: embedder.fingerprint(), skus: skus.collect(), exemplars: exemplars.collect() }
}

pub(crate) fn setup(settings: StoreSettings, review: ReviewConfig, embedder: &dyn Embedder) -> ReviewSetup {
    let options = IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() };
    let live = LiveGallery::new("colours", EmbedderIdentity::of(embedder), options);
    let gallery = Path::new(&settings.objects).with_file_name("gallery");
    ReviewSetup { config: review, store: settings.into(), live, enrolled: enrolled(embedder), gallery }
}

/// A server whose queue is kept in `folder`.
pub(crate) async fn server(folder: &Path) -> Server {
    server_with(settings(folder), review_config()).await
}

pub(crate) async fn server_with(settings: StoreSettings, review: ReviewConfig) -> Server {
    server_by(settings, review, Arc::new(MeanColorEmbedder)).await
}

/// As [`server`], with limits of its own.
pub(crate) async fn server_configured(folder: &Path, config: ServerConfig) -> Server {
    start(settings(folder), review_config(), Arc::new(MeanColorEmbedder), config).await
}

pub(crate) async fn server_by(settings: StoreSettings, review: ReviewConfig, embedder: Arc<dyn Embedder>) -> Server {
    start(settings, review, embedder, config()).await
}

async fn start(
    settings: StoreSettings,
    review: ReviewConfig,
    embedder: Arc<dyn Embedder>,
    config: ServerConfig,
) -> Server {
    let control = Arc::<Control>::default();
    let recognizer = recognizer_by(&control, Arc::clone(&embedder));
    let load = move || {
        let review = Some(setup(settings, review, &*embedder));
        Ok(Loaded { review, ..Loaded::new(recognizer, RecognizeOptions::default()) })
    };
    let server = Server::loading(config, control, load).await;
    server.until_ready().await;
    server
}

impl Server {
    /// The answer for the usual shelf.
    pub(crate) async fn recognise(&self) -> Value {
        let response = self.photo(photos::jpeg()).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.json().await.expect("JSON")
    }

    /// A change of the queue that is taken.
    pub(crate) async fn change(&self, path: &str, body: Value) -> Value {
        let response = self.post(&format!("/v2/active-learning/{path}")).json(&body).send().await.expect("an answer");
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status, 200, "{path} {body}: {answer}");
        answer
    }

    /// The ids of all open items.
    pub(crate) async fn open_items(&self) -> Vec<String> {
        let page = self.json("/v2/active-learning-queue").await;
        let items = page["items"].as_array().expect("a list").iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The item whose facing is at this place in the usual shelf's answer.
    pub(crate) async fn item_at(&self, x1: f64, y1: f64) -> Value {
        let page = self.json("/v2/active-learning-queue").await;
        let items = page["items"].as_array().expect("a list");
        let found = items.iter().find(|item| item["box"]["x1"] == json!(x1) && item["box"]["y1"] == json!(y1));
        found.unwrap_or_else(|| panic!("no item at {x1}, {y1}: {page}")).clone()
    }

    /// How the gallery is named once labels rest: by its content.
    pub(crate) async fn gallery_by_content(&self) -> String {
        let begin = std::time::Instant::now();
        loop {
            let health = self.json("/health").await;
            let gallery = health["release"]["gallery"].as_str().unwrap_or_default().to_owned();
            if gallery.contains('@') {
                return gallery;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "{gallery} is never named by its content");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Name of what stands at a place of the usual shelf, once a `name` (or nobody) is recognised there, and how long
    /// that took.
    pub(crate) async fn until_named(&self, (x1, y1): (f64, f64), name: Option<&str>) -> Duration {
        let begin = std::time::Instant::now();
        loop {
            let answer = self.recognise().await;
            let all = answer["detections"].as_array().expect("a list");
            let here = all.iter().find(|d| d["box"]["x1"] == json!(x1) && d["box"]["y1"] == json!(y1));
            let found = here.expect("a facing")["sku"]["name"].as_str();
            if found == name {
                return begin.elapsed();
            }
            assert!(begin.elapsed() < Duration::from_secs(5), "{found:?} stays instead of {name:?}");
        }
    }
}
