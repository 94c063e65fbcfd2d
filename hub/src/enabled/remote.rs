//! What a hub says of a file before it sends it.

use ureq::Body;
use ureq::http::Response;
use vision::Sha256;

use super::super::HubError;
use super::super::file::is_commit;
use super::client::{Client, MAX_REDIRECTS, Method, header, refusal, shown};

/// A file as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// Where its bytes are: often elsewhere than the hub.
    pub(super) location: String,
    /// The commit that the revision stands for now.
    pub(super) commit: String,
    /// Digest of its bytes.
    pub(super) sha256: Sha256,
    /// Number of its bytes.
    pub(super) size: u64,
}

impl Remote {
    /// Asks for the file at `url` without its bytes. The hub tells commit, size and digest itself and points elsewhere for the
    /// bytes; before that it may point to another name on the hub.
    ///
    /// # Errors
    /// When it does not exist, the hub does not answer, or not as hubs do.
    pub(super) fn resolve(client: &Client, url: &str) -> Result<Self, HubError> {
        let mut place = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let answer = client.ask(Method::Head, &place)?;
            match client.redirect(&place, &answer)? {
                Some(target) if header(&answer, LINKED_ETAG).is_some() => return Self::read(&answer, &place, target),
                Some(target) if client.is_own(&target) => place = target,
                Some(_) => return Err(HubError::Header { url: shown(&place), name: LINKED_ETAG, value: None }),
                None if answer.status().is_success() => return Self::read(&answer, &place, place.clone()),
                None => return Err(refusal(&place, &answer)),
            }
        }
        Err(HubError::Redirects { url: shown(url) })
    }

    /// The headers of `answer`. Weights are large files to a hub, and of these the tag is the SHA-256; a file under another
    /// tag could not be checked, so it is refused.
    fn read(answer: &Response<Body>, url: &str, location: String) -> Result<Self, HubError> {
        let either = |linked: &'static str, own: &'static str| match header(answer, linked) {
            Some(value) => (linked, Some(value)),
            None => (own, header(answer, own)),
        };
        let wrong = |name, value| HubError::Header { url: shown(url), name, value };
        let commit = header(answer, COMMIT);
        let Some(commit) = commit.clone().filter(|commit| is_commit(commit)) else { return Err(wrong(COMMIT, commit)) };
        let (name, tag) = either(LINKED_ETAG, "ETag");
        let sha256 = tag.as_deref().and_then(|tag| tag.trim_start_matches("W/").trim_matches('"').parse().ok());
        let sha256 = sha256.ok_or_else(|| wrong(name, tag))?;
        let (name, length) = either("X-Linked-Size", "Content-Length");
        let size = length.as_deref().and_then(|length| length.parse().ok()).filter(|&size| size > 0);
        let size = size.ok_or_else(|| wrong(name, length))?;
        Ok(Self { location, commit, sha256, size })
    }
}

const COMMIT: &str = "X-Repo-Commit";
const LINKED_ETAG: &str = "X-Linked-ETag";
