//! One HTTP request to a hub, and what its answer means.

use std::time::Duration;

use ureq::http::{Response, Uri};
use ureq::{Agent, Body};
use vision::secret::redacted;

use super::super::{HubError, HubFile, Limits, Missing, Token};

/// Redirects that are followed one after the other.
pub(super) const MAX_REDIRECTS: usize = 5;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// What would come.
    Head,
    /// The bytes from here on.
    Get(u64),
}

/// Asks one hub. Redirects are not followed by themselves: the token must not travel with them.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    /// Without a slash at its end.
    endpoint: String,
    token: Option<Token>,
    pub(super) limits: Limits,
}

/// An address that is none, or holds a secret, as it may be shown.
fn without_secret(endpoint: &str) -> String {
    if endpoint.contains("://") {
        redacted(endpoint)
    } else {
        endpoint.rsplit('@').next().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub(super) fn new(endpoint: &str, token: Option<Token>, limits: Limits) -> Result<Self, HubError> {
        let endpoint = endpoint.trim().trim_end_matches('/');
        let refused = |reason| HubError::Endpoint { given: without_secret(endpoint), reason };
        let address: Uri = endpoint.parse().map_err(|_| refused("that is no address"))?;
        if !matches!(address.scheme_str(), Some("http" | "https")) {
            return Err(refused("an address begins with https:// or http://"));
        }
        if address.authority().is_none_or(|authority| authority.as_str().contains('@')) || address.query().is_some() {
            return Err(refused("an address is a host and, if need be, a path; a secret belongs into HF_TOKEN"));
        }
        let mut config = Agent::config_builder()
            .user_agent(concat!("shelf/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(address.scheme_str() == Some("https"))
            .timeout_resolve(Some(limits.answer))
            .timeout_connect(Some(limits.answer))
            .timeout_send_request(Some(limits.answer))
            .timeout_recv_response(Some(limits.answer))
            .timeout_per_read(Some(limits.stall));
        if matches!(address.host(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            // No proxy leads to this machine.
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().new_agent(), endpoint: endpoint.to_owned(), token, limits })
    }

    /// Where the hub has the file `name` of the repository and revision of `file`.
    pub(super) fn url(&self, file: &HubFile, name: &str) -> String {
        format!("{}/{}/{}/resolve/{}/{name}", self.endpoint, file.owner(), file.repo(), file.revision())
    }

    /// One request without redirects.
    ///
    /// # Errors
    /// When no answer comes.
    pub(super) fn ask(&self, method: Method, url: &str) -> Result<Response<Body>, HubError> {
        let mut request = match method {
            Method::Head => self.agent.head(url),
            Method::Get(_) => self.agent.get(url),
        };
        if let Method::Get(from @ 1..) = method {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.is_own(url)) {
            request = request.header("Authorization", format!("Bearer {}", token.expose()));
        }
        request.call().map_err(|error| self.failed(url, error))
    }

    /// Whether `url` lies on the hub itself.
    pub(super) fn is_own(&self, url: &str) -> bool {
        matches!((origin(url), origin(&self.endpoint)), (Some(a), Some(b)) if a == b)
    }

    /// Where `answer` points to, when it is a redirect.
    ///
    /// # Errors
    /// [`HubError::Header`] when it points nowhere, or away from TLS.
    pub(super) fn redirect(&self, url: &str, answer: &Response<Body>) -> Result<Option<String>, HubError> {
        if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = header(answer, "Location");
        let refused = || HubError::Header { url: shown(url), name: "Location", value: location.as_deref().map(shown) };
        let place = location.as_deref().ok_or_else(refused)?;
        let base = url.parse::<Uri>().map_err(|_| refused())?;
        let (scheme, host) = (base.scheme_str().unwrap_or_default(), base.authority().map_or("", |host| host.as_str()));
        let target = match place {
            relative if relative.starts_with("//") => format!("{scheme}:{relative}"),
            relative if relative.starts_with('/') => format!("{scheme}://{host}{relative}"),
            absolute => absolute.to_owned(),
        };
        let Some((wanted, _)) = origin(&target) else { return Err(refused()) };
        let fits = wanted == "https" || wanted == "http" && self.endpoint.starts_with("http:");
        if fits { Ok(Some(target)) } else { Err(refused()) }
    }

    fn failed(&self, url: &str, error: ureq::Error) -> HubError {
        let url = shown(url);
        match error {
            ureq::Error::Timeout(_) => HubError::TimedOut { url, limit: self.limits.answer },
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::BadUri(_)
            | ureq::Error::LargeResponseHeader(..) => HubError::Garbled { url, source: error.into() },
            // A read that a time limit ended, on some systems.
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
                HubError::TimedOut { url, limit: self.limits.answer }
            }
            error => HubError::Unreachable { url, source: error.into() },
        }
    }
}

/// Scheme, host and port; `None` for what is no HTTP address.
fn origin(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?.to_owned();
    let authority = uri.authority()?.as_str().to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(usual).unwrap_or(&authority).to_owned();
    Some((scheme, authority))
}

/// `url` for people: queries hold signatures.
pub(super) fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().chars().take(500).collect()
}

/// What the header `name` says, if it is text.
pub(super) fn header(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(|text| text.trim().to_owned())
}

/// What a status means that is neither the answer nor a redirect.
pub(super) fn refusal(url: &str, answer: &Response<Body>) -> HubError {
    let status = answer.status().as_u16();
    let url = shown(url);
    // The other form, a date, is not sent by hubs; it counts as none.
    let pause = header(answer, "Retry-After").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    match status {
        401 | 403 => HubError::Denied { url, status },
        404 => {
            let missing = match header(answer, "X-Error-Code").as_deref() {
                Some("RepoNotFound") => Missing::Repository,
                Some("RevisionNotFound") => Missing::Revision,
                _ => Missing::File,
            };
            HubError::NotFound { url, missing }
        }
        429 => HubError::Busy { url, pause },
        500.. => HubError::Server { url, status, pause },
        _ => HubError::Status { url, status },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let client = |endpoint: &str| Client::new(endpoint, None, Limits::default());
        for endpoint in [
            "",
            "huggingface.co",
            "ftp://a",
            "https://",
            "https://user:hunter2@a",
            "user:hunter2@a",
            "https://a/?hunter2",
            "https://a/?b",
            "a b",
        ] {
            let Err(error) = client(endpoint) else { panic!("{endpoint} is taken") };
            assert!(matches!(error, HubError::Endpoint { .. }), "{endpoint}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let file: HubFile = "hf://a/b@v1/c/d.bin".parse().unwrap();
        let url = client(" https://mirror.example:8443/hub/ ").unwrap().url(&file, "c/d.bin");
        assert_eq!(url, "https://mirror.example:8443/hub/a/b/resolve/v1/c/d.bin");
    }

    #[test]
    fn only_the_hub_itself_is_its_own() {
        let client = Client::new("https://hub.example", None, Limits::default()).unwrap();
        for (url, own) in [
            ("https://hub.example/a", true),
            ("https://HUB.example:443/a", true),
            ("http://hub.example/a", false),
            ("https://hub.example:8443/a", false),
            ("https://hub.example.evil.example/a", false),
            ("https://hub.example@evil.example/a", false),
            ("https://cdn.hub.example/a", false),
            ("/a", false),
        ] {
            assert_eq!(client.is_own(url), own, "{url}");
        }
    }
}
