//! People sign in by a key, act under its name, and sign out: what the cookie was good for is over then.

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use store::access::Role;

use crate::access::{Guarded, HOME, key, operator};
use crate::harness::Problem;

/// A browser of somebody who signed in.
struct Browser {
    client: Client,
    session: String,
    csrf: String,
}

/// Value and attributes of a cookie that an answer sets.
fn cookie(response: &Response, name: &str) -> Option<(String, String)> {
    let all = response.headers().get_all("set-cookie").iter();
    let mut found = all.filter_map(|line| line.to_str().expect("text").strip_prefix(&format!("{name}=")));
    found.next().map(|line| {
        let (value, attributes) = line.split_once("; ").expect("it has attributes");
        (value.to_owned(), attributes.to_owned())
    })
}

/// Fields as a form sends them; none of these values needs to be encoded.
fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().expect("a client")
}

async fn attempt(place: &Guarded, key: &str) -> Response {
    let request = client().post(place.server.url("/signin"));
    form(request, &[("key", key), ("next", "/review")]).send().await.expect("an answer")
}

impl Browser {
    async fn signed_in(place: &Guarded, key: &str) -> Self {
        let response = attempt(place, key).await;
        assert_eq!(
            (response.status(), &response.headers()["location"]),
            (StatusCode::SEE_OTHER, &"/review".parse().expect("a header"))
        );
        let (session, attributes) = cookie(&response, "shelf_session").expect("a session");
        assert_eq!(attributes, "Path=/; Max-Age=43200; SameSite=Strict; HttpOnly");
        let (csrf, attributes) = cookie(&response, "shelf_csrf").expect("a token");
        assert_eq!(attributes, "Path=/; Max-Age=43200; SameSite=Strict", "our scripts read it");
        assert!(session.len() == 64 && csrf.len() == 64 && session != csrf);
        Self { client: client(), session, csrf }
    }

    fn cookies(&self) -> String {
        format!("theme=dark; shelf_session={}; shelf_csrf={}", self.session, self.csrf)
    }

    async fn get(&self, place: &Guarded, path: &str) -> Response {
        self.client.get(place.server.url(path)).header("cookie", self.cookies()).send().await.expect("an answer")
    }

    async fn post(&self, place: &Guarded, path: &str, csrf: Option<&str>, body: &Value) -> Response {
        let request = self.client.post(place.server.url(path)).header("cookie", self.cookies()).json(body);
        let request = match csrf {
            Some(csrf) => request.header("x-csrf-token", csrf),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    async fn sign_out(&self, place: &Guarded, csrf: &str) -> Response {
        let request = self.client.post(place.server.url("/signout")).header("cookie", self.cookies());
        form(request, &[("csrf", csrf)]).send().await.expect("an answer")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_labels_under_the_keys_name_and_signs_out() {
    let (place, admin) = Guarded::start().await;
    let ann = key(&place.store, HOME, "ann", Role::Reviewer).await;
    let browser = Browser::signed_in(&place, &ann).await;
    let other = Browser::signed_in(&place, &ann).await;
    assert_ne!(browser.session, other.session);
    let account: Value = browser.get(&place, "/api/account").await.json().await.expect("JSON");
    assert_eq!(
        (&account["name"], &account["role"], &account["home"]),
        (&json!("ann"), &json!("reviewer"), &json!(true))
    );
    assert_eq!(browser.get(&place, "/review").await.status(), StatusCode::OK);
    assert_eq!(browser.get(&place, "/skus").await.status(), StatusCode::OK);
    let page = browser.get(&place, "/signin").await.text().await.expect("a page");
    assert!(page.contains("ann") && page.contains(&browser.csrf), "{page}");

    // Something to label.
    let photo = place.server.photo(crate::photos::jpeg()).bearer_auth(&admin).send().await.expect("an answer");
    assert_eq!(photo.status(), StatusCode::OK);
    let queue: Value = browser.get(&place, "/v2/active-learning-queue").await.json().await.expect("JSON");
    let item = queue["items"][0]["id"].as_str().expect("an item").to_owned();
    let label = json!({"item_id": item, "sku_id": 1, "reviewer": "somebody else"});
    let path = "/v2/active-learning/label";
    for wrong in [None, Some(""), Some(other.csrf.as_str()), Some(browser.session.as_str())] {
        let refused = Problem::of(browser.post(&place, path, wrong, &label).await).await;
        assert_eq!((refused.status, refused.kind.as_str()), (403, "/problems/cross-site"), "{wrong:?}");
    }
    let labelled = browser.post(&place, path, Some(&browser.csrf), &label).await;
    assert_eq!(labelled.status(), StatusCode::OK);
    let shown: Value =
        browser.get(&place, &format!("/v2/active-learning-queue/{item}")).await.json().await.expect("JSON");
    assert!(shown.to_string().contains("\"ann\"") && !shown.to_string().contains("somebody else"), "{shown}");
    // A reviewer who signed in is no engineer.
    let forbidden =
        Problem::of(browser.post(&place, "/api/ml/models/shelf/rollback", Some(&browser.csrf), &json!({})).await).await;
    assert_eq!(forbidden.kind, "/problems/forbidden");

    // Only our own page signs out; afterwards the cookie is good for nothing, and other sessions go on.
    let refused = Problem::of(browser.sign_out(&place, &other.csrf).await).await;
    assert_eq!(refused.kind, "/problems/cross-site");
    assert_eq!(browser.get(&place, "/skus").await.status(), StatusCode::OK);
    let out = browser.sign_out(&place, &browser.csrf).await;
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    let (value, attributes) = cookie(&out, "shelf_session").expect("it is taken away");
    assert!(value.is_empty() && attributes.contains("Max-Age=0"), "{attributes}");
    let replayed = Problem::of(browser.get(&place, "/skus").await).await;
    assert_eq!((replayed.status, replayed.kind.as_str()), (401, "/problems/unauthorized"));
    let replayed = Problem::of(browser.post(&place, path, Some(&browser.csrf), &label).await).await;
    assert_eq!(replayed.status, 401);
    assert_eq!(browser.sign_out(&place, &browser.csrf).await.status(), StatusCode::SEE_OTHER, "twice is no error");
    assert_eq!(other.get(&place, "/skus").await.status(), StatusCode::OK);

    // A session ends with its key.
    place.store.revoke_key(HOME, "ann", &operator(HOME)).await.expect("revoked");
    place.server.until("it is over", async || other.get(&place, "/skus").await.status() == 401).await;
    let log = place.store.audit(0).await.expect("read");
    let sessions: Vec<_> = log
        .iter()
        .filter(|row| row.subject == "ann" && row.action.starts_with("session"))
        .map(|row| row.action.as_str())
        .collect();
    assert_eq!(sessions, ["session.begin", "session.begin", "session.end"]);
    assert!(log.iter().all(|row| !row.after.contains(&browser.session)), "no token is in the log");
    assert_eq!(place.store.verify_audit().await.expect("verified").faults, []);
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_key_begins_no_session() {
    let (place, admin) = Guarded::start().await;
    for wrong in ["", "nonsense", &admin[..69], &format!("shelf_{}", "0".repeat(64)), &"x".repeat(10_000)] {
        let response = attempt(&place, wrong).await;
        assert_eq!(
            (response.status(), &response.headers()["location"]),
            (StatusCode::SEE_OTHER, &"/signin?refused=key".parse().expect("a header"))
        );
        assert!(cookie(&response, "shelf_session").is_none());
    }
    let url = place.server.url("/signin");
    for (kind, body) in [
        ("application/json", "{}"),
        ("application/x-www-form-urlencoded", "next=/"),
        ("application/x-www-form-urlencoded", "key=%ff%fe&key=1"),
    ] {
        let response = client().post(&url).header("content-type", kind).body(body).send().await.expect("an answer");
        assert!(response.status().is_client_error(), "{kind} {body}: {}", response.status());
    }
    // Nobody is led to another site from here, nor signed in by one.
    let ask = || form(client().post(&url), &[("key", admin.as_str()), ("next", "//evil.example/")]);
    let response = ask().send().await.expect("an answer");
    assert_eq!(response.headers()["location"], "/");
    let response = ask().header("origin", "https://evil.example").send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let response = ask().header("x-forwarded-proto", "https").send().await.expect("an answer");
    assert!(cookie(&response, "shelf_session").expect("signed in").1.contains("; Secure; HttpOnly"));
    for broken in ["shelf_session=", "shelf_session=0", &format!("shelf_session={}", "0".repeat(64)), ";;;=;"] {
        let response =
            client().get(place.server.url("/skus")).header("cookie", broken).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{broken:?}");
    }
    // A person who asks for a page is asked to sign in, and then sees it.
    let asking =
        client().get(place.server.url("/jobs?id=1")).header("accept", "text/html").send().await.expect("an answer");
    assert_eq!(
        (asking.status(), &asking.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/signin?next=/jobs%3Fid%3D1".parse().expect("a header"))
    );
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_on_every_server_of_a_store() {
    let (place, _) = Guarded::start().await;
    let ann = key(&place.store, HOME, "ann", Role::Viewer).await;
    let browser = Browser::signed_in(&place, &ann).await;
    assert_eq!(browser.get(&place, "/skus").await.status(), StatusCode::OK);
    // Somewhere else she signs out, and whoever has the oldest of too many sessions is signed out.
    let token = store::access::SessionToken::parse(&browser.session).expect("sound");
    place.store.end_session(token.digest(), &operator(HOME)).await.expect("ended");
    place.server.until("it is over here, too", async || browser.get(&place, "/skus").await.status() == 401).await;
    let first = Browser::signed_in(&place, &ann).await;
    let key =
        place.store.keys(Some(HOME)).await.expect("listed").into_iter().find(|key| key.name == "ann").expect("there");
    for _ in 0..50 {
        place.store.begin_session(&key, 60_000, &operator(HOME)).await.expect("begun");
    }
    place.server.until("the oldest is over", async || first.get(&place, "/skus").await.status() == 401).await;
    let short = place.store.begin_session(&key, 1_500, &operator(HOME)).await.expect("begun");
    let browser = Browser { client: client(), session: short.expose().to_owned(), csrf: short.csrf().to_string() };
    assert_eq!(browser.get(&place, "/skus").await.status(), StatusCode::OK);
    place.server.until("its time is over", async || browser.get(&place, "/skus").await.status() == 401).await;
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_so_many_requests_answered_at_the_same_time() {
    let (place, greedy) = Guarded::with(|config| config.concurrent_per_key = 2).await;
    let server = &place.server;
    server.control.hold();
    let photo = |key: &str| {
        let request = server.photo(crate::photos::jpeg()).bearer_auth(key);
        tokio::spawn(async move { request.send().await.expect("an answer") })
    };
    let held = [photo(&greedy), photo(&greedy)];
    let full = async || place.status("/classes", &greedy).await == 429;
    server.until("both are being answered", full).await;
    let refused = server.client.get(server.url("/classes")).bearer_auth(&greedy).send().await.expect("an answer");
    let problem = Problem::of(refused).await;
    assert_eq!((problem.kind.as_str(), problem.retry_after), ("/problems/too-many-requests", Some(1)));
    // Others have places of their own.
    let other = key(&place.store, HOME, "other", Role::Viewer).await;
    assert_eq!(place.status("/classes", &other).await, 200);
    server.control.release();
    for photo in held {
        assert_eq!(photo.await.expect("no panic").status(), StatusCode::OK);
    }
    server.until("places are free again", async || place.status("/classes", &greedy).await == 200).await;
    place.server.end().await.expect("a clean end");
}
