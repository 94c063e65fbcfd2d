//! A person goes through whole photos at `/review/verify`, in a real browser.

use fantoccini::key::Key;
use store::StoreHandle;
use store::access::DEFAULT_ORGANISATION as HOME;
use store::model::now;
use store::photos::{Day, VerifyStatus};
use vision::Sha256;

use crate::chromium::{Page, Screen, assert_sound, in_browser};
use crate::harness::Server;
use crate::kept::{keeping, send, server};
use crate::photos;
use crate::review_page::assert_accessible;
use crate::review_server::settings;

async fn press(page: &Page, key: &str) {
    page.client.active_element().await.expect("focus").send_keys(key).await.expect("a key");
}

/// What a person sees: the photo, as large as there is room, with its boxes on it.
async fn shown(page: &Page, boxes: usize) {
    page.until(
        "const photo = document.getElementById('verify-photo'), box = photo.getBoundingClientRect();
         return photo.complete && photo.naturalWidth > 0 && box.width > 250 && box.height > 200;",
    )
    .await;
    page.until(&format!("return document.querySelectorAll('#verify-marks rect').length === {boxes}")).await;
}

/// Where a place of the photo is on the screen.
async fn place(page: &Page, (x, y): (f32, f32)) -> (f64, f64) {
    let script = format!(
        "const frame = document.getElementById('verify-marks').getBoundingClientRect();
         return [frame.left + {x} / {w} * frame.width, frame.top + {y} / {h} * frame.height];",
        w = photos::SIZE.0,
        h = photos::SIZE.1
    );
    let found = page.run(&script).await;
    (found[0].as_f64().expect("a place"), found[1].as_f64().expect("a place"))
}

/// A gesture of the pointer: pressed at the first place, released at the last.
async fn gesture(page: &Page, places: &[(f32, f32)], button: u8) {
    let mut at = Vec::new();
    for spot in places {
        at.push(place(page, *spot).await);
    }
    let at = serde_json::to_string(&at).expect("numbers");
    let script = format!(
        "const marks = document.getElementById('verify-marks'), places = {at};
         const say = (type, [clientX, clientY]) => marks.dispatchEvent(new PointerEvent(type, {{ clientX, clientY, button: {button}, pointerId: 1, bubbles: true, cancelable: true }}));
         marks.setPointerCapture = () => {{}};
         if ({button} === 2) {{ marks.dispatchEvent(new MouseEvent('contextmenu', {{ clientX: places[0][0], clientY: places[0][1], bubbles: true, cancelable: true }})); return; }}
         say('pointerdown', places[0]); places.slice(1).forEach((place) => say('pointermove', place)); say('pointerup', places.at(-1));"
    );
    page.run(&script).await;
}

async fn two_photos(folder: &std::path::Path) -> (Server, StoreHandle) {
    let handle = StoreHandle::from(settings(folder));
    let server = server(&handle, keeping()).await;
    send(&server, photos::jpeg(), "?store=north-12&shelf=dairy").await;
    send(&server, photos::png(), "").await;
    let store = handle.get().await.expect("opened");
    server
        .until("both are kept", async || {
            store.verify_progress(HOME, Day::of(now()), now()).await.is_ok_and(|progress| progress.photos == 2)
        })
        .await;
    (server, handle)
}

async fn from_photo_to_photo(page: Page) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (server, handle) = two_photos(folder.path()).await;
    let store = handle.get().await.expect("opened");
    page.client.goto(&server.url("/review/verify")).await.expect("the page opens");
    shown(&page, 7).await;
    page.shoot("verify").await;
    assert_accessible(&page).await;
    // A page that is loaded anew shows the same photo again, though it is claimed.
    let first = page.run("return document.getElementById('verify-photo').src").await;
    page.client.refresh().await.expect("it is loaded anew");
    shown(&page, 7).await;
    assert_eq!(page.run("return document.getElementById('verify-photo').src").await, first);

    // One thing that is no container, one container that was not found, one with the wrong name: 1 + 1 + 2 acts, and 1 for the next.
    gesture(&page, &[(45.0, 240.0)], 2).await;
    shown(&page, 6).await;
    gesture(&page, &[(160.0, 180.0), (190.0, 250.0), (210.0, 300.0)], 0).await;
    shown(&page, 7).await;
    gesture(&page, &[(325.0, 90.0)], 0).await;
    let palette = page.text("#verify-palette").await;
    assert!(palette.contains("sku_001_red_cola"), "{palette}");
    press(&page, "1").await;
    assert_eq!(page.run("return document.getElementById('verify-sku').value").await, "sku_001_red_cola");
    assert!(page.text("#verify-count").await.contains("7 boxes, changed"));
    page.shoot("verify-changed").await;
    press(&page, "a").await;
    page.until(&format!("return document.getElementById('verify-photo').src !== {first}")).await;
    shown(&page, 7).await;

    // By keys alone: from box to box, a step aside, taken back, deleted, taken back; then all right.
    press(&page, &Key::Tab.to_string()).await;
    page.until("return document.querySelectorAll('.verify-box.chosen').length === 1").await;
    let x = "return document.querySelector('.verify-box.chosen').getAttribute('x')";
    let before = page.run(x).await;
    press(&page, &Key::Right.to_string()).await;
    assert_ne!(page.run(x).await, before);
    press(&page, "z").await;
    assert_eq!(page.run(x).await, before);
    press(&page, "x").await;
    shown(&page, 6).await;
    press(&page, "z").await;
    shown(&page, 7).await;
    // Out of the boxes, Tab goes where it goes on every page.
    press(&page, &Key::Escape.to_string()).await;
    assert_eq!(page.run("return document.activeElement.id").await, "verify-done");
    press(&page, &Key::Tab.to_string()).await;
    assert_eq!(page.run("return document.activeElement.id").await, "verify-copy");
    page.click("#verify-done").await;
    page.until("return !document.getElementById('verify-empty').hidden").await;
    page.until("return document.getElementById('verify-progress').value === 2").await;

    let day = Day::of(now());
    let mut verified = store.photos_of_day(HOME, day, None, 10).await.expect("read");
    if verified.is_empty() {
        // Midnight went by.
        verified = store.photos_of_day(HOME, Day(day.0 - 1), None, 10).await.expect("read");
    }
    assert!(verified.iter().all(|photo| photo.status == VerifyStatus::Verified), "{verified:?}");
    let name = first
        .as_str()
        .and_then(|src| src.rsplit('/').nth(1))
        .and_then(|text| text.parse::<Sha256>().ok())
        .expect("a digest");
    let said = store.annotations(HOME, name).await.expect("read").pop().expect("somebody said something");
    let skus: Vec<_> =
        said.boxes.iter().filter(|facing| facing.corners[0] > 295.0).map(|facing| facing.code.as_deref()).collect();
    assert_eq!((said.boxes.len(), skus), (7, vec![Some("sku_001_red_cola")]));
    let drawn =
        said.boxes.iter().find(|facing| facing.corners[0] > 150.0 && facing.corners[1] > 170.0).expect("it was drawn");
    assert!((drawn.corners[0] - 160.0).abs() < 3.0 && (drawn.corners[3] - 300.0).abs() < 3.0, "{:?}", drawn.corners);
    assert_sound(&page, &[]).await;
    server.end().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photos_are_gone_through() {
    in_browser(Screen::Desktop, from_photo_to_photo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_is_looked_at_on_a_phone() {
    in_browser(Screen::Phone, async |page| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (server, _) = two_photos(folder.path()).await;
        page.client.goto(&server.url("/review/verify")).await.expect("the page opens");
        shown(&page, 7).await;
        page.shoot("verify").await;
        page.prefer_dark(true).await;
        assert_accessible(&page).await;
        page.prefer_dark(false).await;
        page.click("#verify-done").await;
        page.until("return document.getElementById('verify-progress').value === 1").await;
        assert_sound(&page, &[]).await;
        server.end().await.expect("a clean end");
    })
    .await;
}
