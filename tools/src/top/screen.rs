//! What a server does, on one screen of text.

use std::fmt::Write as _;
use std::time::Duration;

use super::metrics::Reading;

/// Stages of a photo, in their order.
const STAGES: [&str; 7] = ["queue", "decode", "detect", "crop", "embed", "search", "total"];
const BARS: usize = 24;

/// What happened between two readings, `seconds` apart.
pub(super) fn screen(before: &Reading, now: &Reading, since: Duration) -> String {
    let seconds = since.as_secs_f64().max(1e-3);
    let mut out = String::new();
    head(&mut out, before, now, seconds);
    photos(&mut out, before, now, seconds);
    stages(&mut out, before, now);
    routes(&mut out, before, now, seconds);
    out
}

fn value(reading: &Reading, name: &str) -> f64 {
    reading.value(name).unwrap_or(0.0)
}

fn head(out: &mut String, before: &Reading, now: &Reading, seconds: f64) {
    let state = if value(now, "shelf_ready") == 1.0 { "ready" } else { "not ready" };
    let release = now.label("shelf_release_info", "release").unwrap_or("none");
    let version = now.label("shelf_build_info", "version").unwrap_or("?");
    let cpu = (value(now, "process_cpu_seconds_total") - value(before, "process_cpu_seconds_total")).max(0.0) / seconds;
    let _ = writeln!(
        out,
        "shelf {version}  {state}  release {release}  processor {:.0} %  memory {:.0} MiB  files {:.0}  connections {:.0}",
        cpu * 100.0,
        value(now, "process_resident_memory_bytes") / f64::from(1 << 20),
        value(now, "process_open_fds"),
        value(now, "shelf_http_connections")
    );
    let _ = writeln!(
        out,
        "gallery {:.0} SKUs, {:.0} exemplars",
        value(now, "shelf_gallery_skus"),
        value(now, "shelf_gallery_exemplars")
    );
}

fn photos(out: &mut String, before: &Reading, now: &Reading, seconds: f64) {
    let outcomes = now.added(before, "shelf_recognitions_total", "outcome");
    let answered = outcomes.get("ok").copied().unwrap_or(0.0);
    let (waiting, room) = (value(now, "shelf_queue_depth"), value(now, "shelf_queue_capacity").max(1.0));
    let full = ((waiting / room) * BARS as f64).round().clamp(0.0, BARS as f64) as usize;
    let _ = writeln!(out, "\nphotos   {:>8.2} a second", answered / seconds);
    let _ = writeln!(
        out,
        "queue    [{}{}] {waiting:.0} of {room:.0}, {:.0} at work",
        "#".repeat(full),
        ".".repeat(BARS - full),
        value(now, "shelf_workers_busy")
    );
    let facings: f64 = now.added(before, "shelf_facings_total", "status").values().sum();
    let _ = writeln!(out, "facings  {:>8.1} a second", facings / seconds);
    let refused: Vec<String> = outcomes
        .iter()
        .filter(|(name, count)| *name != "ok" && **count > 0.0)
        .map(|(name, count)| format!("{name} {:.2}", count / seconds))
        .collect();
    if !refused.is_empty() {
        let _ = writeln!(out, "refused  {} a second", refused.join(", "));
    }
}

fn stages(out: &mut String, before: &Reading, now: &Reading) {
    let _ = writeln!(out, "\n{:<10} {:>9} {:>9} {:>9}", "stage", "p50 ms", "p99 ms", "photos");
    for stage in STAGES {
        let of = |fraction| now.quantile(before, ("shelf_stage_duration_seconds", "stage", stage), fraction);
        let shown =
            |time: Option<(f64, f64)>| time.map_or_else(|| "-".to_owned(), |(time, _)| format!("{:.1}", time * 1e3));
        let count = of(0.5).map_or(0.0, |(_, count)| count);
        let _ = writeln!(out, "{stage:<10} {:>9} {:>9} {count:>9.0}", shown(of(0.5)), shown(of(0.99)));
    }
}

fn routes(out: &mut String, before: &Reading, now: &Reading, seconds: f64) {
    const SHOWN: usize = 8;
    let asked = now.added(before, "shelf_http_requests_total", "route");
    let mut asked: Vec<(&String, &f64)> = asked.iter().filter(|(_, count)| **count > 0.0).collect();
    asked.sort_by(|a, b| b.1.total_cmp(a.1));
    let _ = writeln!(out, "\n{:<44} {:>9} {:>9}", "route", "a second", "p99 ms");
    for (route, count) in asked.into_iter().take(SHOWN) {
        let slow = now.quantile(before, ("shelf_http_request_duration_seconds", "route", route), 0.99);
        let slow = slow.map_or_else(|| "-".to_owned(), |(time, _)| format!("{:.1}", time * 1e3));
        let _ = writeln!(out, "{route:<44} {:>9.2} {slow:>9}", count / seconds);
    }
    let statuses = now.added(before, "shelf_http_requests_total", "status");
    let statuses = statuses.iter().filter(|(_, count)| **count > 0.0);
    let statuses: Vec<String> = statuses.map(|(status, count)| format!("{status}: {:.2}", count / seconds)).collect();
    if !statuses.is_empty() {
        let _ = writeln!(out, "\nanswers a second  {}", statuses.join("  "));
    }
}
