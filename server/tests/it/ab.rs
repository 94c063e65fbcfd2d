//! Two versions beside each other: of releases, of tables.

use std::sync::Arc;

use pipeline::{RecognizeOptions, RecognizerSettings, Release};
use serde_json::{Value, json};
use server::Loaded;
use store::Store;
use store::access::{DEFAULT_ORGANISATION as HOME, Role};
use store::predictions::PredictionRange;
use store::registry::{ModelKind, ModelVersion, NewModel};
use vision::fakes::{FixedDetector, ListIndex, MeanColorEmbedder};
use vision::{Sku, SkuId};

use crate::access::{Guarded, key, operator};
use crate::harness::{Server, recognizer_by};
use crate::jobs::{data_set, over};
use crate::photos;
use crate::review_server::NextEmbedder;
use crate::swap::{Registry, reviewed};
use crate::tables::{ok, refused};

/// A release; the first one is put into production.
async fn release(store: &Store, version: &str) -> ModelVersion {
    let new = NewModel {
        organisation: HOME.into(),
        kind: ModelKind::Release,
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
    let model = store.register(new, &operator(HOME)).await.expect("registered");
    if version == "1" {
        store.promote(HOME, &model.id, Some("it is the first"), &operator(HOME)).await.expect("promoted");
    }
    model
}

impl Server {
    async fn recognised(&self, query: &str) -> (String, String) {
        let path = format!("/v2/recognize{query}");
        let answer = ok(self.post(&path).header("content-type", "image/jpeg").body(photos::jpeg())).await;
        let text = |name: &str| answer["release"][name].as_str().unwrap_or_default().to_owned();
        (text("arm"), text("version"))
    }

    pub(crate) async fn tries(&self, label: &str) {
        self.until(label, async || self.json("/health").await["swap"]["test"]["release"] == label).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_releases_answer_beside_each_other() {
    let registry = Registry::new().await;
    let store = &registry.store;
    let (one, two) = (release(store, "1").await, release(store, "2").await);
    let (folder, handle) = (registry.folder.path().to_owned(), registry.handle.clone());
    let make = move |_: &ModelVersion| Ok(reviewed(Arc::new(MeanColorEmbedder), &folder, handle.clone()));
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    assert_eq!(server.recognised("").await, (String::new(), "shelf@1".into()));
    let begin = |name: &str, a: &ModelVersion, b: &ModelVersion| {
        server.post("/api/ml/models/ab-test").json(&json!({"model_a_id": a.id, "model_b_id": b.id, "test_name": name}))
    };
    let begun = ok(begin("t", &one, &two)).await;
    assert_eq!((&begun["status"], &begun["config"]["split_ratio"]), (&json!("success"), &json!(0.5)));
    assert_eq!((&begun["config"]["test_name"], &begun["config"]["model_b_id"]), (&json!("t"), &json!(two.id)));
    server.tries("shelf@2").await;
    assert_eq!(server.json("/health").await["release"]["version"], "shelf@1");
    assert_eq!(refused(begin("u", &one, &two)).await.1, "wrong-status", "two releases are in memory at most");

    // The same user gets the same release; so does a store, where no user is named.
    let mut seen = [0_u64; 2];
    let mut of_b = String::new();
    for user in 0..16 {
        let query = if user < 12 { format!("?user_id=u{user}&store=north") } else { format!("?store=s{user}") };
        let (arm, version) = server.recognised(&query).await;
        assert!(
            [("t/a", "shelf@1"), ("t/b", "shelf@2")].contains(&(arm.as_str(), version.as_str())),
            "{arm} {version}"
        );
        assert_eq!(server.recognised(&query).await, (arm.clone(), version), "{query}");
        seen[usize::from(arm == "t/b")] += 2;
        if arm == "t/b" {
            of_b = query;
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    assert_eq!(server.json("/health").await["swap"]["in_memory"], 2);
    // The example is nobody's test.
    let range = PredictionRange { organisation: HOME.into(), from: 0, until: i64::MAX };
    let logged = async || store.predictions(&range, None, 100).await.expect("read").predictions;
    server.until("all are logged", async || logged().await.len() as u64 == 1 + seen[0] + seen[1]).await;
    let of = async |arm: &str| logged().await.iter().filter(|p| p.arm.as_deref() == Some(arm)).count() as u64;
    assert_eq!([of("t/a").await, of("t/b").await], seen);
    let shown = ok(server.client.get(server.url("/api/ml/models/ab-test/t"))).await;
    assert_eq!((&shown["arms"][0]["answers"], &shown["arms"][1]["answers"]), (&json!(seen[0]), &json!(seen[1])));
    assert_eq!((&shown["arms"][1]["model"], &shown["verdict"]), (&json!("shelf@2"), &json!("not yet")));
    assert!(of_b.starts_with('?'));

    let ended = ok(server.post("/api/ml/models/ab-test/t/end").json(&json!({}))).await;
    assert_eq!(ended["config"]["state"], "ended");
    server.until("it is over", async || server.recognised(&of_b).await == (String::new(), "shelf@1".into())).await;
    server.until("one is left", async || server.json("/health").await["swap"]["in_memory"] == 1).await;
    // What is promoted is no longer what is compared: it goes into production, and the test is over.
    ok(begin("u", &one, &two)).await;
    server.tries("shelf@2").await;
    store.promote(HOME, &two.id, Some("it is better"), &operator(HOME)).await.expect("promoted");
    server.serves("shelf@2").await;
    assert_eq!(server.recognised(&of_b).await, (String::new(), "shelf@2".into()));
    assert_eq!(ok(server.client.get(server.url("/api/ml/models/ab-test/u"))).await["config"]["state"], "ended");
    assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_say_counts_for_the_side_that_asked() {
    let registry = Registry::new().await;
    let store = &registry.store;
    let (one, two) = (release(store, "1").await, release(store, "2").await);
    let (folder, handle) = (registry.folder.path().to_owned(), registry.handle.clone());
    let make = move |_: &ModelVersion| {
        let mut loaded = reviewed(Arc::new(MeanColorEmbedder), &folder, handle.clone());
        // Every facing is sampled blindly.
        let review = loaded.review.as_mut().expect("it has a queue");
        review.config.samplers.random_ratio = 1.0;
        review.config.samplers.duplicate_similarity = 0.0;
        Ok(loaded)
    };
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    let body = json!({"model_a_id": one.id, "model_b_id": two.id, "test_name": "t", "split_ratio": 0.5});
    ok(server.post("/api/ml/models/ab-test").json(&body)).await;
    server.tries("shelf@2").await;
    let mut asked = [false; 2];
    for user in 0..40 {
        let (arm, _) = server.recognised(&format!("?user_id={user}")).await;
        asked[usize::from(arm == "t/b")] = true;
    }
    assert_eq!(asked, [true; 2]);
    let queue = server.json("/v2/active-learning-queue?limit=100").await;
    let items = queue["items"].as_array().expect("a list");
    for item in items {
        let label = json!({"item_id": item["id"], "sku_id": 1, "reviewer": "ann"});
        ok(server.post("/v2/active-learning/label").json(&label)).await;
    }
    let shown = ok(server.client.get(server.url("/api/ml/models/ab-test/t"))).await;
    let judged = |arm: usize| shown["arms"][arm]["judged"].as_u64().expect("a number");
    assert!(judged(0) > 0 && judged(1) > 0, "{shown}");
    assert_eq!(shown["days"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(
        store.check().await.expect("checked"),
        [] as [String; 0],
        "the gallery of the other one was not taken over"
    );
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_that_speak_of_other_things_are_not_compared() {
    let registry = Registry::new().await;
    let store = &registry.store;
    let one = release(store, "1").await;
    let others = [release(store, "classes").await, release(store, "skus").await, release(store, "breaks").await];
    let make = |version: &ModelVersion| {
        let classes = if version.version == "classes" { "can" } else { "bottle" };
        let code = if version.version == "skus" { "other" } else { "cola" };
        if version.version == "breaks" {
            return Err("a file of it is not what was registered".into());
        }
        let detector = FixedDetector { classes: vec![classes.to_owned()], detections: Vec::new() };
        let sku = Arc::new(Sku { id: SkuId(1), code: code.into(), name: code.into() });
        let gallery = ListIndex { skus: vec![sku], exemplars: Vec::new() };
        let parts = (Arc::new(detector), Arc::new(MeanColorEmbedder), Arc::new(gallery));
        let release = Release::new("fakes", parts.0, parts.1, parts.2, RecognizerSettings::default());
        Ok(Loaded::new(release.recognizer(), RecognizeOptions::default()))
    };
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    for (other, cause) in
        others.iter().zip(["its detector tells can apart", "its gallery has the SKU other", "not what was registered"])
    {
        let name = format!("t-{}", other.version);
        let body = json!({"model_a_id": one.id, "model_b_id": other.id, "test_name": name});
        ok(server.post("/api/ml/models/ab-test").json(&body)).await;
        server.tries(&format!("shelf@{}", other.version)).await;
        let health = server.json("/health").await;
        assert!(health["swap"]["test"]["refused"].as_str().is_some_and(|text| text.contains(cause)), "{health}");
        assert_eq!(server.recognised("").await, (String::new(), "shelf@1".into()));
        ok(server.post(&format!("/api/ml/models/ab-test/{name}/end")).json(&json!({}))).await;
        server.until("it is forgotten", async || server.json("/health").await["swap"]["test"].is_null()).await;
        assert_eq!(server.json("/health").await["swap"]["in_memory"], 1);
    }
    server.end().await.expect("a clean end");
}

/// A model of flowers, staged.
async fn flowers(server: &Server, key: &str, set: &str, algorithm: &str) -> String {
    let post = |path: &str| server.post(path).bearer_auth(key);
    let body =
        json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": algorithm});
    let job = ok(post("/api/ml/models/train").json(&body)).await["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(over(server, key, &job).await["status"], "completed");
    let deploy = json!({"training_job_id": job, "model_name": "flowers", "version": algorithm});
    ok(post("/api/ml/models/deploy").json(&deploy)).await;
    job
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_models_of_tables_answer_beside_each_other() {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let viewer = key(store, HOME, "vic", Role::Viewer).await;
    let set = data_set(server, &engineer).await;
    let (one, two) = (
        flowers(server, &engineer, &set, "naive_bayes").await,
        flowers(server, &engineer, &set, "decision_tree").await,
    );
    let post = |path: &str, key: &str, body: Value| server.post(path).bearer_auth(key).json(&body);
    let begin = |name: &str, ratio: Value, key: &str| {
        let body = json!({"model_a_id": one, "model_b_id": two, "test_name": name, "split_ratio": ratio});
        post("/api/ml/models/ab-test", key, body)
    };
    assert_eq!(refused(begin("t", json!(0.5), &viewer)).await.1, "forbidden", "who only looks begins nothing");
    for ratio in [json!(0), json!(1), json!(-1), json!(1e300)] {
        assert_eq!(refused(begin("t", ratio.clone(), &engineer)).await.1, "bad-parameter", "{ratio}");
    }
    assert_eq!(refused(begin("t", json!("half"), &engineer)).await.1, "malformed-body");
    assert_eq!(refused(begin("../t", json!(0.5), &engineer)).await.1, "bad-parameter");
    let same = json!({"model_a_id": one, "model_b_id": one, "test_name": "t"});
    assert_eq!(refused(post("/api/ml/models/ab-test", &engineer, same)).await.1, "bad-parameter");
    let gone = json!({"model_a_id": one, "model_b_id": "nobody", "test_name": "t"});
    assert_eq!(refused(post("/api/ml/models/ab-test", &engineer, gone)).await.1, "unknown-model");
    ok(begin("t", json!(0.5), &engineer)).await;
    assert_eq!(refused(begin("t", json!(0.5), &engineer)).await.1, "name-taken");

    let ask = |user: Value, features: Value, key: &str| {
        post("/api/ml/models/predict", key, json!({"ab_test_name": "t", "user_id": user, "features": features}))
    };
    let flower = || json!({"length": 1.0, "width": 0.3});
    let mut sides = [Vec::new(), Vec::new()];
    for user in 0..24 {
        let answer = ok(ask(json!(user), flower(), &viewer)).await;
        let again = ok(ask(json!(user), flower(), &viewer)).await;
        assert_eq!((&answer["arm"], &answer["model_id"]), (&again["arm"], &again["model_id"]), "user {user}");
        assert_eq!(answer["prediction"], json!(["setosa"]));
        let b = answer["arm"] == "b";
        assert_eq!(answer["model_id"], if b { two.as_str() } else { one.as_str() });
        sides[usize::from(b)].extend([answer["prediction_id"].clone(), again["prediction_id"].clone()]);
    }
    assert!(sides.iter().all(|side| side.len() >= 6), "{sides:?}");
    // B turns out to be right, A wrong: said twice, it counts once.
    let tell = |id: &Value, body: Value, key: &str| {
        let mut body = body;
        body["prediction_id"] = id.clone();
        post("/api/ml/models/ab-test/t/outcome", key, body)
    };
    for (side, actual) in sides.iter().zip(["virginica", "setosa"]) {
        for id in side {
            for _ in 0..2 {
                ok(tell(id, json!({"actual": actual}), &viewer)).await;
            }
        }
    }
    let first = &sides[0][0];
    for (body, status, kind) in [
        (json!({"right": 1}), 409, "wrong-status"),
        (json!({"right": 2}), 422, "bad-parameter"),
        (json!({"actual": ["setosa", "setosa"]}), 422, "bad-parameter"),
        (json!({}), 422, "bad-parameter"),
        (json!({"actual": "setosa", "right": 1}), 422, "bad-parameter"),
        (json!({"right": -1}), 400, "malformed-body"),
    ] {
        let (found, slug, detail) = refused(tell(first, body.clone(), &viewer)).await;
        assert_eq!((found, slug.as_str()), (status, kind), "{body}: {detail}");
    }
    let many = ok(ask(json!("many"), json!([flower(), {"length": 4.5, "width": 3.4}]), &viewer)).await;
    ok(tell(&many["prediction_id"], json!({"actual": ["setosa", "virginica"]}), &viewer)).await;
    assert_eq!(refused(tell(&json!("nobody"), json!({"right": 1}), &viewer)).await.1, "unknown-test");
    let get = |path: &str, key: &str| server.client.get(server.url(path)).bearer_auth(key);
    let shown = ok(get("/api/ml/models/ab-test/t", &viewer)).await;
    assert_eq!((&shown["verdict"], &shown["arms"][0]["model"]), (&json!("b"), &json!("flowers@naive_bayes")));
    let answers = shown["arms"].as_array().expect("two").iter().map(|arm| arm["answers"].as_u64().expect("a number"));
    assert_eq!(answers.sum::<u64>(), 49);
    let last = &shown["days"][0];
    assert_eq!((&last["b"]["rate"], &last["b"]["judged"]), (&shown["arms"][1]["rate"], &shown["arms"][1]["judged"]));

    // Of another organisation, nothing is there.
    let brand = store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(store, &brand.id, "admin", Role::Admin).await;
    assert_eq!(ok(get("/api/ml/models/ab-test", &stranger)).await["tests"], json!([]));
    assert_eq!(refused(get("/api/ml/models/ab-test/t", &stranger)).await.1, "unknown-test");
    assert_eq!(refused(tell(first, json!({"right": 0}), &stranger)).await.1, "unknown-test");
    assert_eq!(refused(ask(json!(1), flower(), &stranger)).await.1, "unknown-test");
    assert_eq!(refused(post("/api/ml/models/ab-test/t/end", &stranger, json!({}))).await.1, "unknown-test");
    assert_eq!(refused(begin("mine", json!(0.5), &stranger)).await.1, "unknown-model");

    assert_eq!(refused(post("/api/ml/models/ab-test/t/end", &viewer, json!({}))).await.1, "forbidden");
    ok(post("/api/ml/models/ab-test/t/end", &engineer, json!({}))).await;
    let (status, slug, detail) = refused(ask(json!(1), flower(), &viewer)).await;
    assert_eq!((status, slug.as_str()), (409, "wrong-status"), "{detail}");
    ok(tell(&sides[1][0], json!({"right": 1}), &viewer)).await;
    let listed = ok(get("/api/ml/models/ab-test", &viewer)).await;
    assert_eq!((&listed["tests"][0]["state"], &listed["tests"][0]["ended_by"]), (&json!("ended"), &json!("eve")));
    assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_looks_again_when_nobody_waits_and_what_differs_is_asked() {
    let registry = Registry::new().await;
    let store = &registry.store;
    let (one, two) = (release(store, "1").await, release(store, "2").await);
    let (folder, handle) = (registry.folder.path().to_owned(), registry.handle.clone());
    let control = Arc::<crate::harness::Control>::default();
    let held = Arc::clone(&control);
    let make = move |version: &ModelVersion| {
        // The other one sees as well, and says it otherwise: its gallery knows none of it.
        let embedder: Arc<dyn vision::Embedder> =
            if version.version == "1" { Arc::new(MeanColorEmbedder) } else { Arc::new(NextEmbedder) };
        let loaded = reviewed(Arc::clone(&embedder), &folder, handle.clone());
        let held = if version.version == "1" { Arc::default() } else { Arc::clone(&held) };
        Ok(Loaded { recognizer: recognizer_by(&held, embedder), ..loaded })
    };
    let (server, _ask) = registry.serve(Arc::new(make)).await;
    let body =
        json!({"model_a_id": one.id, "model_b_id": two.id, "test_name": "t", "split_ratio": 1.0, "mode": "shadow"});
    ok(server.post("/api/ml/models/ab-test").json(&body)).await;
    server.tries("shelf@2").await;
    assert_eq!(
        server.recognised("?user_id=ann").await,
        (String::new(), "shelf@1".into()),
        "the one in production answers"
    );
    let shown = async || ok(server.client.get(server.url("/api/ml/models/ab-test/t"))).await;
    server.until("it was looked at again", async || shown().await["shadow"]["photos"] == 1).await;
    let standing = shown().await;
    assert_eq!(
        (&standing["shadow"]["judged"], &standing["arms"]),
        (&json!(photos::FACINGS.len()), &json!([])),
        "{standing}"
    );
    assert!(standing["shadow"]["right"].as_u64() < standing["shadow"]["judged"].as_u64(), "{standing}");
    let queue = server.json("/v2/active-learning-queue?reason=shadow").await;
    assert!(queue["items"].as_array().is_some_and(|items| !items.is_empty()), "{queue}");
    // Held in the middle of it, it lets go when somebody waits.
    control.hold();
    server.recognised("?user_id=bob").await;
    server.until("it is at it", async || control.seen() >= 2).await;
    for _ in 0..5 {
        assert_eq!(server.recognised("?user_id=eve").await.1, "shelf@1", "nobody waits for a shadow");
    }
    control.release();
    let range = PredictionRange { organisation: HOME.into(), from: 0, until: i64::MAX };
    let logged = async || store.predictions(&range, None, 100).await.expect("read").predictions;
    let of_shadow = async || logged().await.iter().filter(|p| p.arm.as_deref() == Some("t/shadow")).count();
    server.until("it goes on when nobody waits", async || of_shadow().await >= 2).await;
    let did = store.answered(HOME, "shelf@2", None, 0).await.expect("read");
    assert_eq!(did.answers, 0, "what it saw was nobody's answer");
    ok(server.post("/api/ml/models/ab-test/t/end").json(&json!({}))).await;
    server.until("one is left", async || server.json("/health").await["swap"]["in_memory"] == 1).await;
    server.end().await.expect("a clean end");
}
