//! A person with a table, in a real browser: from a file to a model that answers.

use fantoccini::Locator;

use crate::chromium::{Page, Screen, assert_sound, in_browser};
use crate::harness::{Control, Server, config, loaded, recognizer};
use crate::jobs::made_up_counts;
use crate::review_page::assert_accessible;
use crate::review_server::settings;
use crate::tables::{flowers, form};
use server::Setup;
use store::StoreHandle;

async fn server(folder: &std::path::Path) -> Server {
    let control = std::sync::Arc::<Control>::default();
    let recognizer = recognizer(&control);
    let store = Some(StoreHandle::from(settings(folder)));
    let server = Server::loading(Setup { config: config(), store, reload: None, export: None }, control, move || {
        loaded(recognizer)
    })
    .await;
    server.until_ready().await;
    server
}

pub(crate) async fn write(page: &Page, css: &str, text: &str) {
    let field = page.see(css).await;
    field.clear().await.expect("cleared");
    field.send_keys(text).await.expect("written");
}

/// Everything is large enough for a finger, has a name, and does not make the page scroll sideways.
pub(crate) async fn assert_usable(page: &Page, name: &str) {
    let small = "return [...document.querySelectorAll('main button, main select, main input, main a')].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)";
    assert_eq!(page.run(small).await, serde_json::json!([]), "{name}");
    let nameless = "return [...document.querySelectorAll('main input, main select')].filter(e => !e.labels.length).map(e => e.outerHTML)";
    assert_eq!(page.run(nameless).await, serde_json::json!([]), "{name}");
    for dark in [false, true] {
        page.prefer_dark(dark).await;
        page.shoot(&format!("tables-{name}-{}", if dark { "dark" } else { "light" })).await;
        assert_accessible(page).await;
    }
    page.prefer_dark(false).await;
    assert_sound(page, &[]).await;
}

async fn from_a_file_to_an_answer(page: Page) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = server(folder.path()).await;
    page.client.goto(&server.url("/datasets")).await.expect("the page opens");
    page.until("return document.querySelector('#list').textContent.includes('no data set yet')").await;
    let file = folder.path().join("flowers.csv");
    std::fs::write(&file, flowers(90) + "broken,row\n").expect("written");
    let input = page.client.find(Locator::Css("#photo")).await.expect("the page takes files");
    input.send_keys(&file.to_string_lossy()).await.expect("the file is chosen");
    page.click("#upload button").await;
    page.until("return document.querySelector('#told').textContent.includes('90 rows were read')").await;
    assert!(page.text("#told").await.contains("1 row could not be understood"));
    let detail = page.text("#detail").await;
    for part in ["flowers", "90 rows, 3 columns", "length", "float64", "species", "object"] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    assert_usable(&page, "data").await;
    page.click("form[aria-label=Clean] button").await;
    page.until("return document.querySelector('#detail h2').textContent === 'flowers clean'").await;

    // The last column is what most tables are to tell, and words are classes.
    page.click("form[aria-label=Train] button").await;
    page.until("return !!document.querySelector('#job .state.completed')").await;
    let job = page.text("#detail").await;
    for part in ["accuracy", "judged by 18 others", "training random_forest"] {
        assert!(job.contains(part), "{part} is not in {job}");
    }
    page.until(
        "const images = [...document.querySelectorAll('#job .plots img')];
         images.forEach((image) => { image.loading = 'eager'; });
         return images.length > 4 && images.every((image) => image.complete && image.naturalWidth > 100);",
    )
    .await;
    assert_usable(&page, "job").await;
    write(&page, "input[name=model_name]", "flowers").await;
    page.click("input[name=promote]").await;
    page.click("form[aria-label=Deploy] button").await;

    page.until("return !!document.querySelector('form[aria-label=Ask]')").await;
    assert!(page.text("#detail").await.contains("flowers@1 production"));
    write(&page, "input[name=length]", "4.5").await;
    write(&page, "input[name=width]", "3.4").await;
    page.click("form[aria-label=Ask] button").await;
    assert_eq!(page.text("#prediction").await, "species: virginica");
    assert_usable(&page, "model").await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_becomes_a_model_that_answers() {
    in_browser(Screen::Desktop, from_a_file_to_an_answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_becomes_a_model_on_a_phone() {
    in_browser(Screen::Phone, from_a_file_to_an_answer).await;
}

async fn what_to_refill_first(page: Page) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = server(folder.path()).await;
    page.client.goto(&server.url("/insights")).await.expect("the page opens");
    page.until("return document.querySelector('#list').textContent.includes('Nothing was foretold yet')").await;
    assert_usable(&page, "insights-empty").await;
    // Nobody has counted anything here: that is said, not a forecast of nothing.
    page.click("#ask button").await;
    page.until("return !!document.querySelector('#told .bad')").await;
    assert!(page.log().await.iter().all(|line| line.contains("422")), "the refusal, and nothing else");

    let sent = server.post("/api/ml/datasets/upload").multipart(form(made_up_counts()));
    let set = crate::tables::ok(sent).await["dataset_id"].as_str().expect("an id").to_owned();
    page.client.goto(&server.url("/insights")).await.expect("the page opens");
    page.until("return document.querySelectorAll('#counts option').length === 2").await;
    page.run(&format!("document.querySelector('#counts').value = '{set}'; return 1")).await;
    page.click("#ask button").await;
    page.until("return document.querySelectorAll('#places tbody tr').length === 8").await;
    let list = page.text("#list").await;
    for part in [
        "What to refill first",
        "Synthetic: these counts were made up",
        "a day are taken",
        "How far to trust it",
        "As many as last time",
    ] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    assert_usable(&page, "insights").await;
    let wide = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(page.run(wide).await, serde_json::json!(true), "the page does not scroll sideways");
    // By keyboard: the first details opens on Enter.
    page.see("#places summary").await.send_keys("\u{e007}").await.expect("Enter");
    page.until("return document.querySelector('#places details').open").await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_sees_what_to_refill_first() {
    in_browser(Screen::Desktop, what_to_refill_first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_sees_what_to_refill_first_on_a_phone() {
    in_browser(Screen::Phone, what_to_refill_first).await;
}
