//! Jobs over HTTP, done by the server's own worker: trained, watched, compared, searched, deployed, asked; and what is refused.

use serde_json::{Value, json};
use store::access::Role;
use tabular::forecast::{SyntheticOptions, synthetic_counts};

use crate::access::{Guarded, HOME, key, operator};
use crate::harness::Server;
use crate::tables::{flowers, form, ok, refused};

/// A data set of flowers, kept.
pub(crate) async fn data_set(server: &Server, key: &str) -> String {
    let upload = server.post("/api/ml/datasets/upload").bearer_auth(key);
    let kept = ok(upload.multipart(form(flowers(90)).text("target_column", "species"))).await;
    kept["dataset_id"].as_str().expect("an id").to_owned()
}

/// The job when it is over.
pub(crate) async fn over(server: &Server, key: &str, job: &str) -> Value {
    let path = format!("/api/ml/models/train/{job}");
    for _ in 0..1_200 {
        let answer = ok(server.client.get(server.url(&path)).bearer_auth(key)).await;
        if !matches!(answer["status"].as_str(), Some("pending" | "running")) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the job is never over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_trained_watched_deployed_and_asked() {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let viewer = key(store, HOME, "vic", Role::Viewer).await;
    let post = |path: &str| server.post(path).bearer_auth(&engineer);
    let set = data_set(server, &engineer).await;

    let body = json!({
        "dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": "random_forest",
        "hyperparameters": {"n_estimators": 20}, "test_size": 0.2, "validation_size": 0.1, "scaling_method": "standard",
        "feature_selection": {"method": "correlation", "n_features": 2}, "early_stopping": true, "early_stopping_patience": 5,
    });
    let submitted = ok(post("/api/ml/models/train").json(&body).header("idempotency-key", "t1")).await;
    let job = submitted["job_id"].as_str().expect("an id").to_owned();
    assert_eq!((submitted["status"].as_str(), submitted["message"].is_string()), (Some("success"), true));
    let again = ok(post("/api/ml/models/train").json(&body).header("idempotency-key", "t1")).await;
    assert_eq!(again["job_id"], job.as_str(), "sent twice, it is one job");

    // Followed from its beginning to its end.
    let path = server.url(&format!("/api/ml/jobs/{job}/events"));
    let stream = server.client.get(&path).bearer_auth(&viewer).header("accept", "text/event-stream");
    let stream = stream.send().await.expect("a stream").text().await.expect("it ends");
    for part in ["id: 1\n", "event: log\n", "random_forest", "event: end\ndata: {\"status\":\"completed\"}"] {
        assert!(stream.contains(part), "{part:?} is not in {stream}");
    }
    let events = ok(server.client.get(format!("{path}?after=1")).bearer_auth(&viewer)).await;
    assert_eq!((&events[0]["seq"], &events[0]["body"]["status"]), (&json!(2), &json!("running")));

    let done = over(server, &viewer, &job).await;
    assert_eq!((done["job_id"].as_str(), done["status"].as_str()), (Some(job.as_str()), Some("completed")));
    assert!(done["created_at"].is_string() && done["completed_at"].is_string(), "{done}");
    let results = done["results"].as_object().expect("results");
    assert_eq!(results["evaluation"]["accuracy"], 1.0);
    assert!(results["training_history"].is_array() && results["training_summary"]["features"].is_array());
    let plots = ok(server.client.get(server.url(&format!("/api/ml/jobs/{job}/plots"))).bearer_auth(&viewer)).await;
    let names: Vec<&str> = plots.as_array().into_iter().flatten().filter_map(|plot| plot["name"].as_str()).collect();
    for name in ["confusion", "roc", "precision-recall", "thresholds", "importance", "robustness"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let fetch = async |path: &str| {
        let answer = server.client.get(server.url(path)).bearer_auth(&viewer).send().await.expect("an answer");
        let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
        (answer.status().as_u16(), kind, answer.text().await.expect("text"))
    };
    let (status, kind, chart) = fetch(plots[1]["url"].as_str().expect("an address")).await;
    assert_eq!((status, kind.as_str()), (200, "image/svg+xml"));
    assert!(chart.starts_with("<svg xmlns=") && chart.contains("virginica"), "{chart}");
    let (status, kind, report) = fetch(&format!("/api/ml/jobs/{job}/report")).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(report.contains("train random_forest") && report.matches("<figure").count() == names.len());
    assert_eq!(fetch(&format!("/api/ml/jobs/{job}/plots/residuals")).await.0, 404, "there are none of classes");
    let listed = ok(server.client.get(server.url("/api/ml/jobs")).bearer_auth(&viewer)).await;
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["kind"]), (Some(1), &json!("train")));
    assert_eq!(refused(post(&format!("/api/ml/jobs/{job}/cancel")).json(&json!({}))).await.1, "job-status");

    let asking = |features: Value| {
        let body = json!({"model_id": job, "features": features, "user_id": "u1"});
        server.post("/api/ml/models/predict").bearer_auth(&viewer).json(&body)
    };
    assert_eq!(refused(asking(json!({"length": 1.0, "width": 0.3}))).await.1, "wrong-status", "in the making");
    let deploy = json!({"training_job_id": job, "model_name": "flowers", "version": "1", "description": "first", "tags": ["a"], "promote_to_production": true});
    let deployed = ok(post("/api/ml/models/deploy").json(&deploy)).await;
    assert_eq!(
        (deployed["model_id"].as_str(), deployed["message"].as_str()),
        (Some(job.as_str()), Some("flowers@1 is in production"))
    );
    let live = ok(server
        .client
        .get(server.url("/api/ml/models/deployed?name=flowers&status=production"))
        .bearer_auth(&viewer))
    .await;
    assert_eq!(
        (&live["models"][0]["kind"], &live["models"][0]["algorithm"]),
        (&json!("tabular"), &json!("random_forest"))
    );
    assert_eq!(live["models"][0]["metrics"]["accuracy"], 1.0);

    assert_eq!(fetch(&format!("/api/ml/models/{job}/onnx")).await.0, 404, "nothing here writes ONNX");
    let one = ok(asking(json!({"length": 1.0, "width": 0.3}))).await;
    assert_eq!((one["status"].as_str(), one["model_id"].as_str()), (Some("success"), Some(job.as_str())));
    assert_eq!((&one["prediction"], &one["classes"]), (&json!(["setosa"]), &json!(["setosa", "virginica"])));
    let many = ok(asking(json!([{"length": 1.0, "width": 0.3}, {"length": 4.5, "width": null, "more": 1}]))).await;
    assert_eq!(many["prediction"].as_array().map(Vec::len), Some(2));
    assert_eq!(many["prediction_proba"][0].as_array().map(Vec::len), Some(2));
    let (status, slug, detail) = refused(asking(json!({"length": 1.0}))).await;
    assert_eq!((status, slug.as_str()), (422, "unfit-table"));
    assert!(detail.contains("\"width\""), "{detail}");
    let (_, slug, detail) = refused(asking(json!({"length": "long", "width": 1}))).await;
    assert_eq!((slug.as_str(), detail.contains("\"length\" is text")), ("unfit-table", true), "{detail}");
    assert_eq!(refused(asking(json!([]))).await.1, "unfit-table");
    assert_eq!(refused(asking(json!(7))).await.1, "malformed-body");
    assert_eq!(store.check().await.expect("checked"), [] as [String; 0]);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn algorithms_are_compared_and_hyperparameters_searched() {
    let (place, admin) = Guarded::start().await;
    let server = &place.server;
    let post = |path: &str| server.post(path).bearer_auth(&admin);
    let set = data_set(server, &admin).await;
    let body = json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "models": ["knn", "naive_bayes"], "cv": 3});
    let compared = ok(post("/api/ml/models/compare").json(&body)).await;
    let comparison = compared["comparison"].as_array().expect("an array");
    assert_eq!((compared["status"].as_str(), comparison.len()), (Some("success"), 2));
    assert!(
        comparison
            .iter()
            .all(|one| one["model"].is_string() && one["mean_score"].is_f64() && one["std_score"].is_f64())
    );
    let body = json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": "decision_tree", "tuning_method": "random_search", "n_trials": 3, "cv": 3});
    let job = ok(post("/api/ml/models/tune").json(&body)).await["job_id"].as_str().expect("an id").to_owned();
    let done = over(server, &admin, &job).await;
    assert_eq!((done["kind"].as_str(), done["results"]["trials"].as_array().map(Vec::len)), (Some("tune"), Some(3)));
    assert!(done["results"]["evaluation"]["accuracy"].is_f64(), "and a model with the best: {done}");
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_jobs_are_clear_problems() {
    // No worker: what waits goes on waiting.
    let (place, admin) = Guarded::with(|config| {
        config.tables.jobs.workers = 0;
        config.tables.jobs.open = 3;
        config.timeouts.request = std::time::Duration::from_millis(200);
    })
    .await;
    let (server, store) = (&place.server, &place.store);
    let post = |path: &str| server.post(path).bearer_auth(&admin);
    let set = data_set(server, &admin).await;
    let train = |change: Value| {
        let mut body =
            json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": "knn"});
        change.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
        post("/api/ml/models/train").json(&body)
    };
    for (change, status, kind, named) in [
        (json!({"dataset_id": "nobody"}), 404, "unknown-data-set", "nobody"),
        (json!({"target_column": "kind"}), 422, "unfit-table", "no column \"kind\""),
        (json!({"algorithm": "ridge"}), 422, "unfit-table", "no ridge"),
        (json!({"algorithm": "magic"}), 400, "malformed-body", "magic"),
        (json!({"hyperparameters": {"n_neighbours": 1}}), 422, "unfit-table", "n_neighbours"),
        (json!({"scaling": "standard"}), 400, "malformed-body", "scaling"),
    ] {
        let (found, slug, detail) = refused(train(change.clone())).await;
        assert_eq!((found, slug.as_str()), (status, kind), "{change}: {detail}");
        assert!(detail.contains(named), "{named:?} gave: {detail}");
    }
    let tune = json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": "knn", "n_trials": 1_000_000, "cv": 5});
    assert_eq!(refused(post("/api/ml/models/tune").json(&tune)).await.1, "bad-parameter");
    // A comparison that takes longer than a request may goes on as a job.
    let compare =
        json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "models": ["knn"]});
    let waiting = post("/api/ml/models/compare").json(&compare).send().await.expect("an answer");
    assert_eq!(waiting.status().as_u16(), 202);
    let compared: Value = waiting.json().await.expect("JSON");
    let job = ok(train(json!({}))).await["job_id"].as_str().expect("an id").to_owned();
    ok(train(json!({}))).await;
    assert_eq!(refused(train(json!({}))).await.1, "quota-reached", "three wait");
    let cancel = |job: &str| post(&format!("/api/ml/jobs/{job}/cancel")).json(&json!({}));
    assert_eq!(ok(cancel(compared["job_id"].as_str().expect("an id"))).await["status"], "cancelled");
    let deploy = json!({"training_job_id": job, "model_name": "x", "version": "1"});
    let (_, slug, detail) = refused(post("/api/ml/models/deploy").json(&deploy)).await;
    assert_eq!((slug.as_str(), detail.contains("is pending")), ("job-status", true), "{detail}");
    assert_eq!(ok(cancel(&job)).await["status"], "cancelled");
    assert_eq!(refused(post("/api/ml/models/deploy").json(&deploy)).await.1, "job-status");
    assert_eq!(refused(cancel("nobody")).await.1, "unknown-job");

    // Of another organisation, nothing is there.
    let brand = store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(store, &brand.id, "admin", Role::Admin).await;
    let theirs = |path: &str| server.client.get(server.url(path)).bearer_auth(&stranger);
    let seen = ["", "/events", "/plots", "/plots/roc", "/report"].map(|part| format!("/api/ml/jobs/{job}{part}"));
    for path in seen.into_iter().chain([format!("/api/ml/models/train/{job}")]) {
        assert_eq!(refused(theirs(&path)).await.1, "unknown-job", "{path}");
    }
    assert_eq!(ok(theirs("/api/ml/jobs")).await, json!([]));
    let body =
        json!({"dataset_id": set, "target_column": "species", "task_type": "classification", "algorithm": "knn"});
    assert_eq!(
        refused(server.post("/api/ml/models/train").bearer_auth(&stranger).json(&body)).await.1,
        "unknown-data-set"
    );
    let stranger = server.post(&format!("/api/ml/jobs/{job}/cancel")).bearer_auth(&stranger).json(&json!({}));
    assert_eq!(refused(stranger).await.1, "unknown-job");
    for (body, kind) in [
        (json!({"features": {}}), "bad-parameter"),
        (json!({"model_id": "x", "ab_test_name": "x", "features": {}}), "bad-parameter"),
        (json!({"ab_test_name": "x", "user_id": [], "features": {}}), "bad-parameter"),
        (json!({"ab_test_name": "x", "features": {}}), "unknown-test"),
    ] {
        assert_eq!(refused(post("/api/ml/models/predict").json(&body)).await.1, kind, "{body}");
    }
    assert_eq!(
        refused(post("/api/ml/models/predict").json(&json!({"model_id": job, "features": {}}))).await.1,
        "unknown-model"
    );
    assert_eq!(place.status("/skus", &admin).await, 200, "it goes on serving");
    place.server.end().await.expect("a clean end");
}

/// Made-up counts of two shelves.
pub(crate) fn made_up_counts() -> Vec<u8> {
    let made = synthetic_counts(&SyntheticOptions { shelves: 2, skus: 4, days: 90, seed: 1 }).expect("not too many");
    let mut csv = Vec::new();
    tabular::write_csv(&made, &mut csv).expect("memory");
    csv
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shelves_are_foretold() {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let viewer = key(store, HOME, "vic", Role::Viewer).await;
    let post = |path: &str| server.post(path).bearer_auth(&engineer);
    let insights =
        |query: &str| server.client.get(server.url(&format!("/api/ml/insights{query}"))).bearer_auth(&viewer);
    let nothing = ok(insights("")).await;
    assert_eq!(
        nothing,
        json!({"status": "success", "job_id": null, "dataset_id": null, "created_at": null, "forecast": null})
    );

    let set = ok(post("/api/ml/datasets/upload").multipart(form(made_up_counts()))).await;
    let body = json!({"dataset_id": set["dataset_id"], "level": 0.8});
    let asked = ok(post("/api/ml/insights/forecast").json(&body).header("idempotency-key", "f1")).await;
    let job = asked["job_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        ok(post("/api/ml/insights/forecast").json(&body).header("idempotency-key", "f1")).await["job_id"],
        job.as_str()
    );
    let done = over(server, &viewer, &job).await;
    assert_eq!(done["status"], "completed", "{done}");
    let found = ok(insights("?limit=3")).await;
    let forecast = &found["forecast"];
    assert_eq!(
        (&found["job_id"], &forecast["synthetic"], &forecast["level"]),
        (&json!(job), &json!(true), &json!(0.8))
    );
    assert_eq!((&forecast["places"], forecast["outlooks"].as_array().map(Vec::len)), (&json!(8), Some(3)));
    let first = &forecast["outlooks"][0];
    for number in ["facings", "expected", "low", "high", "probability_empty", "last_value", "weekday_mean", "priority"]
    {
        assert!(first[number].is_number(), "{number} is not in {first}");
    }
    assert!(first["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()), "{first}");
    for quality in ["model", "last_value", "weekday_mean"] {
        assert!(forecast["measured"][quality]["coverage"].is_number(), "{forecast}");
    }

    for query in ["?limit=0", "?limit=5001", "?limit=many", "?shelf=3"] {
        assert_eq!(refused(insights(query)).await.1, "bad-parameter", "{query}");
    }
    let refusal = async |body: Value| refused(post("/api/ml/insights/forecast").json(&body)).await;
    let flowers = data_set(server, &engineer).await;
    let (status, slug, detail) = refusal(json!({"dataset_id": flowers})).await;
    assert_eq!((status, slug.as_str(), detail.contains("no column \"time\"")), (422, "unfit-table", true), "{detail}");
    assert_eq!(refusal(json!({"dataset_id": set["dataset_id"], "level": 1.5})).await.1, "unfit-table");
    assert_eq!(refusal(json!({"dataset_id": "nobody"})).await.1, "unknown-data-set");
    assert_eq!(refusal(json!({})).await.1, "malformed-body");
    // Who only looks cannot ask, and others see nothing of it.
    assert_eq!(refused(server.post("/api/ml/insights/forecast").bearer_auth(&viewer).json(&body)).await.1, "forbidden");
    let brand = store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(store, &brand.id, "admin", Role::Admin).await;
    let theirs = ok(server.client.get(server.url("/api/ml/insights")).bearer_auth(&stranger)).await;
    assert_eq!(theirs["forecast"], Value::Null);
    assert_eq!(
        refused(server.post("/api/ml/insights/forecast").bearer_auth(&stranger).json(&body)).await.1,
        "unknown-data-set"
    );
    place.server.end().await.expect("a clean end");
}
