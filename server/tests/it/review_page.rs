//! A person at `/review`, in a real browser with a real store.

use std::path::Path;
use std::time::Duration;

use classifier::gallery::thumbnails;
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::chromium::{Page, Screen, in_browser};
use crate::harness::Server;
use crate::review_server::{review_config, server, server_with, settings};

async fn press(page: &Page, key: &str) {
    page.client.active_element().await.expect("focus").send_keys(key).await.expect("a key");
}

async fn open(page: &Page, server: &Server) {
    page.client.goto(&server.url("/review")).await.expect("the page opens");
    page.see("#look[data-state=shown]").await;
    page.until("return document.getElementById('crop').complete && document.getElementById('crop').naturalWidth > 0")
        .await;
}

/// Nothing that axe-core objects to, by the rules of WCAG 2 A and AA.
pub(crate) async fn assert_accessible(page: &Page) {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime/python/lib");
    let pythons = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let file = pythons
        .map(|python| python.path().join("site-packages/axe_core_python/axe.min.js"))
        .find(|file| file.is_file());
    let Some(file) = file else {
        let message = "axe-core is not installed (`make setup` installs it)";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
        return;
    };
    let source = std::fs::read_to_string(file).expect("it is readable");
    page.run(&source).await;
    // Colours on their way from one to the other are neither.
    let script = "const done = arguments[arguments.length - 1];
        const moving = document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity);
        Promise.allSettled(moving.map((a) => a.finished)).then(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }))
            .then((r) => done(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).join(', '))), (e) => done([String(e)]));";
    let violations = page.client.execute_async(script, Vec::new()).await.expect("axe runs");
    assert_eq!(violations, json!([]), "{violations:#}");
}

async fn assert_sound(page: &Page) {
    let wide = page.run("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(wide.as_f64().is_some_and(|over| over <= 0.0), "it scrolls sideways by {wide}");
    let log = page.log().await;
    assert!(log.is_empty(), "{log:#?}");
}

/// Presses 1, and says how many milliseconds later the next item's image is on screen.
const NEXT_ITEM: &str = "
    const done = arguments[arguments.length - 1], crop = document.getElementById('crop'), before = crop.src, begin = performance.now();
    document.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true }));
    (async () => { while (crop.src === before) await new Promise(requestAnimationFrame); await crop.decode();
    requestAnimationFrame(() => done(performance.now() - begin)); })();";

/// Every facing of the shelf is queued.
async fn crowded(folder: &Path) -> Server {
    let mut review = review_config();
    review.samplers.random_ratio = 1.0;
    let server = server_with(settings(folder), review).await;
    assert_eq!(server.recognise().await["review"]["queued"], 7);
    server
}

/// What keys mean on other layouts: what a keyboard sends (key, code, Shift), and what the page understands.
const LAYOUTS: &str = "
    const done = arguments[arguments.length - 1];
    const page = [...document.scripts].find((script) => script.src.endsWith('/review.js')).src;
    const cases = [
        ['Russian', '\\u0442', 'KeyN', false, 'n'], ['Russian', '\\u0427', 'KeyX', true, 'x'], ['Russian', '1', 'Digit1', false, '1'],
        ['Greek', '\\u03c3', 'KeyS', false, 's'], ['Greek', '\\u03b2', 'KeyB', false, 'b'],
        ['Arabic', '\\u0626', 'KeyZ', false, 'z'], ['Arabic', '\\u0661', 'Digit1', false, '1'],
        ['French', '&', 'Digit1', false, '1'], ['French', '(', 'Digit5', false, '5'], ['French', '1', 'Digit1', true, '1'],
        ['French', 'w', 'KeyZ', false, 'w'], ['French', 'z', 'KeyW', false, 'z'],
        ['Czech', '+', 'Digit1', false, '1'], ['Czech', '\\u0159', 'Digit5', false, '5'],
        ['German', 'z', 'KeyY', false, 'z'], ['German', 'y', 'KeyZ', false, 'y'], ['Swiss', '+', 'Digit1', true, '+'],
        ['US', '?', 'Slash', true, '?'], ['US', '+', 'Equal', true, '+'], ['US', 'Enter', 'Enter', false, 'enter'],
        ['an input method', 'Process', 'KeyU', false, 'u'], ['numbers', '3', 'Numpad3', false, '3'],
    ];
    import(page.replace('review.js', 'review_keys.js')).then(({ meant }) => done(cases
        .map(([layout, key, code, shiftKey, expected]) => [layout, key, code, expected, meant({ key, code, shiftKey })])
        .filter(([, , , expected, found]) => expected !== found)), (error) => done([String(error)]));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_mean_the_same_on_every_layout() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let server = crowded(place.path()).await;
        open(&page, &server).await;
        let wrong = page.client.execute_async(LAYOUTS, Vec::new()).await.expect("it runs");
        assert_eq!(wrong, json!([]), "{wrong:#}");
        // The page itself listens so: French 1, Czech 1, Russian U.
        for (number, (key, code)) in (1..).zip([("&", "Digit1"), ("+", "Digit1"), ("\u{433}", "KeyU")]) {
            let event = format!("{{ key: '{key}', code: '{code}', bubbles: true }}");
            page.run(&format!("document.dispatchEvent(new KeyboardEvent('keydown', {event}))")).await;
            page.until(&format!("return document.getElementById('done').textContent.startsWith('{number} done')"))
                .await;
        }
        assert_sound(&page).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_are_shown_by_the_gallerys_thumbnails() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        for (id, color) in (1_u8..).zip([[255, 0, 0], [0, 255, 0], [0, 0, 255]]) {
            let path = thumbnails::path(&place.path().join("gallery"), vision::Sha256::of(&[id]));
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            vision::RgbImage::from_pixel(40, 90, image::Rgb(color)).save(&path).expect("writable");
        }
        let server = crowded(place.path()).await;
        server
            .until("the thumbnails", async || {
                let found = server.json("/v2/active-learning/skus?q=").await;
                let skus = found["skus"].as_array().expect("SKUs").clone();
                skus.len() == 3 && skus.iter().all(|sku| sku["pictures"].as_array().is_some_and(|all| all.len() == 1))
            })
            .await;
        open(&page, &server).await;
        page.until(
            "const all = [...document.querySelectorAll('#choices .choice img')];
             return all.length === 3 && all.every((image) => image.complete && image.naturalWidth === 40)",
        )
        .await;
        assert_eq!(page.count("#choices .none").await, 0, "no candidate goes without an image");
        page.shoot("review-thumbnails").await;
        assert_accessible(&page).await;
        assert_sound(&page).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_label_the_next_item_is_there_at_once_and_undo_brings_it_back() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let server = crowded(place.path()).await;
        open(&page, &server).await;
        assert_eq!(page.count("#choices .choice").await, 3);
        page.shoot("review").await;
        assert_accessible(&page).await;
        page.until(
            "return performance.getEntriesByType('resource').filter((e) => e.name.includes('/picture/')).length >= 5",
        )
        .await;

        // From the key to the next image on screen, decoded. A machine that does other things adds to it, so the best counts.
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let took = page.client.execute_async(NEXT_ITEM, Vec::new()).await.expect("it runs");
            best = best.min(took.as_f64().expect("milliseconds"));
        }
        println!("next item on screen after {best:.1} ms");
        assert!(best <= 100.0, "the next item took {best} ms");
        server.until("the labels", async || server.json("/v2/active-learning/stats").await["labelled"] == 3).await;

        press(&page, "s").await;
        press(&page, "u").await;
        page.until("return document.getElementById('done').textContent.startsWith('4 done')").await;
        server
            .until("the fourth label", async || server.json("/v2/active-learning/stats").await["labelled"] == 4)
            .await;
        press(&page, "z").await;
        server.until("the undo", async || server.json("/v2/active-learning/stats").await["labelled"] == 3).await;

        // A product nobody has enrolled.
        press(&page, "n").await;
        page.see("#find[open] #find-list li").await;
        page.shoot("review-find").await;
        assert_accessible(&page).await;
        press(&page, "green").await;
        page.until("return document.querySelectorAll('#find-list li').length === 2").await;
        page.client
            .active_element()
            .await
            .expect("focus")
            .send_keys(&format!("er <i>soda</i>{}", Key::Enter))
            .await
            .expect("keys");
        page.until("return !document.getElementById('find').open").await;
        server
            .until("the new SKU", async || {
                let found = server.json("/v2/active-learning/skus?q=soda").await;
                found["skus"][0]["name"] == "greener <i>soda</i>"
            })
            .await;

        press(&page, "?").await;
        page.see("#keys[open]").await;
        page.shoot("review-keys").await;
        assert_accessible(&page).await;
        page.click("#keys button").await;
        assert_sound(&page).await;

        for (path, name) in [
            ("/review/queue", "queue"),
            ("/review/queue?status=labelled", "labelled"),
            ("/review/skus", "skus"),
            ("/review/stats", "stats"),
        ] {
            page.client.goto(&server.url(path)).await.expect("the page opens");
            page.see("h1").await;
            page.shoot(&format!("review-{name}")).await;
            assert_accessible(&page).await;
            assert_sound(&page).await;
            assert!(
                !page.client.source().await.expect("its source").contains("<i>soda</i>"),
                "{path}: a name is not markup"
            );
        }
        page.client.goto(&server.url("/review/queue")).await.expect("the page opens");
        page.click("td a").await;
        page.see(".item").await;
        page.shoot("review-item").await;
        assert_accessible(&page).await;
        assert_sound(&page).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_box_is_drawn_anew() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let server = server(place.path()).await;
        server.recognise().await;
        open(&page, &server).await;
        press(&page, "b").await;
        page.see("#photo.drawing").await;
        // As a hand would draw it: down, along, up.
        page.run(
            "const p = document.getElementById('photo'), m = document.getElementById('marks').getScreenCTM();
             const at = (x, y) => { const q = new DOMPoint(x, y).matrixTransform(m); return { clientX: q.x, clientY: q.y, pointerId: 1, bubbles: true }; };
             p.setPointerCapture = () => {};
             p.dispatchEvent(new PointerEvent('pointerdown', at(230, 40)));
             p.dispatchEvent(new PointerEvent('pointermove', at(280, 150)));
             p.dispatchEvent(new PointerEvent('pointerup', at(280, 150)));",
        )
        .await;
        page.shoot("review-box").await;
        let second = page.text("#choices li:nth-child(2) .sku-name").await;
        press(&page, "2").await;
        server.until("the label", async || server.json("/v2/active-learning/stats").await["labelled"] == 1).await;
        let list = server.json("/v2/active-learning-queue?status=labelled").await;
        let verdict = &list["items"][0]["verdict"];
        assert_eq!((&verdict["kind"], verdict["sku"]["name"].as_str()), (&json!("wrong_box"), Some(second.as_str())));
        let id = list["items"][0]["id"].as_str().expect("an id");
        let drawn = server.json(&format!("/v2/active-learning-queue/{id}")).await["labels"][0]["box"].clone();
        let near = |name: &str, value: f64| drawn[name].as_f64().is_some_and(|v| (v - value).abs() < 2.0);
        assert!(near("x1", 230.0) && near("y1", 40.0) && near("x2", 280.0) && near("y2", 150.0), "{drawn}");
        assert_sound(&page).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_alikes_are_named_once() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let mut review = review_config();
        // Every facing an item of its own.
        review.samplers.duplicate_similarity = 0.0;
        review.samplers.small_margin = 0.0;
        review.samplers.near_threshold = 0.0;
        let server = server_with(settings(place.path()), review).await;
        for _ in 0..3 {
            server.recognise().await;
        }
        page.client.goto(&server.url("/review/clusters")).await.expect("the page opens");
        page.see("[data-cluster]").await;
        assert_eq!((page.count("[data-cluster]").await, page.count(".tile").await), (1, 3));
        page.shoot("review-clusters").await;
        assert_accessible(&page).await;
        page.click(".tile:nth-child(3)").await;
        assert_eq!(page.text("[data-count]").await, "2");
        page.click("[data-act=find]").await;
        page.see("#find[open] #find-list li").await;
        press(&page, "Milk").await;
        page.until("return document.querySelector('#find-list .sku-name')?.textContent.includes('Milk')").await;
        press(&page, &Key::Enter.to_string()).await;
        page.see("[data-done]:not([hidden]) button").await;
        page.shoot("review-clusters-done").await;
        assert!(page.text("[data-done]").await.starts_with("2 facings: Milk."));
        let stats = server.json("/v2/active-learning/stats").await;
        assert_eq!((&stats["labelled"], &stats["open"]), (&json!(2), &json!(1)), "what was taken out waits");
        page.click("[data-done] button").await;
        server.until("the undo", async || server.json("/v2/active-learning/stats").await["labelled"] == 0).await;
        page.see(".tiles:not([hidden])").await;
        assert_accessible(&page).await;
        page.click("[data-act=not_a_container]").await;
        page.see("[data-done]:not([hidden]) button").await;
        page.client.goto(&server.url("/review/clusters")).await.expect("the page opens");
        page.see(".empty").await;
        page.shoot("review-clusters-empty").await;
        assert_accessible(&page).await;
        assert_sound(&page).await;
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone_by_touch() {
    in_browser(Screen::Phone, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let server = crowded(place.path()).await;
        open(&page, &server).await;
        page.shoot("review").await;
        assert_accessible(&page).await;
        page.click("#choices .choice").await;
        page.click("#act-unknown").await;
        server.until("the labels", async || server.json("/v2/active-learning/stats").await["labelled"] == 2).await;
        let small = page
            .run("return [...document.querySelectorAll('#ask button')].filter((b) => b.offsetParent && b.getBoundingClientRect().height < 40).length")
            .await;
        assert_eq!(small, 0, "every button can be hit by a thumb");
        assert_sound(&page).await;
        for name in ["queue", "skus", "stats", "clusters"] {
            page.client.goto(&server.url(&format!("/review/{name}"))).await.expect("the page opens");
            page.see("h1").await;
            page.shoot(&format!("review-{name}")).await;
            assert_sound(&page).await;
        }
        server.end().await.expect("a clean end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_queue_says_so_and_fills_by_itself() {
    in_browser(Screen::Desktop, async |page| {
        let place = tempfile::tempdir().expect("a temporary folder");
        let server = server(place.path()).await;
        page.client.goto(&server.url("/review")).await.expect("the page opens");
        page.see("#empty").await;
        page.shoot("review-empty").await;
        assert_accessible(&page).await;
        server.recognise().await;
        page.see("#look[data-state=shown]").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let claimed: Value = server.json("/v2/active-learning/stats").await["claimed"].clone();
        assert_eq!(claimed, 2);
        // Gone, the items are free.
        page.client.goto(&server.url("/review/stats")).await.expect("another page");
        server.until("the release", async || server.json("/v2/active-learning/stats").await["claimed"] == 0).await;
        server.end().await.expect("a clean end");
    })
    .await;
}
