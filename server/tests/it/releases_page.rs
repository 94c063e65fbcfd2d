//! The pages of releases and of administration, in a real browser, by people who signed in.

use fantoccini::Locator;
use serde_json::json;
use store::access::Role;
use store::registry::{AbAnswer, AbMode, Arm, ModelKind, NewAbTest, Outcome};

use crate::access::{Guarded, HOME, key, operator};
use crate::chromium::{Page, Screen, in_browser};
use crate::ml::{prove, trained};
use crate::review_page::assert_accessible;
use crate::tables::ok;
use crate::tables_page::{assert_usable, write};

/// Usable by a finger, a keyboard, a screen reader, in light and dark.
async fn assert_page(page: &Page, name: &str) {
    assert_usable(page, name).await;
    assert_accessible(page).await;
}

/// Signs in with a key, as a person does who was led here from another page.
async fn sign_in(page: &Page, place: &Guarded, path: &str, key: &str) {
    page.client.goto(&place.server.url(path)).await.expect("the page opens");
    write(page, "input[name=key]", "shelf_nonsense").await;
    page.click("#sign-in button").await;
    assert!(page.text("[role=alert]").await.contains("unknown, revoked or expired"));
    page.shoot("sign-in").await;
    assert_accessible(page).await;
    page.client.goto(&place.server.url(path)).await.expect("the page opens");
    write(page, "input[name=key]", key).await;
    page.click("#sign-in button").await;
    page.until("return document.querySelector('#list h2') !== null").await;
    assert!(
        page.client.current_url().await.expect("a place").path().starts_with(path),
        "led to where the person wanted to go"
    );
}

async fn from_the_gates_to_a_verdict(page: Page) {
    let (place, _) = Guarded::start().await;
    let (server, store) = (&place.server, &place.store);
    let engineer = key(store, HOME, "eve", Role::Engineer).await;
    let mut models = Vec::new();
    for version in ["1.0", "2.0", "3.0"] {
        let model = trained(store, HOME, ModelKind::Release, version).await;
        let body = json!({"training_job_id": model.id, "model_name": "shelf", "version": version});
        ok(server.post("/api/ml/models/deploy").bearer_auth(&engineer).json(&body)).await;
        models.push(model);
    }
    prove(store, &models[0]).await;
    prove(store, &models[1]).await;
    store.promote(HOME, &models[0].id, None, &operator(HOME)).await.expect("promoted");
    // A test of tables with a verdict.
    let tables =
        [trained(store, HOME, ModelKind::Tabular, "t1").await, trained(store, HOME, ModelKind::Tabular, "t2").await];
    for (model, version) in tables.iter().zip(["1", "2"]) {
        let body = json!({"training_job_id": model.id, "model_name": "states", "version": version});
        ok(server.post("/api/ml/models/deploy").bearer_auth(&engineer).json(&body)).await;
    }
    let new = NewAbTest {
        name: "states-2".into(),
        model_a: tables[0].id.clone(),
        model_b: tables[1].id.clone(),
        split_ratio: 0.5,
        mode: AbMode::Ab,
    };
    let test = store.begin_ab_test(new, &operator(HOME)).await.expect("begun");
    for number in 0..40 {
        for (arm, right) in [(Arm::A, number % 2), (Arm::B, 1)] {
            let answer = AbAnswer { arm, latency_ms: 1.5, rows: 1, classes: None };
            let id = store.log_ab_answer(&test, answer).await.expect("logged");
            store.tell_ab_outcome(&test, &id, Outcome::Right(right)).await.expect("told");
        }
    }

    sign_in(&page, &place, "/releases", &engineer).await;
    assert!(page.text("#list").await.contains("shelf@1.0"));
    assert_page(&page, "releases").await;
    // What has not passed its gates cannot be promoted from here.
    page.client.goto(&server.url(&format!("/releases?id={}", models[2].id))).await.expect("the page opens");
    page.until("return document.querySelector('#detail').textContent.includes('recall was not measured')").await;
    assert_eq!(page.count("#detail .primary[type=button]").await, 0);
    page.client.goto(&server.url(&format!("/releases?id={}", models[1].id))).await.expect("the page opens");
    page.until("return document.querySelectorAll('#detail .state.passed').length === 5").await;
    assert_page(&page, "gates").await;
    page.click("#detail .primary[type=button]").await;
    page.until("return document.querySelector('#told').textContent.includes('shelf@2.0 is in production; shelf@1.0 is archived')").await;
    page.until("return document.querySelector('#list').textContent.includes('Roll back')").await;
    let back = page.client.find(Locator::XPath("//button[text()='Roll back']")).await.expect("a way back");
    back.click().await.expect("pressed");
    page.until("return document.querySelector('#told').textContent.includes('shelf@1.0 is in production')").await;
    let steps = page.count(".timeline li").await;
    assert_eq!(steps, 3, "promoted, promoted, put back");
    assert_page(&page, "timeline").await;

    page.client.goto(&server.url("/releases?test=states-2")).await.expect("the page opens");
    assert_eq!(page.text("#verdict").await, "B is better.");
    assert_eq!(page.count("#detail svg.curve polyline").await, 2);
    assert_page(&page, "test").await;
    let end = page.client.find(Locator::XPath("//button[text()='End']")).await.expect("it can be ended");
    end.click().await.expect("pressed");
    page.until("return document.querySelector('#told').textContent.includes('The test states-2 is ended')").await;
    place.server.end().await.expect("a clean end");
}

async fn keys_by_hand(page: Page) {
    let (place, admin) = Guarded::start().await;
    let server = &place.server;
    sign_in(&page, &place, "/admin", &admin).await;
    assert!(page.text("#list").await.contains("You are admin, admin of default"));
    write(&page, "form[aria-label='Make a key'] input[name=name]", "ann").await;
    page.click("form[aria-label='Make a key'] button").await;
    let made = page.see("#made-key").await.prop("value").await.expect("it has one").expect("the key");
    assert_eq!(place.status("/skus", &made).await, 200);
    assert_page(&page, "admin").await;
    page.click("button[aria-label='Revoke ann']").await;
    page.click("button[aria-label='Revoke ann']").await;
    page.until("return document.querySelector('#told').textContent.includes('ann is revoked')").await;
    server.until("it is refused", async || place.status("/skus", &made).await == 401).await;
    write(&page, "form[aria-label='Make an organisation'] input[name=name]", "brand").await;
    page.click("form[aria-label='Make an organisation'] button").await;
    page.until("return document.querySelector('#told').textContent.includes('brand has keys')").await;
    assert!(page.text("#list").await.contains("tenant.create"));

    // Signing out ends it: going back shows nothing any more.
    page.client.goto(&server.url("/signin")).await.expect("the page opens");
    assert!(page.text("main").await.contains("You are signed in"));
    page.click("#sign-out button").await;
    page.see("input[name=key]").await;
    page.client.goto(&server.url("/admin")).await.expect("the page opens");
    page.see("input[name=key]").await;
    place.server.end().await.expect("a clean end");
}

/// The review page goes by the name of the account.
async fn the_reviewer_is_the_account(page: Page) {
    let (place, _) = Guarded::start().await;
    let ann = key(&place.store, HOME, "ann", Role::Reviewer).await;
    page.client.goto(&place.server.url("/review")).await.expect("the page opens");
    write(&page, "input[name=key]", &ann).await;
    page.click("#sign-in button").await;
    page.until("const who = document.getElementById('reviewer'); return !!who && who.value === 'ann' && who.readOnly")
        .await;
    place.server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_promoted_compared_and_put_back_by_hand() {
    in_browser(Screen::Desktop, from_the_gates_to_a_verdict).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_promoted_on_a_phone() {
    in_browser(Screen::Phone, from_the_gates_to_a_verdict).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_and_revoked_by_hand() {
    in_browser(Screen::Desktop, keys_by_hand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_on_a_phone() {
    in_browser(Screen::Phone, keys_by_hand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_are_made_under_the_name_of_the_account() {
    in_browser(Screen::Desktop, the_reviewer_is_the_account).await;
}
