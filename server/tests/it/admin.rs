//! Administration over HTTP: keys, organisations, the audit log; history and gates of models.

use serde_json::{Value, json};
use store::access::Role;
use store::registry::{ModelKind, REQUIRED_GATES};

use crate::access::{Guarded, HOME, key, operator};
use crate::ml::{prove, trained};
use crate::tables::{ok, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_shown_once_and_revoked() {
    let (place, admin) = Guarded::start().await;
    let server = &place.server;
    let post = |path: &str, key: &str, body: Value| server.post(path).bearer_auth(key).json(&body);
    let get = |path: &str, key: &str| server.client.get(server.url(path)).bearer_auth(key);
    let make = |body: Value| post("/api/admin/keys", &admin, body);
    let made = ok(make(json!({"name": "ann", "role": "reviewer", "expires_in_hours": 24}))).await;
    let ann = made["key"].as_str().expect("shown").to_owned();
    assert_eq!((&made["name"], &made["role"], &made["state"]), (&json!("ann"), &json!("reviewer"), &json!("live")));
    assert_eq!(place.status("/skus", &ann).await, 200);
    let listed = ok(get("/api/admin/keys", &admin)).await;
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(2));
    assert!(!listed.to_string().contains(&ann), "it is shown once");
    for (body, kind) in [
        (json!({"name": "ann", "role": "viewer"}), "name-taken"),
        (json!({"name": "../ann", "role": "viewer"}), "bad-parameter"),
        (json!({"name": "bob", "role": "king"}), "bad-parameter"),
        (json!({"name": "bob", "role": "viewer", "expires_in_hours": 0}), "bad-parameter"),
        (json!({"name": "bob", "role": "viewer", "expires_in_hours": 90_000}), "bad-parameter"),
        (json!({"name": "bob", "role": "viewer", "organisation": "nowhere"}), "unknown-key"),
        (json!({"name": "bob"}), "malformed-body"),
    ] {
        assert_eq!(refused(make(body.clone())).await.1, kind, "{body}");
    }
    // Nobody but an admin.
    for path in ["/api/admin/keys", "/api/admin/organisations", "/api/admin/audit", "/admin"] {
        assert_eq!(refused(get(path, &ann)).await.1, "forbidden", "{path}");
    }
    assert_eq!(refused(post("/api/admin/keys", &ann, json!({"name": "x", "role": "admin"}))).await.1, "forbidden");
    assert_eq!(refused(post("/api/admin/keys/nobody/revoke", &admin, json!({}))).await.1, "unknown-key");
    let gone = ok(post("/api/admin/keys/ann/revoke", &admin, json!({}))).await;
    assert_eq!(gone["state"], "revoked");
    server.until("it is refused", async || place.status("/skus", &ann).await == 401).await;
    assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_sees_what_is_the_organisations() {
    let (place, admin) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let post = |path: &str, key: &str, body: Value| server.post(path).bearer_auth(key).json(&body);
    let get = |path: &str, key: &str| server.client.get(server.url(path)).bearer_auth(key);
    ok(post("/api/admin/organisations", &admin, json!({"name": "brand"}))).await;
    assert_eq!(refused(post("/api/admin/organisations", &admin, json!({"name": "brand"}))).await.1, "name-taken");
    assert_eq!(refused(post("/api/admin/organisations", &admin, json!({"name": "a/b"}))).await.1, "bad-parameter");
    // Somebody at home makes the first key of another organisation.
    let made =
        ok(post("/api/admin/keys", &admin, json!({"name": "boss", "role": "admin", "organisation": "brand"}))).await;
    let boss = made["key"].as_str().expect("shown").to_owned();
    assert_eq!(made["organisation"], "brand");
    let all = ok(get("/api/admin/organisations", &admin)).await;
    assert_eq!(all["organisations"].as_array().map(Vec::len), Some(2));

    // Whoever that is sees and changes nothing of another one.
    let own = ok(get("/api/admin/organisations", &boss)).await;
    assert_eq!(
        (own["organisations"].as_array().map(Vec::len), &own["organisations"][0]["name"]),
        (Some(1), &json!("brand"))
    );
    assert_eq!(refused(post("/api/admin/organisations", &boss, json!({"name": "other"}))).await.1, "forbidden");
    for path in [
        "/api/admin/keys?organisation=default",
        "/api/admin/audit?organisation=default",
        "/api/admin/keys?organisation=nowhere",
    ] {
        let (status, slug, detail) = refused(get(path, &boss)).await;
        assert_eq!((status, slug.as_str()), (404, "unknown-key"), "{detail}");
    }
    let theirs = json!({"name": "spy", "role": "admin", "organisation": "default"});
    assert_eq!(refused(post("/api/admin/keys", &boss, theirs)).await.1, "unknown-key");
    assert_eq!(refused(post("/api/admin/keys/admin/revoke", &boss, json!({}))).await.1, "unknown-key");
    assert_eq!(
        refused(post("/api/admin/keys/admin/revoke", &boss, json!({"organisation": "default"}))).await.1,
        "unknown-key"
    );
    let keys = ok(get("/api/admin/keys", &boss)).await;
    assert_eq!((keys["keys"].as_array().map(Vec::len), &keys["keys"][0]["name"]), (Some(1), &json!("boss")));
    let log = ok(get("/api/admin/audit", &boss)).await;
    let rows = log["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["subject"] == "boss"), "{log}");

    // By pages, the newest first.
    for number in 0..7 {
        key(store, HOME, &format!("k{number}"), Role::Viewer).await;
    }
    let (mut seen, mut next) = (Vec::new(), None::<i64>);
    loop {
        let before = next.map_or_else(String::new, |next| format!("&before={next}"));
        let page = ok(get(&format!("/api/admin/audit?limit=3{before}"), &admin)).await;
        seen.extend(page["rows"].as_array().expect("rows").iter().map(|row| row["seq"].as_i64().expect("a number")));
        next = page["next"].as_i64();
        if next.is_none() {
            break;
        }
    }
    assert!(seen.len() >= 9 && seen.windows(2).all(|two| two[0] > two[1]), "{seen:?}");
    assert_eq!(refused(get("/api/admin/audit?before=x", &admin)).await.1, "bad-parameter");
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_gates_say_what_is_in_production_and_why() {
    let (place, admin) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let get = |path: &str, key: &str| server.client.get(server.url(path)).bearer_auth(key);
    let (one, two) =
        (trained(store, HOME, ModelKind::Release, "1").await, trained(store, HOME, ModelKind::Release, "2").await);
    for (model, version) in [(&one, "1.0"), (&two, "2.0")] {
        let body = json!({"training_job_id": model.id, "model_name": "shelf", "version": version});
        ok(server.post("/api/ml/models/deploy").bearer_auth(&admin).json(&body)).await;
    }
    let gates = ok(get(&format!("/api/ml/models/{}/gates", one.id), &admin)).await;
    assert_eq!(
        (&gates["gates"], gates["missing"].as_array().map(Vec::len)),
        (&json!([]), Some(REQUIRED_GATES.len())),
        "{gates}"
    );
    prove(store, &one).await;
    prove(store, &two).await;
    let gates = ok(get(&format!("/api/ml/models/{}/gates", one.id), &admin)).await;
    assert_eq!(
        (gates["gates"].as_array().map(Vec::len), &gates["missing"]),
        (Some(REQUIRED_GATES.len()), &json!([])),
        "{gates}"
    );
    for model in [&one, &two] {
        ok(server.post(&format!("/api/ml/models/{}/promote", model.id)).bearer_auth(&admin).json(&json!({}))).await;
    }
    let history = ok(get("/api/ml/models/history", &admin)).await;
    let rows = history["deployments"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["version"], &rows[0]["can_roll_back"]), (2, &json!("2.0"), &json!(true)));
    assert_eq!(
        (&rows[1]["version"], &rows[1]["can_roll_back"], &rows[1]["by"]),
        (&json!("1.0"), &json!(false), &json!("admin"))
    );
    let brand = store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(store, &brand.id, "admin", Role::Admin).await;
    assert_eq!(ok(get("/api/ml/models/history", &stranger)).await["deployments"], json!([]));
    assert_eq!(refused(get(&format!("/api/ml/models/{}/gates", one.id), &stranger)).await.1, "unknown-model");
    place.server.end().await.expect("a clean end");
}
