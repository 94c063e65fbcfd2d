//! `shelf top` beside a server that is at work.

use std::path::Path;

use crate::registry::Served;
use crate::shelf::{Workplace, stderr, stdout};

#[test]
fn what_a_server_does_is_shown() {
    let place = Workplace::empty();
    place.write_config(Path::new("detector.onnx"), Path::new("embedder.onnx"));
    let served = Served::start(&place, &["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", served.address);
    let shown = std::thread::scope(|scope| {
        let top = scope.spawn(|| place.shelf(&["top", "--url", &url, "--interval", "1", "--once"]));
        while !top.is_finished() {
            served.get("/livez");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        top.join().expect("it ends")
    });
    let text = stdout(&shown);
    assert!(shown.status.success(), "{}", stderr(&shown));
    for part in ["not ready", "photos", "0 of", "embed", "/livez", "200: ", "MiB"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    drop(served);
    let gone = place.shelf(&["top", "--url", &url, "--once"]);
    assert_eq!(gone.status.code(), Some(2));
    assert!(stderr(&gone).contains(&url), "{}", stderr(&gone));
    let wrong = place.shelf(&["top", "--url", "shop", "--once"]);
    assert!(stderr(&wrong).contains("begins with https:// or http://"), "{}", stderr(&wrong));
}
