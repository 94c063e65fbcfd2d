//! Which names the server answers to, and from which pages changes are taken.
//!
//! A page of another site can make its reader's browser send requests here. Its address is in `Origin`, unless its owner lets
//! its own name point to this machine (DNS rebinding): then `Host` and `Origin` are both that name. So names are answered to
//! only when they are known. Addresses need not be: nobody can let another's address point here.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use crate::origins::Origins;
use crate::problem::{Problem, ProblemType};
use crate::upload::shorten;

/// Asked for under any name: orchestrators call containers by names of their own, and hear nothing but "alive".
const ANY_NAME: [&str; 2] = ["/livez", "/readyz"];

/// Refuses what comes under a strange name, and changes that a page of another site asks for whose origin is not configured.
pub(super) fn check(parts: &Parts, hosts: &[String], origins: &Origins) -> Result<(), Problem> {
    let host = host(parts);
    if let Some(host) = host.filter(|host| !is_ours(host, hosts) && !ANY_NAME.contains(&parts.uri.path())) {
        return Err(Problem::new(
            ProblemType::UnknownHost,
            format_args!("this server does not go by the name {:?}; the operator may add it to `hosts`", shorten(host)),
        ));
    }
    let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads
        && is_foreign(&parts.headers, host)
        && !parts.headers.get(header::ORIGIN).is_some_and(|o| origins.allow(o))
    {
        return Err(Problem::new(ProblemType::CrossSite, "the request comes from a page of another site"));
    }
    Ok(())
}

/// By which name the client called, with its port. Only programs leave it out.
fn host(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(header::HOST).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    parts.uri.authority().map(axum::http::uri::Authority::as_str).or(header)
}

fn is_ours(host: &str, hosts: &[String]) -> bool {
    let name = name(host);
    let address = name.parse::<IpAddr>().is_ok()
        || name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok());
    let name = name.strip_suffix('.').unwrap_or(name);
    let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    address || local || hosts.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(name))
}

/// Without the port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Browsers say where a request comes from.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => {
            // A proxy may speak another scheme; the host is what tells sites apart.
            let site = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, site)| site);
            !site.zip(host).is_some_and(|(site, host)| site.eq_ignore_ascii_case(host))
        }
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn status(method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let request = headers.iter().fold(Request::builder().method(method).uri(path), |r, (n, v)| r.header(*n, *v));
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        match check(&parts, &["shelf.example".to_owned()], &Origins::default()) {
            Ok(()) => 200,
            Err(problem) => problem.kind().row().status.as_u16(),
        }
    }

    #[test]
    fn strange_names_are_refused() {
        let check = |host: &str, expected: u16| assert_eq!(status("GET", "/", &[("host", host)]), expected, "{host}");
        check("localhost", 200);
        check("localhost:8000", 200);
        check("LOCALHOST.:8000", 200);
        check("shelf.localhost", 200);
        check("127.0.0.1:8000", 200);
        check("[::1]:8000", 200);
        check("[::1]", 200);
        check("192.168.1.7:8000", 200);
        check("Shelf.Example:443", 200);
        check("evil.example", 421);
        check("localhost.evil.example", 421);
        check("127.0.0.1.evil.example", 421);
        check("evil.example:8000:127.0.0.1", 421);
        check("shelf.example.evil", 421);
        check("", 421);
        assert_eq!(status("GET", "/", &[]), 200, "programs of HTTP/1.0");
        assert_eq!(status("GET", "/livez", &[("host", "pod-7")]), 200);
        assert_eq!(
            status("GET", "http://evil.example/", &[("host", "localhost")]),
            421,
            "the address counts, not the header"
        );
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let check = |headers: &[(&str, &str)], allowed: bool| {
            assert_eq!(status("POST", "/v2/recognize", headers) == 200, allowed, "{headers:?}");
        };
        check(&[], true);
        check(&[("host", "shelf.example")], true);
        check(&[("host", "shelf.example"), ("origin", "https://shelf.example")], true);
        check(&[("host", "shelf.example:8000"), ("origin", "http://shelf.example:8000")], true);
        check(&[("host", "shelf.example"), ("origin", "https://evil.example")], false);
        check(&[("host", "shelf.example"), ("origin", "https://shelf.example.evil.example")], false);
        check(&[("host", "evil.example"), ("origin", "https://evil.example")], false);
        check(&[("host", "shelf.example"), ("origin", "null")], false);
        check(&[("origin", "https://shelf.example")], false);
        check(&[("host", "shelf.example"), ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "shelf.example"), ("sec-fetch-site", "same-origin")], true);
        let read = &[("host", "shelf.example"), ("origin", "https://evil.example")];
        assert_eq!(status("GET", "/v2/skus", read), 200, "what only reads is the browser's to keep from them");
    }
}
