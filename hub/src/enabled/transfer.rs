//! The bytes of a file, from where the last try ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::time::Instant;

use ureq::http::Response;
use ureq::{Body, Timeout};

use super::super::{HubError, Limits, Progress};
use super::client::{Client, MAX_REDIRECTS, Method, header, refusal, shown};
use super::remote::Remote;

/// Writes what is still missing of `remote` to the file at `partial`, all the way to the disk. Whether some of it was there
/// already.
///
/// # Errors
/// When not all of it comes; what came stays for the next try.
pub(super) fn transfer(
    client: &Client,
    remote: &Remote,
    partial: &Path,
    report: &mut dyn FnMut(Progress<'_>),
) -> Result<bool, HubError> {
    let io = |source| HubError::Cache { path: partial.to_owned(), source };
    let file = OpenOptions::new().create(true).append(true).open(partial).map_err(io)?;
    let mut have = file.metadata().map_err(io)?.len();
    if have > remote.size {
        file.set_len(0).map_err(io)?;
        have = 0;
    }
    let mut resumed = have > 0;
    if have < remote.size {
        let (start, url, body) = open(client, remote, have)?;
        if start < have {
            file.set_len(start).map_err(io)?;
            (have, resumed) = (start, false);
        }
        pour(body, &file, &Rest { url, partial, have, size: remote.size, limits: client.limits }, report)?;
    }
    file.sync_all().map_err(io)?;
    Ok(resumed)
}

/// The body that begins at byte `have`, or, when the other side does not cut, at the first; and where it came from.
fn open(client: &Client, remote: &Remote, have: u64) -> Result<(u64, String, Body), HubError> {
    let (mut from, mut url) = (have, remote.location.clone());
    for _ in 0..=MAX_REDIRECTS {
        let answer = client.ask(Method::Get(from), &url)?;
        match answer.status().as_u16() {
            200 => return Ok((0, shown(&url), answer.into_body())),
            206 if from > 0 && continues(&answer, from, remote.size) => {
                return Ok((from, shown(&url), answer.into_body()));
            }
            // Another part than the one asked for, or none: the whole will do.
            206 | 416 if from > 0 => from = 0,
            // The hub knows the file, so none of another name is to be tried instead.
            404 => return Err(HubError::Status { url: shown(&url), status: 404 }),
            _ => match client.redirect(&url, &answer)? {
                Some(target) => url = target,
                None => return Err(refusal(&url, &answer)),
            },
        }
    }
    Err(HubError::Redirects { url: shown(&remote.location) })
}

/// Whether `answer` says that it begins at byte `from` of `size`.
fn continues(answer: &Response<Body>, from: u64, size: u64) -> bool {
    let range = header(answer, "Content-Range");
    let parts = range.as_deref().and_then(|range| range.strip_prefix("bytes ")?.split_once('/'));
    parts.is_some_and(|(span, all)| {
        let start = span.split_once('-').and_then(|(start, _)| start.parse().ok());
        start == Some(from) && (all == "*" || all.parse() == Ok(size))
    })
}

/// What is still to come.
struct Rest<'a> {
    url: String,
    partial: &'a Path,
    have: u64,
    size: u64,
    limits: Limits,
}

fn pour(body: Body, mut file: &File, rest: &Rest<'_>, report: &mut dyn FnMut(Progress<'_>)) -> Result<(), HubError> {
    let Rest { partial, mut have, size, limits, .. } = *rest;
    let url = || rest.url.clone();
    let io = |source| HubError::Cache { path: partial.to_owned(), source };
    let stalled = |got| HubError::Stalled { url: url(), got, size, limit: limits.stall };
    let mut reader = body.into_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut rate = TransferRate { since: Instant::now(), bytes: 0 };
    report(Progress::Bytes { done: have, total: size });
    while have < size {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Err(HubError::Truncated { url: url(), got: have, size }),
            Ok(count) => count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if is_timeout(&error) => return Err(stalled(have)),
            Err(_) => return Err(HubError::Truncated { url: url(), got: have, size }),
        };
        if count > size - have {
            file.set_len(0).map_err(io)?;
            return Err(HubError::Overlong { url: url(), size });
        }
        file.write_all(&buffer[..count as usize]).map_err(io)?;
        have += count;
        report(Progress::Bytes { done: have, total: size });
        if !rate.is_enough(count, &limits) {
            return Err(stalled(have));
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let by_limit = matches!(inner, Some(ureq::Error::Timeout(Timeout::PerRead | Timeout::RecvBody)));
    by_limit || matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// How much came since the last look.
struct TransferRate {
    since: Instant,
    bytes: u64,
}

impl TransferRate {
    /// Counts `bytes` more; whether they came fast enough.
    fn is_enough(&mut self, bytes: u64, limits: &Limits) -> bool {
        self.bytes += bytes;
        let past = self.since.elapsed();
        if past < limits.stall {
            return true;
        }
        let enough = self.bytes as f64 >= limits.min_rate as f64 * past.as_secs_f64();
        *self = Self { since: Instant::now(), bytes: 0 };
        enough
    }
}
