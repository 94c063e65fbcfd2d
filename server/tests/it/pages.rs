//! Pages, as far as they can be judged without a browser.

use std::sync::Arc;

use server::problem::ProblemType;

use crate::harness::{Control, Server, config, loaded, recognizer_of_nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_page_and_its_files() {
    let server = Server::start().await;
    let response = server.get("/").await;
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.text().await.expect("text");
    for text in ["Red Cola", "Green Tea", "bottle, can", "value=\"0.25\"", "id=\"server-state\" data-status=\"ok\""] {
        assert!(page.contains(text), "{text}");
    }
    assert_strict(&page);
    let files: Vec<&str> = page.split('"').filter(|part| part.starts_with("/static/")).collect();
    assert!(files.len() >= 4, "{files:?}");
    let folder = files[0].rsplit_once('/').expect("a folder").0;
    let modules =
        ["dom.js", "colors.js", "upload.js", "viewer.js", "results.js"].map(|name| format!("{folder}/{name}"));
    for file in files.into_iter().map(str::to_owned).chain(modules) {
        let response = server.get(&file).await;
        assert_eq!(response.status(), 200, "{file}");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable", "{file}");
        assert!(!response.bytes().await.expect("a body").is_empty(), "{file}");
    }
    server.end().await.expect("a clean end");
}

/// The policy forbids inline scripts and styles, so there must be none.
fn assert_strict(page: &str) {
    for (at, _) in page.match_indices("<script") {
        let tag = &page[at..at + page[at..].find('>').expect("it closes")];
        assert!(tag.contains("src="), "{tag}");
    }
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "everything comes from this server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_gallery_says_what_to_do() {
    let control = Arc::<Control>::default();
    let recognizer = recognizer_of_nothing(&control);
    let server = Server::loading(config(), control, move || loaded(recognizer)).await;
    server.until_ready().await;
    let page = server.text("/").await;
    assert!(page.contains("No SKU is enrolled") && page.contains("shelf gallery build"));
    assert_strict(&page);
    let answer: serde_json::Value =
        server.photo(crate::photos::jpeg()).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!((&answer["unknown_count"], &answer["detections"][0]["sku"]), (&1.into(), &serde_json::Value::Null));
    assert!(answer["warnings"][0].as_str().is_some_and(|text| text.contains("gallery is empty")), "{answer}");
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_problem_type_opens_a_page() {
    let server = Server::start().await;
    let list = server.text("/problems").await;
    assert_strict(&list);
    for kind in ProblemType::ALL {
        let response = server.get(&kind.uri()).await;
        assert_eq!(response.status(), 200, "{kind:?}");
        let page = response.text().await.expect("text");
        assert_strict(&page);
        assert!(list.contains(&kind.uri()) && page.contains(&kind.uri()), "{kind:?}");
    }
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_errors_as_pages() {
    let server = Server::start().await;
    let ask = |path: &str, accept: &str| server.client.get(server.url(path)).header("accept", accept.to_owned());
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let response = ask("/nowhere/<script>alert(1)</script>", browser).send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (404, &"text/html; charset=utf-8".parse().expect("a value"))
    );
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let page = response.text().await.expect("text");
    assert!(page.contains("Nothing is here") && page.contains(&id) && !page.contains("alert(1)"));
    assert_strict(&page);
    let response = ask("/nowhere", "application/json").send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    server.end().await.expect("a clean end");
}
