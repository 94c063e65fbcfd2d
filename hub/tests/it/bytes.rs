//! Bytes that come late, in part, wrong, or in excess.

use std::fs;
use std::time::Duration;

use hub::HubError;

use super::{Bench, Reply, Request, content, read};

/// A sound hub whose bytes come as `cdn` says.
fn sending(bytes: &[u8], cdn: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Bench {
    let told = bytes.to_vec();
    Bench::new(move |_, at| Reply::linked(&told, at), cdn)
}

fn ranges(bench: &Bench) -> Vec<Option<String>> {
    bench.cdn.seen().into_iter().map(|request| request.range).collect()
}

#[test]
fn a_cut_transfer_goes_on_where_it_ended() {
    let bytes = content(500_000);
    let sent = bytes.clone();
    let bench = sending(&bytes, move |request| match request.before {
        0 => Reply::cut(&sent, 200_000),
        _ => Reply::part(&sent, request),
    });
    let (path, told) = bench.fetch("hf://o/r");
    assert_eq!(read(&path.unwrap()), bytes);
    assert_eq!(told, ["wait 1s"]);
    assert_eq!(ranges(&bench), [None, Some("bytes=200000-".to_owned())]);
    assert!(!bench.partial(&bytes).exists());
}

#[test]
fn a_transfer_that_is_always_cut_ends_and_keeps_what_came() {
    let bytes = content(500_000);
    let sent = bytes.clone();
    let mut bench = sending(&bytes, move |_| Reply::cut(&sent, 200_000));
    bench.limits.tries = 1;
    let error = bench.fails("ended after 200000 of 500000 bytes");
    assert!(matches!(error, HubError::Truncated { got: 200_000, size: 500_000, .. }), "{error:?}");
    assert_eq!(read(&bench.partial(&bytes)), bytes[..200_000]);
}

#[test]
fn who_cannot_cut_sends_it_whole() {
    let bytes = content(50_000);
    let whole = |_: &Request, bytes: &[u8]| Reply::whole(bytes);
    let elsewhere = |request: &Request, bytes: &[u8]| match request.from() {
        0 => Reply::whole(bytes),
        // The wrong part, right in itself.
        _ => Reply::head(206, &[("Content-Range", "bytes 0-49999/50000"), ("Content-Length", "50000")]).then(bytes),
    };
    let garbage = |request: &Request, bytes: &[u8]| match request.from() {
        0 => Reply::whole(bytes),
        _ => Reply::head(206, &[("Content-Range", "half"), ("Content-Length", "3")]).then(b"abc"),
    };
    let refusing = |request: &Request, bytes: &[u8]| match request.from() {
        0 => Reply::whole(bytes),
        _ => Reply::status(416),
    };
    let all: [fn(&Request, &[u8]) -> Reply; 4] = [whole, elsewhere, garbage, refusing];
    for answer in all {
        let sent = bytes.clone();
        let bench = sending(&bytes, move |request| answer(request, &sent));
        fs::create_dir_all(bench.partial(&bytes).parent().unwrap()).unwrap();
        fs::write(bench.partial(&bytes), &bytes[..10_000]).unwrap();
        assert_eq!(read(&bench.fetch("hf://o/r").0.unwrap()), bytes);
        assert_eq!(bench.cdn.seen()[0].from(), 10_000);
    }
}

#[test]
fn wrong_bytes_are_refused() {
    let bytes = content(50_000);
    let mut sent = bytes.clone();
    sent[49_999] ^= 1;
    let bench = sending(&bytes, move |request| Reply::part(&sent, request));
    let error = bench.fails("SHA-256");
    assert!(matches!(error, HubError::Digest { resumed: false, .. }), "{error:?}");
    assert!(!bench.partial(&bytes).exists());
    assert_eq!(bench.cdn.asked().len(), 1);
}

#[test]
fn what_an_earlier_run_left_broken_is_fetched_anew() {
    let bytes = content(50_000);
    for left in [vec![9; 10_000], vec![9; 50_000], vec![9; 60_000]] {
        let bench = Bench::sound(bytes.clone());
        fs::create_dir_all(bench.partial(&bytes).parent().unwrap()).unwrap();
        fs::write(bench.partial(&bytes), left).unwrap();
        assert_eq!(read(&bench.fetch("hf://o/r").0.unwrap()), bytes);
    }
    // And so is a blob that lost its end, or was changed.
    for spoiled in [&bytes[..10_000], &[9; 50_000]] {
        let bench = Bench::sound(bytes.clone());
        let path = bench.fetch("hf://o/r").0.unwrap();
        fs::write(path.canonicalize().unwrap(), spoiled).unwrap();
        assert_eq!(read(&bench.fetch("hf://o/r").0.unwrap()), bytes);
    }
}

#[test]
fn sizes_have_a_bound() {
    let bytes = content(50_000);
    let mut bench = Bench::sound(bytes.clone());
    bench.limits.largest = 49_999;
    let error = bench.fails("limit of 49999");
    assert!(matches!(error, HubError::TooLarge { size: 50_000, .. }), "{error:?}");
    assert_eq!(bench.cdn.asked(), [""; 0]);
    bench.limits.largest = 50_000;
    bench.fetch("hf://o/r").0.unwrap();
}

#[test]
fn more_than_was_said_is_refused() {
    let bytes = content(50_000);
    let sent = content(200_000);
    let bench = sending(&bytes, move |_| Reply::whole(&sent));
    let error = bench.fails("more than the 50000 bytes");
    assert!(matches!(error, HubError::Overlong { size: 50_000, .. }), "{error:?}");
    assert!(fs::metadata(bench.partial(&bytes)).is_ok_and(|about| about.len() == 0));
}

#[test]
fn a_transfer_that_halts_is_left_and_goes_on_later() {
    let bytes = content(50_000);
    let sent = bytes.clone();
    let mut bench = sending(&bytes, move |request| match request.before {
        0 => Reply::cut(&sent, 20_000).pause(Duration::from_secs(3)),
        _ => Reply::part(&sent, request),
    });
    (bench.limits.stall, bench.limits.tries) = (Duration::from_millis(100), 1);
    let error = bench.fails("after 20000 of 50000 bytes");
    assert!(matches!(error, HubError::Stalled { got: 20_000, .. }), "{error:?}");
    bench.limits.stall = Duration::from_secs(20);
    assert_eq!(read(&bench.fetch("hf://o/r").0.unwrap()), bytes);
    assert_eq!(bench.cdn.seen()[1].from(), 20_000);
}

#[test]
fn a_transfer_that_drips_is_left() {
    let bytes = content(50_000);
    let sent = bytes.clone();
    let mut bench = sending(&bytes, move |_| {
        let head = Reply::cut(&sent, 1);
        (1..200).fold(head, |reply, at| reply.pause(Duration::from_millis(10)).then(&sent[at..=at]))
    });
    // No single read takes as long as the limit: only the rate gives it away.
    (bench.limits.stall, bench.limits.tries) = (Duration::from_millis(500), 1);
    let error = bench.fails("too little for 500ms");
    assert!(matches!(error, HubError::Stalled { got, .. } if got < 199), "{error:?}");
}

#[test]
fn refusals_of_the_bytes_are_told_with_their_place() {
    for (status, tries) in [(403, 1), (404, 1), (503, 5)] {
        let bench = sending(&content(1000), move |_| Reply::status(status));
        let error = bench.fetch("hf://o/r").0.unwrap_err().to_string();
        assert!(error.contains(&format!("{}/bytes", bench.cdn.address)) && !error.contains("secret"), "{error}");
        assert_eq!(bench.cdn.asked().len(), tries, "{status}");
    }
}
