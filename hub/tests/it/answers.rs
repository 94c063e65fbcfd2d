//! What a hub may say instead of where the bytes are.

use std::net::TcpListener;
use std::time::Duration;

use hub::{HubError, HubOptions, Missing};

use super::{Bench, Reply, Request, content, fetch_with};

/// A hub that always says `reply`.
fn saying(reply: impl Fn(&Request, &str) -> Reply + Send + Sync + 'static) -> Bench {
    Bench::new(reply, |_| Reply::status(500))
}

#[test]
fn what_does_not_exist_is_named() {
    for (code, expected, part) in [
        ("RepoNotFound", Missing::Repository, "no such repository"),
        ("RevisionNotFound", Missing::Revision, "no such revision"),
    ] {
        let bench = saying(move |_, _| Reply::head(404, &[("X-Error-Code", code)]));
        let error = bench.fails(part);
        assert!(matches!(error, HubError::NotFound { missing, .. } if missing == expected), "{error:?}");
        assert_eq!(bench.hub.asked().len(), 1);
    }
    let bench = saying(|_, _| Reply::head(404, &[("X-Error-Code", "EntryNotFound")]));
    let error = bench.fetch("hf://o/r/a.onnx").0.unwrap_err();
    assert!(matches!(error, HubError::NotFound { missing: Missing::File, .. }), "{error:?}");
    assert!(error.to_string().contains("/o/r/resolve/main/a.onnx"), "{error}");
}

#[test]
fn refusals_are_told_at_once() {
    for status in [401, 403] {
        let bench = saying(move |_, _| Reply::status(status));
        let error = bench.fails("HF_TOKEN");
        assert!(matches!(error, HubError::Denied { status: told, .. } if told == status), "{error:?}");
        assert_eq!(bench.hub.asked().len(), 1);
    }
    for status in [304, 400, 418] {
        let bench = saying(move |_, _| Reply::status(status));
        let error = bench.fails("HF_ENDPOINT");
        assert!(matches!(error, HubError::Status { status: told, .. } if told == status), "{error:?}");
        assert_eq!(bench.hub.asked().len(), 1);
    }
}

#[test]
fn a_hub_that_fails_is_asked_again() {
    let bytes = content(1000);
    let told = bytes.clone();
    let hub = move |request: &Request, at: &str| {
        if request.before < 3 { Reply::status(502) } else { Reply::linked(&told, at) }
    };
    let bench = Bench::new(hub, move |request| Reply::part(&bytes, request));
    let (path, told) = bench.fetch("hf://o/r");
    path.unwrap();
    assert_eq!(told, ["wait 1s", "wait 2s", "wait 4s"]);

    let bench = saying(|_, _| Reply::status(500));
    let error = bench.fails("(500)");
    assert!(matches!(error, HubError::Server { status: 500, .. }), "{error:?}");
    assert_eq!(bench.hub.asked().len(), 5);
}

#[test]
fn a_busy_hub_is_given_the_time_it_asks_for() {
    for (asked, expected) in [("7", "wait 7s"), ("0", "wait 0ns"), ("soon", "wait 1s"), ("-3", "wait 1s")] {
        let bytes = content(1000);
        let told = bytes.clone();
        let hub = move |request: &Request, at: &str| match request.before {
            0 => Reply::head(429, &[("Retry-After", asked)]),
            _ => Reply::linked(&told, at),
        };
        let bench = Bench::new(hub, move |request| Reply::part(&bytes, request));
        let (path, told) = bench.fetch("hf://o/r");
        assert!(path.is_ok());
        assert_eq!(told, [expected], "{asked}");
    }
    // Nobody waits for an hour.
    let bench = saying(|_, _| Reply::head(429, &[("Retry-After", "3600")]));
    let error = bench.fails("3600s");
    assert!(matches!(error, HubError::Busy { .. }), "{error:?}");
    assert_eq!(bench.hub.asked().len(), 1);
}

#[test]
fn headers_that_say_nothing_are_refused() {
    for (name, value) in [
        ("X-Repo-Commit", None),
        ("X-Repo-Commit", Some("main")),
        ("X-Repo-Commit", Some("../../../../../../../../../../../../..//tmp")),
        ("X-Linked-ETag", None),
        ("X-Linked-ETag", Some("\"0123456789abcdef0123456789abcdef01234567\"")),
        ("X-Linked-ETag", Some("../../../etc/passwd")),
        ("X-Linked-ETag", Some("\u{1}\u{2}")),
        ("X-Linked-Size", Some("many")),
        ("X-Linked-Size", Some("-1")),
        ("X-Linked-Size", Some("0")),
        ("Location", None),
        ("Location", Some("ftp://elsewhere/bytes")),
        ("Location", Some("bytes")),
    ] {
        let bench = saying(move |_, at| Reply::linked_but(&content(100), at, name, value));
        let error = bench.fetch("hf://o/r").0.unwrap_err();
        let expected = matches!(&error, HubError::Header { .. } | HubError::Garbled { .. });
        assert!(expected, "{name} {value:?}: {error:?}");
        assert!(error.to_string().contains(&bench.hub.address), "{error}");
        assert_eq!((bench.visible(), bench.cdn.asked().len()), (Vec::new(), 0), "{name} {value:?}");
    }
}

#[test]
fn what_is_no_http_is_refused() {
    for garbage in [&b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..], b"\0\0\0\0\0\0\0\0\r\n\r\n", b"HTTP/9.9 what\r\n\r\n"] {
        let garbage = garbage.to_vec();
        let error = saying(move |_, _| Reply::raw(&garbage)).fails("no HTTP");
        assert!(matches!(error, HubError::Garbled { .. }), "{error:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let error = saying(move |_, _| Reply::raw(endless.as_bytes())).fails("no HTTP");
    assert!(matches!(error, HubError::Garbled { .. }), "{error:?}");
}

#[test]
fn a_hub_that_is_not_there_is_told_as_such() {
    let bench = saying(|_, _| Reply::raw(b""));
    let error = bench.fails("cannot reach");
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
    assert_eq!(bench.hub.asked().len(), 2);

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = HubOptions { endpoint: format!("http://{free}"), ..bench.options() };
    let error = fetch_with(options, "hf://o/r").0.unwrap_err();
    assert!(matches!(&error, HubError::Unreachable { url, .. } if url.contains(&free.to_string())), "{error:?}");
}

#[test]
fn a_hub_that_hangs_is_left() {
    let mut bench = saying(|_, _| Reply::raw(b"HTTP/1.1 302 Found\r\n").pause(Duration::from_secs(3)));
    bench.limits.answer = Duration::from_millis(100);
    let error = bench.fails("no answer within 100ms");
    assert!(matches!(error, HubError::TimedOut { .. }), "{error:?}");
    assert_eq!(bench.hub.asked().len(), 2);
}

#[test]
fn the_token_is_for_the_hub_alone() {
    let bytes = content(1000);
    let told = bytes.clone();
    // A repository that has moved, as hubs redirect it.
    let hub = move |request: &Request, at: &str| match request.path.as_str() {
        "/o/r/resolve/main/model.safetensors" => {
            Reply::head(307, &[("Location", "/new/r/resolve/main/model.safetensors"), ("Content-Length", "0")])
        }
        _ => Reply::linked(&told, at),
    };
    let bench = Bench::new(hub, move |request| Reply::part(&bytes, request));
    bench.fetch("hf://o/r").0.unwrap();
    let tokens = |seen: Vec<Request>| seen.into_iter().map(|request| request.authorization).collect::<Vec<_>>();
    let token = Some("Bearer hf_secret".to_owned());
    assert_eq!(tokens(bench.hub.seen()), [token.clone(), token]);
    assert_eq!(tokens(bench.cdn.seen()), [None]);
}

#[test]
fn redirects_end() {
    let bench = saying(|_, _| Reply::head(302, &[("Location", "/o/r/resolve/main/model.safetensors")]));
    let error = bench.fails("too many redirects");
    assert!(matches!(error, HubError::Redirects { .. }), "{error:?}");
    assert!(bench.hub.asked().len() < 10);
    // A page for people elsewhere, instead of the file.
    let bench = saying(|_, at| Reply::head(302, &[("Location", at)]));
    let error = bench.fails("X-Linked-ETag");
    assert!(matches!(error, HubError::Header { .. }), "{error:?}");
    assert_eq!(bench.cdn.asked(), [""; 0]);
}
