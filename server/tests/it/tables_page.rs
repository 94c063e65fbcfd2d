//! A person with a table, in a real browser: from a file to a model that answers.

use fantoccini::Locator;

use crate::chromium::{Page, Screen, assert_sound, in_browser};
use crate::harness::{Control, Server, config, loaded, recognizer};
use crate::review_server::settings;
use crate::tables::flowers;
use server::Setup;
use store::StoreHandle;

async fn server(folder: &std::path::Path) -> Server {
    let control = std::sync::Arc::<Control>::default();
    let recognizer = recognizer(&control);
    let store = Some(StoreHandle::from(settings(folder)));
    let server =
        Server::loading(Setup { config: config(), store, reload: None }, control, move || loaded(recognizer)).await;
    server.until_ready().await;
    server
}

async fn write(page: &Page, css: &str, text: &str) {
    let field = page.see(css).await;
    field.clear().await.expect("cleared");
    field.send_keys(text).await.expect("written");
}

/// Everything is large enough for a finger, has a name, and does not make the page scroll sideways.
async fn assert_usable(page: &Page, name: &str) {
    let small = "return [...document.querySelectorAll('main button, main select, main input, main a')].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)";
    assert_eq!(page.run(small).await, serde_json::json!([]), "{name}");
    let nameless = "return [...document.querySelectorAll('main input, main select')].filter(e => !e.labels.length).map(e => e.outerHTML)";
    assert_eq!(page.run(nameless).await, serde_json::json!([]), "{name}");
    for dark in [false, true] {
        page.prefer_dark(dark).await;
        page.shoot(&format!("tables-{name}-{}", if dark { "dark" } else { "light" })).await;
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
