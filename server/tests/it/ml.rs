//! Models over HTTP: deployed, promoted, rolled back.

use std::collections::BTreeMap;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use store::Store;
use store::access::Role;
use store::registry::{DataSetRef, Evidence, ModelKind, ModelVersion, NewModel, REQUIRED_GATES};

use crate::access::{Guarded, HOME, key, operator};
use crate::harness::Problem;

pub(crate) async fn trained(store: &Store, organisation: &str, kind: ModelKind, job: &str) -> ModelVersion {
    let new = NewModel {
        organisation: organisation.into(),
        kind,
        name: "job".into(),
        version: job.into(),
        training: true,
        algorithm: "yolov8n + efficientnet_lite0".into(),
        description: String::new(),
        metrics: BTreeMap::from([("top1".to_owned(), 0.95)]),
        datasets: Vec::new(),
        parents: Vec::new(),
        tags: Vec::new(),
        settings: json!({"job": job}),
        files: Vec::new(),
    };
    store.register(new, &operator(organisation)).await.expect("registered")
}

pub(crate) async fn prove(store: &Store, model: &ModelVersion) {
    let evidence = REQUIRED_GATES.map(|metric| Evidence {
        metric: metric.into(),
        value: Some(0.99),
        bound: ">= 0.95".into(),
        passed: true,
        data_set: DataSetRef { name: "coolers".into(), sha256: "bb".into() },
        synthetic: false,
        report: "cc".into(),
    });
    store.add_evidence(model, evidence.into(), &operator(HOME)).await.expect("written");
}

async fn ok(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.expect("JSON")
}

async fn problem(request: RequestBuilder) -> (u16, String, String) {
    let problem = Problem::of(request.send().await.expect("an answer")).await;
    (problem.status, problem.kind, problem.detail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_deployed_promoted_and_rolled_back() {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let post = |path: String, body: Value| server.post(&path).bearer_auth(&engineer).json(&body);
    let deploy = |job: &str, version: &str, promote: bool| {
        let body = json!({"training_job_id": job, "model_name": "shelf", "version": version, "description": "first", "tags": ["a"], "promote_to_production": promote});
        post("/api/ml/models/deploy".into(), body)
    };
    let promote = |id: &str| post(format!("/api/ml/models/{id}/promote"), json!({}));
    let (one, two) =
        (trained(store, HOME, ModelKind::Release, "1").await, trained(store, HOME, ModelKind::Release, "2").await);

    let answer = ok(deploy(&one.id, "1.0", false)).await;
    assert_eq!(answer, json!({"status": "success", "model_id": one.id, "message": "shelf@1.0 is staged"}));
    let (status, kind, detail) = problem(promote(&one.id)).await;
    assert_eq!((status, kind.as_str()), (409, "/problems/gates-not-passed"));
    assert!(detail.contains("recall was not measured"), "{detail}");
    let (status, kind, _) = problem(deploy(&two.id, "2.0", true)).await;
    assert_eq!((status, kind.as_str()), (409, "/problems/gates-not-passed"), "and it is not deployed, either");
    prove(store, &one).await;
    prove(store, &two).await;
    assert_eq!(ok(promote(&one.id)).await["message"], "shelf@1.0 is in production");
    assert_eq!(problem(deploy(&two.id, "1.0", true)).await.1, "/problems/version-taken");
    assert_eq!(ok(deploy(&two.id, "2.0", true)).await["message"], "shelf@2.0 is in production; shelf@1.0 is archived");
    assert_eq!(problem(promote(&one.id)).await.1, "/problems/wrong-status");

    let deployed = async |query: &str| {
        let url = server.url(&format!("/api/ml/models/deployed{query}"));
        ok(server.client.get(url).bearer_auth(&engineer)).await
    };
    let all = deployed("").await;
    assert_eq!((all["status"].as_str(), all["models"].as_array().map(Vec::len)), (Some("success"), Some(2)));
    let live = deployed("?name=shelf&status=production").await;
    let model = &live["models"][0];
    assert_eq!((model["model_id"].as_str(), model["version"].as_str()), (Some(two.id.as_str()), Some("2.0")));
    assert_eq!(
        (model["status"].as_str(), model["kind"].as_str(), &model["metrics"]["top1"]),
        (Some("production"), Some("release"), &json!(0.95))
    );
    assert!(model["created_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 20), "{model}");
    assert_eq!(deployed("?name=other").await["models"], json!([]));

    // Sent twice under one key, it goes back once; another one has nothing to go back to.
    let rollback = |query: &str, key: &str| {
        post(format!("/api/ml/models/shelf/rollback{query}"), json!({})).header("idempotency-key", key)
    };
    for _ in 0..2 {
        assert_eq!(ok(rollback("", "k1")).await["model_id"], one.id.as_str());
    }
    assert_eq!(problem(rollback("", "k2")).await.1, "/problems/nothing-before");
    assert_eq!(problem(rollback("?to_version=2.0", "k1")).await.1, "/problems/key-reused");
    assert_eq!(ok(rollback("?to_version=2.0", "k3")).await["model_id"], two.id.as_str());

    // Who it was, and under which request, is in the log.
    let log = store.audit(0).await.expect("read");
    let last = log.last().expect("rows");
    assert_eq!((last.action.as_str(), last.actor.as_str(), last.role.as_str()), ("model.rollback", "eve", "engineer"));
    assert!(!last.request.is_empty());
    assert_eq!(store.verify_audit().await.expect("verified").faults, []);
    assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_a_clear_problem() {
    let (place, admin) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let job = trained(store, HOME, ModelKind::Tabular, "1").await;
    let deploy = |name: &str, version: &str, job: &str| {
        let body = json!({"training_job_id": job, "model_name": name, "version": version});
        server.post("/api/ml/models/deploy").bearer_auth(&admin).json(&body)
    };
    for (name, version) in
        [("../shelf", "1"), ("a/b", "1"), ("shelf", ""), ("shelf", "1/2"), (&"x".repeat(65), "1"), ("sh\u{435}lf", "1")]
    {
        assert_eq!(problem(deploy(name, version, &job.id)).await.1, "/problems/bad-parameter", "{name} {version}");
    }
    assert_eq!(problem(deploy("shelf", "1", "nobody")).await.1, "/problems/unknown-model");
    assert_eq!(problem(deploy("shelf", "1", &"9".repeat(10_000))).await.1, "/problems/unknown-model");
    let post = |path: &str| server.post(path).bearer_auth(&admin);
    let deploying = || post("/api/ml/models/deploy");
    assert_eq!(problem(deploying().json(&json!({"model_name": "shelf"}))).await.1, "/problems/malformed-body");
    assert_eq!(problem(deploying().json(&json!([]))).await.1, "/problems/malformed-body");
    assert_eq!(problem(deploying().body("{}")).await.1, "/problems/json-expected");
    assert_eq!(problem(post("/api/ml/models/nobody/promote")).await.1, "/problems/unknown-model");
    assert_eq!(problem(post("/api/ml/models/..%2F..%2Fetc/promote")).await.1, "/problems/unknown-model");
    assert_eq!(problem(post("/api/ml/models/shelf/rollback")).await.1, "/problems/nothing-before");
    assert_eq!(problem(post("/api/ml/models/shelf/rollback?to_version=7")).await.1, "/problems/unknown-model");
    assert_eq!(problem(post("/api/ml/models/shelf/rollback?version=7")).await.1, "/problems/bad-parameter");
    let get = |path: &str| server.client.get(server.url(path)).bearer_auth(&admin);
    assert_eq!(problem(get("/api/ml/models/deployed?status=live")).await.1, "/problems/bad-parameter");
    assert_eq!(problem(get("/api/ml/models/deploy")).await.1, "/problems/method-not-allowed");

    // Of another organisation, nothing is there.
    let brand = store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(store, &brand.id, "admin", Role::Admin).await;
    let theirs = |path: String| server.post(&path).bearer_auth(&stranger);
    let body = json!({"training_job_id": job.id, "model_name": "shelf", "version": "1"});
    assert_eq!(problem(theirs("/api/ml/models/deploy".into()).json(&body)).await.1, "/problems/unknown-model");
    let deployed = ok(deploy("shelf", "1", &job.id)).await;
    assert_eq!(deployed["message"], "shelf@1 is staged");
    assert_eq!(problem(theirs(format!("/api/ml/models/{}/promote", job.id))).await.1, "/problems/unknown-model");
    assert_eq!(ok(post(&format!("/api/ml/models/{}/promote", job.id))).await["status"], "success");
    assert_eq!(problem(theirs("/api/ml/models/shelf/rollback".into())).await.1, "/problems/nothing-before");
    let list = ok(server.client.get(server.url("/api/ml/models/deployed")).bearer_auth(&stranger)).await;
    assert_eq!(list["models"], json!([]));
    place.server.end().await.expect("a clean end");
}
