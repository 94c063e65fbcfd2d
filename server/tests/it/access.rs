//! Who is let in: keys over HTTP, against a real store.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use server::{AuthMode, MetricsAccess, Setup};
use store::access::{DEFAULT_ORGANISATION, NewKey, Role};
use store::audit::Actor;
use store::{Store, StoreHandle};
use tempfile::TempDir;

use crate::harness::{Control, Problem, Server, config, loaded, recognizer};
use crate::photos;
use crate::review_server::{review_config, settings, setup};

pub(crate) const HOME: &str = DEFAULT_ORGANISATION;

/// A server that needs keys, with a queue and a registry in one store.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    pub(crate) store: Store,
    _folder: TempDir,
}

pub(crate) fn operator(organisation: &str) -> Actor {
    Actor { organisation: organisation.into(), name: "operator".into(), role: Role::Admin, request: String::new() }
}

pub(crate) async fn key(store: &Store, organisation: &str, name: &str, role: Role) -> String {
    let new = NewKey { organisation: organisation.into(), name: name.into(), role, expires_at: None };
    let (token, _) = store.create_key(new, &operator(organisation)).await.expect("made");
    token.expose().to_owned()
}

impl Guarded {
    pub(crate) async fn with(change: impl FnOnce(&mut server::ServerConfig)) -> (Self, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let handle = StoreHandle::from(settings(folder.path()));
        let store = handle.get().await.expect("opened");
        let admin = key(&store, HOME, "admin", Role::Admin).await;
        let mut config = config();
        config.auth = AuthMode::Required;
        change(&mut config);
        let control = std::sync::Arc::<Control>::default();
        let recognizer = recognizer(&control);
        let mut review = setup(settings(folder.path()), review_config(), &vision::fakes::MeanColorEmbedder);
        review.store = handle.clone();
        let load = move || loaded(recognizer).map(|loaded| server::Loaded { review: Some(review), ..loaded });
        let server =
            Server::loading(Setup { config, store: Some(handle), reload: None, export: None }, control, load).await;
        server.until_ready().await;
        (Self { server, store, _folder: folder }, admin)
    }

    pub(crate) async fn start() -> (Self, String) {
        Self::with(|_| ()).await
    }

    pub(crate) async fn status(&self, path: &str, key: &str) -> u16 {
        self.server.client.get(self.server.url(path)).bearer_auth(key).send().await.expect(path).status().as_u16()
    }
}

async fn refused(request: RequestBuilder) -> (u16, String, String) {
    let response = request.send().await.expect("an answer");
    let asks = response.headers().get("www-authenticate").map(|v| v.to_str().expect("text").to_owned());
    let problem = Problem::of(response).await;
    (problem.status, problem.kind, asks.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_without_a_key_that_holds() {
    let (place, admin) = Guarded::start().await;
    let server = &place.server;
    for open in ["/livez", "/readyz", "/problems", "/problems/forbidden"] {
        assert_eq!(server.get(open).await.status(), StatusCode::OK, "{open}");
    }
    for path in [
        "/",
        "/skus",
        "/health",
        "/metrics",
        "/v2/active-learning-queue",
        "/api/v1/ai/v2/skus",
        "/api/ml/models/deployed",
        "/docs",
        "/openapi.json",
    ] {
        let expected = (401, "/problems/unauthorized".to_owned(), "Bearer".to_owned());
        assert_eq!(refused(server.client.get(server.url(path))).await, expected, "{path}");
    }
    assert_eq!(refused(server.photo(photos::jpeg())).await.0, 401);
    assert_eq!(server.control.seen(), 0, "no photo was looked at");
    let skus = || server.client.get(server.url("/skus"));
    let other = format!("shelf_{}", "0".repeat(64));
    for wrong in ["", "shelf_", "nonsense", &other, &admin[..69], &admin.to_uppercase(), &format!("{admin}0")] {
        assert_eq!(refused(skus().bearer_auth(wrong)).await.0, 401, "{wrong}");
    }
    assert_eq!(refused(skus().header("authorization", admin.as_str())).await.0, 401, "without a scheme");
    // A person at a browser is asked to sign in; a password may be the key, too.
    let page = skus().header("accept", "text/html").send().await.expect("an answer");
    assert_eq!((page.status(), page.url().path()), (StatusCode::OK, "/signin"));
    assert!(page.text().await.expect("a page").contains("Your key"));
    assert_eq!(skus().basic_auth("anybody", Some(&admin)).send().await.expect("an answer").status(), StatusCode::OK);
    assert_eq!(place.status("/skus", &admin).await, 200);
    let photo = server.photo(photos::jpeg()).bearer_auth(&admin).send().await.expect("an answer");
    assert_eq!(photo.status(), StatusCode::OK);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_and_organisations_have_their_bounds() {
    let (place, admin) = Guarded::start().await;
    let server = &place.server;
    let viewer = key(&place.store, HOME, "viewer", Role::Viewer).await;
    let reviewer = key(&place.store, HOME, "ann", Role::Reviewer).await;
    let photo = server.photo(photos::jpeg()).bearer_auth(&viewer).send().await.expect("an answer");
    assert_eq!(photo.status(), StatusCode::OK, "keys that were made a moment ago hold");
    let post = |path: &str, key: &str, body: Value| server.post(path).bearer_auth(key).json(&body);
    for path in [
        "/v2/active-learning/claim",
        "/v2/active-learning/label",
        "/v2/active-learning/undo",
        "/api/v1/ai/v2/active-learning/comment",
    ] {
        assert_eq!(
            refused(post(path, &viewer, json!({}))).await,
            (403, "/problems/forbidden".into(), String::new()),
            "{path}"
        );
    }
    for path in ["/api/ml/models/deploy", "/api/ml/models/x/promote", "/api/ml/models/x/rollback"] {
        assert_eq!(refused(post(path, &reviewer, json!({}))).await.0, 403, "{path}");
    }
    assert_eq!(place.status("/api/ml/models/deployed", &viewer).await, 200);
    // The reviewer is the account, whatever the request calls itself.
    let queue: Value = server
        .client
        .get(server.url("/v2/active-learning-queue"))
        .bearer_auth(&viewer)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let item = queue["items"][0]["id"].as_str().expect("an item").to_owned();
    let said =
        post("/v2/active-learning/comment", &reviewer, json!({"item_id": item, "text": "hello", "reviewer": "bob"}));
    let said = said.header("x-reviewer", "carl").send().await.expect("an answer");
    assert_eq!(said.status(), StatusCode::OK);
    assert!(said.text().await.expect("text").contains("\"ann\""));
    // Another organisation's key sees nothing of the gallery and the queue, and nobody else's models.
    let brand = place.store.create_organisation("brand", &operator(HOME)).await.expect("made");
    let stranger = key(&place.store, &brand.id, "admin", Role::Admin).await;
    for path in [
        "/",
        "/skus",
        "/health",
        "/metrics",
        "/v2/active-learning-queue",
        &format!("/v2/active-learning-queue/{item}"),
        "/review",
    ] {
        assert_eq!(place.status(path, &stranger).await, 403, "{path}");
    }
    assert_eq!(refused(server.photo(photos::jpeg()).bearer_auth(&stranger)).await.0, 403);
    assert_eq!(place.status("/api/ml/models/deployed", &stranger).await, 200);
    // Revoked or expired, a key is refused within seconds.
    place.store.revoke_key(HOME, "viewer", &operator(HOME)).await.expect("revoked");
    server.until("the key is refused", async || place.status("/skus", &viewer).await == 401).await;
    assert_eq!(place.status("/skus", &admin).await, 200);
    let soon = NewKey {
        organisation: HOME.into(),
        name: "soon".into(),
        role: Role::Viewer,
        expires_at: Some(store::model::now() + 4_000),
    };
    let (soon, _) = place.store.create_key(soon, &operator(HOME)).await.expect("made");
    assert_eq!(place.status("/skus", soon.expose()).await, 200);
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    assert_eq!(place.status("/skus", soon.expose()).await, 401);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_asks_too_often_is_told_when_to_come() {
    let (place, greedy) = Guarded::with(|config| {
        (config.requests_per_key, config.burst_per_key) = (0.4, 3.0);
        config.metrics = MetricsAccess::Open;
    })
    .await;
    let server = &place.server;
    for _ in 0..3 {
        assert_eq!(place.status("/classes", &greedy).await, 200);
    }
    let problem =
        Problem::of(server.client.get(server.url("/classes")).bearer_auth(&greedy).send().await.expect("an answer"))
            .await;
    assert_eq!(
        (problem.status, problem.kind.as_str(), problem.retry_after),
        (429, "/problems/too-many-requests", Some(3))
    );
    // Others have tokens of their own, and what is open takes none.
    let other = key(&place.store, HOME, "other", Role::Viewer).await;
    assert_eq!(place.status("/classes", &other).await, 200);
    assert_eq!(server.get("/livez").await.status(), StatusCode::OK);
    assert!(server.metric("shelf_rejected_total", "reason=\"rate\"").await >= 1.0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(place.status("/classes", &greedy).await, 200, "as told");
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_needs_no_key_unless_it_shows_one() {
    let (place, admin) = Guarded::with(|config| config.auth = AuthMode::Auto).await;
    let server = &place.server;
    server.assert_serves().await;
    assert_eq!(place.status("/skus", &admin).await, 200);
    assert_eq!(place.status("/skus", "shelf_wrong").await, 401, "who shows a key is held to it");
    let passed_on =
        server.client.get(server.url("/skus")).basic_auth("proxy", Some("its own")).send().await.expect("an answer");
    assert_eq!(passed_on.status(), StatusCode::OK, "what a proxy passes on is not meant for us");
    place.server.end().await.expect("a clean end");
}
