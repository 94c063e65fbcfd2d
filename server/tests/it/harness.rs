//! Starts real servers over fakes whose detector can be held, made to panic and counted.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pipeline::{RecognizeOptions, Recognizer, RecognizerSettings, Release};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use server::{LoadError, Loaded, ServeError, ServerConfig, Setup};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};
use vision::{ClassId, DetectOptions, Detection, Detector, Embedder, Embedding, ModelError, RgbImage, Sku, SkuId};

use crate::chromium::use_ring;
use crate::photos;

/// What tests do to the detector from outside.
#[derive(Debug, Default)]
pub(crate) struct Control {
    held: Mutex<bool>,
    released: Condvar,
    /// Photos seen, blank ones of the warm-up aside.
    pub(crate) seen: AtomicUsize,
    /// Panic on photos of this width.
    pub(crate) poisonous_width: AtomicUsize,
    /// Fail on every photo.
    pub(crate) failing: AtomicBool,
    /// Milliseconds that every photo takes.
    delay: AtomicUsize,
    /// Largest batch seen.
    pub(crate) largest_batch: AtomicUsize,
}

impl Control {
    /// From now on the detector waits before it answers.
    pub(crate) fn hold(&self) {
        *self.held.lock().expect("no test panics with it") = true;
    }

    pub(crate) fn release(&self) {
        *self.held.lock().expect("no test panics with it") = false;
        self.released.notify_all();
    }

    /// From now on every photo takes so long.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay.store(delay.as_millis() as usize, Ordering::SeqCst);
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

struct ControlledDetector {
    inner: FixedDetector,
    control: Arc<Control>,
}

impl Detector for ControlledDetector {
    fn detect(&self, images: &[RgbImage], options: &DetectOptions) -> Result<Vec<Vec<Detection>>, ModelError> {
        let blank = images.iter().all(|image| image.pixels().all(|pixel| pixel.0 == [114; 3]));
        if !blank {
            self.control.seen.fetch_add(images.len(), Ordering::SeqCst);
            self.control.largest_batch.fetch_max(images.len(), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(self.control.delay.load(Ordering::SeqCst) as u64));
            let mut held = self.control.held.lock().expect("no test panics with it");
            while *held {
                held = self.control.released.wait(held).expect("no test panics with it");
            }
            drop(held);
            let poison = self.control.poisonous_width.load(Ordering::SeqCst);
            assert!(images.iter().all(|image| image.width() as usize != poison), "a photo the detector panics on");
            if self.control.failing.load(Ordering::SeqCst) {
                return Err(ModelError::inference("/secret/path/model.onnx: node 17 failed"));
            }
        }
        let mut found = self.inner.detect(images, options)?;
        for (image, detections) in images.iter().zip(&mut found) {
            detections.retain(|d| d.bbox.x2 <= image.width() as f32 && d.bbox.y2 <= image.height() as f32);
        }
        Ok(found)
    }

    fn classes(&self) -> &[String] {
        self.inner.classes()
    }

    fn describe(&self) -> String {
        "colour detector".to_owned()
    }
}

/// Sees the rectangles of [`photos::shelf`]; knows red, green and blue.
pub(crate) fn recognizer(control: &Arc<Control>) -> Recognizer {
    recognizer_by(control, Arc::new(MeanColorEmbedder))
}

/// The same with an embedder of one's own, under which nothing is enrolled rightly.
pub(crate) fn recognizer_by(control: &Arc<Control>, embedder: Arc<dyn Embedder>) -> Recognizer {
    let detections = photos::FACINGS
        .iter()
        .enumerate()
        .map(|(at, (bbox, _))| Detection {
            bbox: *bbox,
            class: ClassId(at as u16 % 2),
            confidence: 0.95 - 0.05 * at as f32,
        })
        .collect();
    let inner = FixedDetector { classes: vec!["bottle".to_owned(), "can".to_owned()], detections };
    let colors =
        [("sku_001_red_cola", "Red Cola"), ("sku_002_green_tea", "Green Tea"), ("sku_003_blue_water", "Blue Water")];
    let skus = (1..)
        .zip(colors)
        .map(|(id, (code, name))| Arc::new(Sku { id: SkuId(id), code: code.to_owned(), name: name.to_owned() }));
    let exemplars = (1..)
        .zip([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        .map(|(id, color)| (SkuId(id), Embedding::normalized(color.to_vec()).expect("a direction")));
    let gallery = ListIndex { exemplars: exemplars.collect(), skus: skus.collect() };
    with_gallery(control, inner, gallery, embedder)
}

/// As [`recognizer`], with nothing enrolled.
pub(crate) fn recognizer_of_nothing(control: &Arc<Control>) -> Recognizer {
    with_gallery(
        control,
        FixedDetector::bottles(&[photos::FACINGS[0].0]),
        ListIndex::default(),
        Arc::new(MeanColorEmbedder),
    )
}

fn with_gallery(
    control: &Arc<Control>,
    inner: FixedDetector,
    gallery: ListIndex,
    embedder: Arc<dyn Embedder>,
) -> Recognizer {
    let detector = ControlledDetector { inner, control: Arc::clone(control) };
    let settings = RecognizerSettings::default();
    Release::new("colours", Arc::new(detector), embedder, Arc::new(gallery), settings).recognizer()
}

pub(crate) fn loaded(recognizer: Recognizer) -> Result<Loaded, LoadError> {
    Ok(Loaded::new(recognizer, RecognizeOptions::default()))
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) control: Arc<Control>,
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// Small and quick: one worker, short timeouts.
pub(crate) fn config() -> ServerConfig {
    let mut config = ServerConfig { workers: 1.try_into().expect("not zero"), ..ServerConfig::default() };
    config.timeouts.drain = Duration::from_secs(10);
    config
}

impl Server {
    /// With the usual fakes, ready.
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: ServerConfig) -> Self {
        let control = Arc::<Control>::default();
        let recognizer = recognizer(&control);
        let server = Self::loading(config, control, move || loaded(recognizer)).await;
        server.until_ready().await;
        server
    }

    /// With any loader; perhaps not ready.
    pub(crate) async fn loading(
        setup: impl Into<Setup>,
        control: Arc<Control>,
        load: impl FnOnce() -> Result<Loaded, LoadError> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(server::run(setup.into(), load, listener, shutdown));
        use_ring();
        Self { address, control, client: Client::new(), stop: Some(stop), task }
    }

    pub(crate) async fn until_ready(&self) {
        self.until("ready", async || self.get("/readyz").await.status() == StatusCode::OK).await;
    }

    /// Polls until `condition` holds.
    pub(crate) async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !condition().await {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: it never came to be");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect(path)
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.expect(path)
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect(path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// A photo as raw bytes, ready to be sent.
    pub(crate) fn photo(&self, bytes: Vec<u8>) -> RequestBuilder {
        self.post("/v2/recognize").header("content-type", "image/jpeg").body(bytes)
    }

    /// Sends a photo in the background.
    pub(crate) fn spawn_photo(&self, bytes: Vec<u8>) -> JoinHandle<Response> {
        let request = self.photo(bytes);
        tokio::spawn(async move { request.send().await.expect("an answer") })
    }

    /// The server still answers a good photo rightly.
    pub(crate) async fn assert_serves(&self) {
        let response = self.photo(photos::jpeg()).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["detections"].as_array().map(Vec::len), Some(photos::FACINGS.len()), "{answer}");
    }

    /// Value of a metric, 0 when it has none yet; `labels` as written between the braces.
    pub(crate) async fn metric(&self, name: &str, labels: &str) -> f64 {
        let series = if labels.is_empty() { format!("{name} ") } else { format!("{name}{{{labels}}} ") };
        let text = self.text("/metrics").await;
        text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or(0.0)
    }

    pub(crate) async fn queue_depth(&self) -> u64 {
        self.json("/health").await["queue"]["depth"].as_u64().expect("a depth")
    }

    pub(crate) fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// What [`server::run`] came back with.
    pub(crate) async fn end(mut self) -> Result<(), ServeError> {
        self.tell_to_stop();
        self.task.await.expect("it does not panic")
    }
}

/// A problem's parts, its invariants checked.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    pub(crate) async fn of(response: Response) -> Self {
        let header = |name: &str| response.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
        let (status, id, retry_after) = (response.status().as_u16(), header("x-request-id"), header("retry-after"));
        assert_eq!(header("content-type").as_deref(), Some("application/problem+json"));
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"].as_str(), id.as_deref());
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
        let text = |key: &str| body[key].as_str().expect(key).to_owned();
        let (kind, detail) = (text("type"), text("detail"));
        for inside in ["panicked", ".rs:", "/secret", "src/", "Error(", "unwrap"] {
            assert!(!detail.contains(inside), "the detail shows the inside: {detail}");
        }
        Self { status, kind, detail, body, retry_after: retry_after.map(|s| s.parse().expect("seconds")) }
    }
}
