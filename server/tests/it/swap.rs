//! Another release takes the place of the one that is served, under load, and what cannot be served leaves the old one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use classifier::EmbedderIdentity;
use classifier::gallery::{IndexKind, IndexOptions};
use pipeline::{RecognizeOptions, Recognizer, RecognizerSettings, Release};
use reqwest::StatusCode;
use review::LiveGallery;
use serde_json::{Value, json};
use server::{LoadError, Loaded, Reload, ReviewSetup, Setup, Version};
use store::access::DEFAULT_ORGANISATION as HOME;
use store::registry::{ModelKind, ModelVersion, NewModel};
use store::{Store, StoreHandle};
use tempfile::TempDir;
use tokio::sync::mpsc;
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};
use vision::{ClassId, Detection, Embedder, Embedding, ModelError, RgbImage, Sha256, Sku, SkuId};

use crate::access::operator;
use crate::harness::{Control, Server, config, recognizer_by};
use crate::photos;
use crate::review_server::{NextEmbedder, enrolled, review_config, settings};

/// How often releases take each other's place under load; `SHELF_SWAPS=1000` for the number in the documents.
const SWAPS: &str = "SHELF_SWAPS";

/// An embedder that works when it is loaded and fails when it is run.
struct FailingEmbedder;

impl Embedder for FailingEmbedder {
    fn embed(&self, _: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        Err(ModelError::inference("node 17 failed"))
    }

    fn dimension(&self) -> usize {
        3
    }

    fn fingerprint(&self) -> Sha256 {
        Sha256::of(b"fails")
    }

    fn describe(&self) -> String {
        "failing embedder".to_owned()
    }
}

/// Sees the usual shelf; all its SKUs and its detector are named after the version.
fn named(version: &str) -> Recognizer {
    let detections =
        photos::FACINGS.iter().map(|(bbox, _)| Detection { bbox: *bbox, class: ClassId(0), confidence: 0.9 });
    let detector = FixedDetector { classes: vec![version.to_owned()], detections: detections.collect() };
    let exemplars = (1..).zip([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let gallery = ListIndex {
        skus: (1..=3)
            .map(|id| Arc::new(Sku { id: SkuId(id), code: format!("{version}-{id}"), name: version.to_owned() }))
            .collect(),
        exemplars: exemplars
            .map(|(id, color)| (SkuId(id), Embedding::normalized(color.to_vec()).expect("a direction")))
            .collect(),
    };
    let parts = (Arc::new(detector), Arc::new(MeanColorEmbedder), Arc::new(gallery));
    Release::new(version, parts.0, parts.1, parts.2, RecognizerSettings::default()).recognizer()
}

/// How a version is made: by what its version says.
pub(crate) type Make = dyn Fn(&ModelVersion) -> Result<Loaded, LoadError> + Send + Sync;

/// A store with versions, and servers of it.
pub(crate) struct Registry {
    pub(crate) handle: StoreHandle,
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

impl Registry {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let handle = StoreHandle::from(settings(folder.path()));
        let store = handle.get().await.expect("opened");
        Self { handle, store, folder }
    }

    /// A version that passes its gates.
    async fn register(&self, version: &str) -> ModelVersion {
        let new = NewModel {
            organisation: HOME.into(),
            kind: ModelKind::Tabular,
            name: "shelf".into(),
            version: version.into(),
            training: false,
            algorithm: "fake".into(),
            description: String::new(),
            metrics: [("r2".to_owned(), 0.9)].into(),
            datasets: Vec::new(),
            parents: Vec::new(),
            tags: Vec::new(),
            settings: json!({"version": version}),
            files: Vec::new(),
        };
        self.store.register(new, &operator(HOME)).await.expect("registered")
    }

    async fn promote(&self, version: &ModelVersion) {
        self.store.promote(HOME, &version.id, None, &operator(HOME)).await.expect("promoted");
    }

    /// A server of what is in production; whoever sends to the second has it loaded anew.
    pub(crate) async fn serve(&self, make: Arc<Make>) -> (Server, mpsc::Sender<()>) {
        let (ask, asked) = mpsc::channel(1);
        let (handle, runtime) = (self.handle.clone(), tokio::runtime::Handle::current());
        let load = move |version: Option<&ModelVersion>| {
            let version = match version {
                Some(version) => version.clone(),
                None => runtime.block_on(async {
                    let store = handle.get().await?;
                    store.in_production(HOME, "shelf").await?.ok_or("nothing is in production").map_err(LoadError::from)
                })?,
            };
            let loaded = make(&version)?;
            Ok(Loaded { version: Some(Version { id: version.id.clone(), label: version.label() }), ..loaded })
        };
        let load = Arc::new(load);
        let mut config = config();
        config.workers = 2.try_into().expect("not zero");
        config.releases.look = Duration::from_millis(100);
        let again = Arc::clone(&load);
        let reload = Reload::new(Some("shelf".into()), move |version| again(version), asked);
        let setup = Setup { config, store: Some(self.handle.clone()), reload: Some(reload), export: None };
        let server = Server::loading(setup, Arc::default(), move || load(None)).await;
        server.until_ready().await;
        (server, ask)
    }
}

fn plain(version: &ModelVersion) -> Result<Loaded, LoadError> {
    Ok(Loaded::new(named(&version.version), RecognizeOptions::default()))
}

impl Server {
    pub(crate) async fn serves(&self, label: &str) {
        self.until(label, async || self.json("/health").await["release"]["version"] == label).await;
    }

    async fn rollback(&self, version: &str) -> StatusCode {
        let path = format!("/api/ml/models/shelf/rollback?to_version={version}");
        self.post(&path).json(&json!({})).send().await.expect("an answer").status()
    }
}

/// Each answer is of the release that it names, from the first stage to the last.
fn whole(answer: &Value) -> String {
    let label = answer["release"]["version"].as_str().expect("it names its release").to_owned();
    let version = label.strip_prefix("shelf@").expect("of this name");
    let detections = answer["detections"].as_array().expect("a list");
    assert_eq!(detections.len(), photos::FACINGS.len(), "{answer}");
    assert!(detections.iter().all(|detection| detection["class"] == version), "{answer}");
    let known: Vec<_> = detections.iter().filter(|detection| !detection["sku"].is_null()).collect();
    assert_eq!(known.len(), 6, "{answer}");
    assert!(known.iter().all(|detection| detection["sku"]["name"] == version), "{answer}");
    label
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_take_each_others_place_and_no_request_is_lost() {
    let swaps: usize = std::env::var(SWAPS).ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let registry = Registry::new().await;
    let (one, two) = (registry.register("1").await, registry.register("2").await);
    registry.promote(&one).await;
    registry.promote(&two).await;
    let (server, _ask) = registry.serve(Arc::new(plain)).await;
    server.serves("shelf@2").await;
    let (done, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (done, client, url) = (Arc::clone(&done), server.client.clone(), server.url("/v2/recognize"));
            tokio::spawn(async move {
                let mut seen = [0_usize; 2];
                while !done.load(Ordering::Relaxed) {
                    let sent = client.post(&url).header("content-type", "image/jpeg").body(photos::jpeg()).send().await;
                    let response = sent.expect("no connection is dropped");
                    assert_eq!(response.status(), StatusCode::OK);
                    let label = whole(&response.json().await.expect("JSON"));
                    seen[usize::from(label == "shelf@2")] += 1;
                }
                seen
            })
        })
        .collect();
    for swap in 0..swaps {
        let version = if swap.is_multiple_of(2) { "1" } else { "2" };
        assert_eq!(server.rollback(version).await, StatusCode::OK);
        let label = format!("shelf@{version}");
        server
            .until("it answers", async || {
                let health = server.json("/health").await;
                let in_memory = health["swap"]["in_memory"].as_u64().expect("a number");
                most.fetch_max(in_memory as usize, Ordering::Relaxed);
                health["release"]["version"] == label.as_str()
            })
            .await;
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = [0; 2];
    for client in clients {
        let [first, second] = client.await.expect("every answer was right");
        seen = [seen[0] + first, seen[1] + second];
    }
    println!("{swaps} swaps, {} answers of one release and {} of the other", seen[0], seen[1]);
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    assert!(most.load(Ordering::Relaxed) <= 2);
    assert_eq!(server.metric("shelf_swaps_total", "outcome=\"swapped\"").await, swaps as f64);
    assert_eq!(server.metric("shelf_swap_duration_seconds_count", "").await, swaps as f64);
    server.until("one is left", async || server.metric("shelf_releases_in_memory", "").await == 1.0).await;
    let last = if swaps.is_multiple_of(2) { "2" } else { "1" };
    let info = format!("release=\"shelf@{last}\",detector=\"fixed detector\",embedder=\"mean colour embedder\"");
    assert_eq!(server.metric("shelf_release_info", &info).await, 1.0, "{}", server.text("/metrics").await);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_finished_with_what_it_began_with() {
    let registry = Registry::new().await;
    let versions = [registry.register("1").await, registry.register("2").await, registry.register("3").await];
    registry.promote(&versions[0]).await;
    let control = Arc::<Control>::default();
    let held = Arc::clone(&control);
    let make = move |version: &ModelVersion| match version.version.as_str() {
        "1" => Ok(Loaded::new(recognizer_by(&held, Arc::new(MeanColorEmbedder)), RecognizeOptions::default())),
        _ => plain(version),
    };
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    control.hold();
    let accepted = server.spawn_photo(photos::jpeg());
    server.until("the worker is at it", async || control.seen() == 1).await;
    registry.promote(&versions[1]).await;
    server.serves("shelf@2").await;
    assert_eq!(server.json("/health").await["swap"]["in_memory"], 2);
    let answer: Value = server.photo(photos::jpeg()).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(whole(&answer), "shelf@2", "new requests get the new one");
    // There is no room for a third while the first still answers.
    registry.promote(&versions[2]).await;
    server.until("it waits", async || server.json("/health").await["swap"]["state"] == "waiting").await;
    assert_eq!(server.json("/health").await["release"]["version"], "shelf@2");
    control.release();
    let answer: Value = accepted.await.expect("no panic").json().await.expect("JSON");
    assert_eq!(answer["release"]["version"], "shelf@1");
    assert_eq!(answer["release"]["detector"], "colour detector");
    assert_eq!(answer["detections"][0]["sku"]["name"], "Red Cola");
    server.serves("shelf@3").await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_served_leaves_the_old_one() {
    let registry = Registry::new().await;
    let (good, later) = (registry.register("good").await, registry.register("later").await);
    registry.promote(&good).await;
    let tried = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&tried);
    let make = move |version: &ModelVersion| {
        log.lock().expect("no panic").push(version.version.clone());
        let embedder = || {
            Release::new(
                "failing",
                Arc::new(FixedDetector::bottles(&[])),
                Arc::new(FailingEmbedder),
                Arc::new(ListIndex::default()),
                RecognizerSettings::default(),
            )
        };
        match version.version.as_str() {
            "missing" => Err("a file of it is not what was registered".into()),
            "panics" => panic!("the loader panics"),
            "fails" => Ok(Loaded::new(embedder().recognizer(), RecognizeOptions::default())),
            _ => plain(version),
        }
    };
    let (server, ask) = registry.serve(Arc::new(make)).await;
    for (at, (version, cause)) in
        [("missing", "not what was registered"), ("panics", "panicked"), ("fails", "node 17 failed")].iter().enumerate()
    {
        let bad = registry.register(version).await;
        registry.promote(&bad).await;
        let label = format!("shelf@{version}");
        server
            .until("it is refused", async || {
                server.json("/health").await["swap"]["refused"]["release"] == label.as_str()
            })
            .await;
        let health = server.json("/health").await;
        assert_eq!((&health["status"], &health["ready"]), (&"degraded".into(), &true.into()));
        assert!(health["swap"]["refused"]["cause"].as_str().expect("words").contains(cause), "{health}");
        assert_eq!(health["release"]["version"], "shelf@good");
        let answer: Value = server.photo(photos::jpeg()).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(whole(&answer), "shelf@good");
        assert_eq!(server.metric("shelf_swaps_total", "outcome=\"refused\"").await, (at + 1) as f64);
    }
    // It is not loaded over and over, unless somebody asks.
    let times = || tried.lock().expect("no panic").iter().filter(|version| *version == "fails").count();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(times(), 1);
    ask.send(()).await.expect("it listens");
    server.until("it is tried again", async || times() == 2).await;
    registry.promote(&later).await;
    server.serves("shelf@later").await;
    let health = server.json("/health").await;
    assert_eq!((&health["status"], &health["swap"]["refused"]), (&"ok".into(), &Value::Null));
    assert_eq!(server.metric("shelf_releases_in_memory", "").await, 1.0);
    // Asked to, it loads the same anew.
    ask.send(()).await.expect("it listens");
    server
        .until("it is loaded anew", async || server.metric("shelf_swaps_total", "outcome=\"swapped\"").await == 2.0)
        .await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_follows() {
    let registry = Registry::new().await;
    let (one, two) = (registry.register("1").await, registry.register("2").await);
    registry.promote(&one).await;
    let (promoting, _ask) = registry.serve(Arc::new(plain)).await;
    let (following, _ask) = registry.serve(Arc::new(plain)).await;
    following.serves("shelf@1").await;
    let path = format!("/api/ml/models/{}/promote", two.id);
    assert_eq!(promoting.post(&path).json(&json!({})).send().await.expect("an answer").status(), StatusCode::OK);
    promoting.serves("shelf@2").await;
    following.serves("shelf@2").await;
    assert_eq!(promoting.rollback("1").await, StatusCode::OK);
    following.serves("shelf@1").await;
    // Taken out of production with nothing in its place, it goes on.
    registry.store.demote(HOME, &one.id, &operator(HOME)).await.expect("demoted");
    tokio::time::sleep(Duration::from_millis(300)).await;
    following.serves("shelf@1").await;
    promoting.end().await.expect("a clean end");
    following.end().await.expect("a clean end");
}

/// A release of the usual fakes, with a queue over a gallery of its embedder.
pub(crate) fn reviewed(embedder: Arc<dyn Embedder>, folder: &Path, handle: StoreHandle) -> Loaded {
    let options = IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() };
    let live = LiveGallery::new("colours", EmbedderIdentity::of(&*embedder), options);
    let enrolled = enrolled(&*embedder);
    let review =
        ReviewSetup { config: review_config(), store: handle, live, enrolled, gallery: folder.join("gallery") };
    let recognizer = recognizer_by(&Arc::default(), embedder);
    Loaded { review: Some(review), ..Loaded::new(recognizer, RecognizeOptions::default()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_said_counts_under_the_release_that_follows() {
    let registry = Registry::new().await;
    let (one, two) = (registry.register("1").await, registry.register("2").await);
    registry.promote(&one).await;
    let (folder, handle) = (registry.folder.path().to_owned(), registry.handle.clone());
    let make = move |version: &ModelVersion| {
        let embedder: Arc<dyn Embedder> =
            if version.version == "1" { Arc::new(MeanColorEmbedder) } else { Arc::new(NextEmbedder) };
        Ok(reviewed(embedder, &folder, handle.clone()))
    };
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    server.recognise().await;
    // White is nothing that is enrolled; yellow is nearly two things.
    let (white, yellow) = ((20.0, 180.0), (90.0, 180.0));
    let item = server.item_at(white.0, white.1).await;
    let milk = json!({"item_id": item["id"], "new_sku": {"name": "Milk"}, "reviewer": "ann"});
    server.change("label", milk).await;
    server.until_named(white, Some("Milk")).await;
    let waiting = server.item_at(yellow.0, yellow.1).await;
    registry.promote(&two).await;
    server.serves("shelf@2").await;
    assert_eq!(server.json("/health").await["release"]["embedder"], "the next embedder");
    server.until_named(white, Some("Milk")).await;
    // What was queued under the one before is answered, and counts.
    server.change("label", json!({"item_id": waiting["id"], "sku_id": 1, "reviewer": "ann"})).await;
    server.until_named(yellow, Some("Red Cola")).await;
    assert_eq!(server.rollback("1").await, StatusCode::OK);
    server.serves("shelf@1").await;
    server.until_named(white, Some("Milk")).await;
    server.until_named(yellow, Some("Red Cola")).await;
    assert_eq!(registry.store.check().await.expect("checked"), [] as [String; 0]);
    server.end().await.expect("a clean end");
}
