//! A person at the page, in a real browser.

use std::sync::Arc;

use fantoccini::Locator;
use fantoccini::key::Key;

use crate::chromium::{Page, Screen, assert_sound, in_browser};
use crate::harness::{Control, Server, config, loaded, recognizer_of_nothing};
use crate::photos;

async fn open(page: &Page, server: &Server) {
    page.client.goto(&server.url("/")).await.expect("the page opens");
    page.see("#server-state[data-status=ok]").await;
}

/// Sends a shelf and waits for its boxes.
async fn recognise(page: &Page) {
    page.choose("shelf.jpg", &photos::jpeg()).await;
    page.see("#results").await;
    assert_eq!(page.count("#boxes .box").await, photos::FACINGS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_becomes_boxes_and_counts() {
    in_browser(Screen::Desktop, async |page| {
        let server = Server::start().await;
        open(&page, &server).await;
        assert!(page.text("#intro").await.contains("Red Cola"));
        page.shoot("start").await;
        recognise(&page).await;

        let totals = page.text("#totals").await.replace('\n', " ");
        for part in ["7 facings", "2 SKUs", "1 unknown", "1 ambiguous"] {
            assert!(totals.contains(part), "{part} is not in {totals:?}");
        }
        let counts = page.text("#counts").await;
        assert!(counts.contains("Red Cola") && counts.contains("Green Tea") && counts.contains("Unknown"), "{counts}");
        assert_eq!(page.count("#counts button").await, 3);
        assert!(page.text("#timing").await.contains("ms"));
        page.shoot("result").await;

        // A SKU in the list shows its facings; pressed again, it lets go.
        let red: usize = page.text("#counts button[data-sku='1'] .tag").await.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
        page.click("#counts button[data-sku='1']").await;
        assert_eq!(page.count(".picked .box.match").await, red);
        page.shoot("picked").await;
        page.click("#counts button[data-sku='1']").await;
        assert_eq!(page.count(".viewport.picked").await, 0);

        // A box says what it is.
        page.click(".box[data-facing='0']").await;
        let card = page.text("#facing").await;
        for part in ["Known", "Red Cola", "sku_001_red_cola", "similarity", "clearly ahead", "Candidates", "Blue Water"] {
            assert!(card.contains(part), "{part} is not in {card:?}");
        }
        page.shoot("facing").await;
        // Along the shelf by key; the white one stands on the lower shelf.
        for _ in 0..5 {
            page.client.active_element().await.expect("focus").send_keys(&Key::Right.to_string()).await.expect("a key");
        }
        let card = page.text("#facing").await;
        assert!(card.contains("Unknown can") && card.contains("below the threshold"), "{card}");
        page.client.active_element().await.expect("focus").send_keys(&Key::Escape.to_string()).await.expect("a key");
        page.until("return document.getElementById('facing').hidden").await;

        // Zoom by key and by button; boxes stay on the photo.
        page.click("#zoom-in").await;
        page.click("#zoom-in").await;
        page.until("return document.getElementById('viewport').classList.contains('zoomed')").await;
        page.click("#zoom-fit").await;
        page.until("return !document.getElementById('viewport').classList.contains('zoomed')").await;

        // Settings ask again.
        page.click("#settings summary").await;
        page.shoot("settings").await;
        page.run("const conf = document.getElementById('conf'); conf.value = 0.88; conf.dispatchEvent(new Event('input')); conf.dispatchEvent(new Event('change'));").await;
        page.until("return document.querySelectorAll('#boxes .box').length === 2").await;
        assert!(page.text("#settings-state").await.contains("changed"));
        page.click("#reset").await;
        page.until("return document.querySelectorAll('#boxes .box').length === 7").await;
        assert_sound(&page, &[]).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_is_explained_and_the_next_photo_works() {
    in_browser(Screen::Desktop, async |page| {
        let server = Server::start().await;
        open(&page, &server).await;
        page.choose("list.jpg", b"Bottles: 12\nCans: 7\n").await;
        let alert = page.text("#alert").await;
        for part in ["This is not a photo we take", "text", "send a JPEG, PNG or WebP", "What does this mean?"] {
            assert!(alert.contains(part), "{part} is not in {alert:?}");
        }
        page.shoot("error").await;
        assert!(page.see("#drop").await.is_displayed().await.expect("it is there"));
        recognise(&page).await;
        page.until("return document.getElementById('alert').hidden").await;
        // With an answer on the page, a bad file leaves no boxes of the photo before it.
        let jpeg = photos::jpeg();
        page.choose("half.jpg", &jpeg[..jpeg.len() / 2]).await;
        let alert = page.text("#alert").await;
        assert!(alert.contains("truncated"), "{alert}");
        page.until("return document.getElementById('results').hidden").await;
        assert_sound(
            &page,
            &["the server responded with a status of 415", "the server responded with a status of 400"],
        )
        .await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_on_a_phone() {
    in_browser(Screen::Phone, async |page| {
        let server = Server::start().await;
        open(&page, &server).await;
        assert_eq!(page.text("label[for=camera]").await, "Take a photo");
        page.shoot("start").await;
        recognise(&page).await;
        page.shoot("result").await;
        page.click(".box[data-facing='3']").await;
        assert!(page.text("#facing").await.contains("Green Tea"));
        page.shoot("facing").await;
        page.click("#facing .close").await;
        page.click("#counts button[data-sku='2']").await;
        assert!(page.count(".picked .box.match").await >= 2);
        // Everything to be touched is large enough for a finger.
        let small = page.run("return [...document.querySelectorAll('button, .button, summary, select')].filter(e => e.offsetParent && e.getBoundingClientRect().height < 28).map(e => e.outerHTML)").await;
        assert_eq!(small, serde_json::json!([]));
        assert_sound(&page, &[]).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_and_empty_pages_say_so() {
    in_browser(Screen::Desktop, async |page| {
        // The page that was opened too early goes on by itself.
        let (go, wait) = std::sync::mpsc::channel();
        let control = Arc::<Control>::default();
        let recognizer = recognizer_of_nothing(&control);
        let server = Server::loading(config(), control, move || {
            wait.recv()?;
            loaded(recognizer)
        })
        .await;
        page.client.goto(&server.url("/")).await.expect("the page opens");
        assert!(page.text("#models-loading").await.contains("Getting ready"));
        page.shoot("loading").await;
        go.send(()).expect("the loader waits");
        assert!(page.text("#gallery-empty").await.contains("No SKU is enrolled yet"));
        page.shoot("empty-gallery").await;
        page.choose("shelf.jpg", &photos::jpeg()).await;
        assert!(page.text("#warnings").await.contains("the gallery is empty"));
        server.end().await.expect("a clean end");

        let server = Server::loading(config(), Arc::default(), || Err("no models".into())).await;
        server.until("it has failed", async || server.json("/readyz").await["status"] == "failed").await;
        page.client.goto(&server.url("/")).await.expect("the page opens");
        assert!(page.text("#models-missing").await.contains("shelf doctor"));
        page.shoot("models-missing").await;
        page.client.goto(&server.url("/problems")).await.expect("the page opens");
        page.shoot("problems").await;
        let links = page.client.find_all(Locator::Css(".problems a")).await.expect("a list");
        links[0].click().await.expect("a link");
        page.see(".sheet h1").await;
        page.shoot("problem").await;
        assert_sound(&page, &["503"]).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docs_work_offline() {
    in_browser(Screen::Desktop, async |page| {
        let server = Server::start().await;
        page.client.goto(&server.url("/docs/")).await.expect("the page opens");
        let text = page.text(".swagger-ui").await;
        assert!(text.contains("/v2/recognize"), "{text}");
        page.shoot("docs").await;
        assert_sound(&page, &[]).await;
        server.end().await.expect("a clean end");
    })
    .await;
}
